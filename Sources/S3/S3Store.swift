package import ArchiveTypes
import Checksums
package import HTTPTransport
package import ObjectStore
import Synchronization

/// A bucket (and prefix) of any server that speaks S3. One request an operation; nothing is retried here but what a
/// second signature puts right (see `S3Connection`).
package final class S3Store: ObjectStore {
    package let capabilities = StoreCapabilities(adoptsFiles: false, isRemote: true)
    package var name: String { connection.configuration.name }
    /// What endpoint, region and style came to.
    package var address: S3Address { connection.address }

    let connection: S3Connection
    private let hashing = HashingQueue()
    /// Whether `If-None-Match` goes along: until the server says that it does not know it.
    private let asksForAbsence = Atomic(true)

    /// - Parameters:
    ///   - client: may be shared by many stores.
    ///   - now: the local clock; tests pass wrong ones.
    package init(
        _ configuration: S3Configuration, client: HTTPClient, credentials: any CredentialsProvider,
        environment: AWSEnvironment = .process, now: (@Sendable () -> Nanoseconds)? = nil
    ) throws(S3ConfigurationError) {
        let address = try S3Address(configuration, environment: environment)
        connection = S3Connection(
            configuration, address, client, credentials, ServerClock(now ?? WallClock.now), environment: environment)
    }

    /// With the credentials of the environment or the configuration's profile.
    package convenience init(
        _ configuration: S3Configuration, client: HTTPClient, environment: AWSEnvironment = .process
    ) throws(S3ConfigurationError) {
        let credentials = DefaultCredentials(profile: configuration.profile, environment: environment)
        try self.init(configuration, client: client, credentials: credentials, environment: environment)
    }

    /// Throws where `key` cannot be that of an object.
    private func operation(_ method: HTTPRequest.Method, _ key: String) throws(StoreError) -> S3Operation {
        let prefix = connection.configuration.prefix
        let operation = S3Operation(method: method, title: "\(method.rawValue) \(key)", key: prefix + key)
        if let fault = ObjectKey.fault(in: key) { throw connection.storeError(.rejected, operation, fault) }
        return operation
    }

    // MARK: PUT

    package func put(_ key: String, _ body: ObjectBody) async throws(StoreError) -> PutResult {
        precondition(body.sha256.count == 32, "a SHA-256 of 32 bytes")
        var operation = try operation(.put, key)
        operation.body = HTTPRequest.Body(body.content)
        operation.payloadHash = hex(body.sha256)
        let md5 = try await md5(of: body, operation)
        // Some servers check the one, some the other, and none checks all.
        operation.headers = [
            .init("Content-MD5", Base64.encode(md5)), .init("x-amz-checksum-sha256", Base64.encode(body.sha256)),
        ]
        if asksForAbsence.load(ordering: .relaxed) {
            var conditional = operation
            conditional.headers.append("If-None-Match", "*")
            let answer = try await connection.perform(conditional)
            guard case .refused(let refusal) = answer, refusal.isNotImplemented else {
                return try result(answer, operation)
            }
            asksForAbsence.store(false, ordering: .relaxed)
        }
        return try result(await connection.perform(operation), operation)
    }

    private func result(_ answer: S3Answer, _ operation: S3Operation) throws(StoreError) -> PutResult {
        switch answer {
        case .success(let response):
            let time = connection.time(of: response)
            guard let refusal = S3Refusal(insideSuccess: response) else {
                return PutResult(outcome: .created, storeTime: time)
            }
            throw connection.storeError(refusal, operation)
        case .refused(let refusal) where refusal.status == 412:
            return PutResult(outcome: .alreadyHeld, storeTime: refusal.date ?? connection.clock.now)
        // Where there is no key, the bucket is what was not found.
        case .refused(let refusal) where refusal.kind == .notFound: throw missingBucket(refusal, operation)
        case .refused(let refusal): throw connection.storeError(refusal, operation)
        }
    }

    private func md5(of body: ObjectBody, _ operation: S3Operation) async throws(StoreError) -> [UInt8] {
        if let md5 = body.md5 { return md5 }
        do throws(HashingQueue.Unreadable) {
            return try await hashing.digest(.md5, of: body.content)
        } catch {
            throw connection.storeError(.rejected, operation, error.description)
        }
    }

    func missingBucket(_ refusal: S3Refusal, _ operation: S3Operation) -> StoreError {
        let bucket = connection.configuration.bucket
        return connection.storeError(
            .configuration, operation, refusal.text,
            hint: "create the bucket \(bucket) or mend its name in the configuration")
    }

    // MARK: GET

    package func get(_ key: String, _ range: ObjectRange) async throws(StoreError) -> ObjectData {
        var operation = try operation(.get, key)
        guard let wanted = WantedRange(range) else {
            throw connection.storeError(.rejected, operation, "a range of no bytes")
        }
        operation.responseLimit = wanted.responseLimit(objectLimit: connection.configuration.objectLimit)
        // AWS then tells the digest that came with the PUT.
        operation.headers = wanted.field.map { [.init("Range", $0)] } ?? [.init("x-amz-checksum-mode", "ENABLED")]
        switch try await connection.perform(operation) {
        case .success(let response):
            if range == .whole { try await verify(response, operation) }
            do throws(WantedRange.Mismatch) {
                return try wanted.data(from: response)
            } catch {
                throw connection.storeError(error.kind, operation, error.reason)
            }
        // Of an object that is shorter than the suffix, or empty, some servers give nothing: to callers it is the
        // whole of it.
        case .refused(let refusal) where refusal.kind == .rangeNotSatisfiable && wanted.isSuffix:
            guard try await wanted.isCovered(by: size(key)) else { throw connection.storeError(refusal, operation) }
            return try await get(key, .whole)
        case .refused(let refusal): throw connection.storeError(refusal, operation)
        }
    }

    /// Of a multipart object the field holds a digest of digests, with a `-` in it, which says nothing here.
    private func verify(_ response: HTTPResponse, _ operation: S3Operation) async throws(StoreError) {
        guard let promised = response.headers["x-amz-checksum-sha256"], promised.utf8.count == 44 else { return }
        let digest = await hashing.digest(.sha256, of: response.body)
        guard Base64.encode(digest) == promised else {
            throw connection.storeError(
                .corrupt, operation, "the answer's bytes do not have the SHA-256 that came with them")
        }
    }

    package func size(_ key: String) async throws(StoreError) -> UInt64 {
        let operation = try operation(.head, key)
        switch try await connection.perform(operation) {
        case .success(let response):
            guard let length = response.headers["Content-Length"].flatMap({ UInt64($0) }) else {
                throw connection.storeError(.transient, operation, "the answer does not tell the object's size")
            }
            return length
        case .refused(let refusal): throw connection.storeError(refusal, operation)
        }
    }

    // MARK: DELETE

    package func delete(_ key: String) async throws(StoreError) {
        let operation = try operation(.delete, key)
        switch try await connection.perform(operation) {
        case .success(let response):
            guard let refusal = S3Refusal(insideSuccess: response) else { return }
            throw connection.storeError(refusal, operation)
        case .refused(let refusal) where refusal.kind == .notFound: return
        case .refused(let refusal): throw connection.storeError(refusal, operation)
        }
    }
}

extension HTTPRequest.Body {
    fileprivate init(_ content: ObjectBody.Content) {
        switch content {
        case .bytes(let bytes): self = .bytes(bytes)
        case .file(let path, let length): self = .file(path: path, length: length)
        case .part(let part):
            self = .file(path: part.path, offset: part.offset, length: part.length, ending: part.ending)
        }
    }
}
