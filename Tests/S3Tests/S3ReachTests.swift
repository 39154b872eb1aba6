import ArchiveTypes
import Checksums
import HTTPTransport
import ObjectStore
import S3
import TestSupport
import Testing
import Synchronization

/// Who asks, at what time, and where: credentials, buckets, regions, clocks, endpoints.
struct S3ReachTests: S3DoubleSuite {
    let fixture: S3Fixture

    init() async throws { fixture = try await S3Fixture() }

    // MARK: Identity, clock, reach

    @Test(arguments: ["SignatureDoesNotMatch", "InvalidAccessKeyId", "InvalidToken"])
    func wrongCredentials(_ code: String) async throws {
        var wrong = S3Double.credentials
        if code == "SignatureDoesNotMatch" { wrong.secretAccessKey = Secret("wrong") }
        if code == "InvalidAccessKeyId" { wrong.accessKeyID = "wrong" }
        if code == "InvalidToken" { wrong.sessionToken = nil }
        let store = try S3Fixture.store(double.server.configuration(bucket: bucket), StaticCredentials(wrong))
        for operation in ["PUT", "GET", "LIST", "DELETE"] {
            let error = await failure { () async throws(StoreError) in try await run(operation, on: store) }
            #expect(error?.kind == .configuration, "\(operation)")
            #expect(error?.reason.contains(code) == true, "\(operation): \(String(describing: error))")
            #expect(error?.hint != nil, "\(operation)")
        }
        #expect(await failure { () async throws(StoreError) in try await store.size("k") }?.kind == .configuration)
    }

    @Test func aMissingBucketIsNamed() async throws {
        let store = try S3Fixture.store(double.server.configuration(bucket: "no-such-bucket"))
        for operation in ["PUT", "GET", "RANGE", "LIST", "DELETE"] {
            let error = await failure { () async throws(StoreError) in try await run(operation, on: store) }
            #expect(error?.kind == .configuration, "\(operation)")
            #expect(error?.hint?.contains("no-such-bucket") == true, "\(operation): \(String(describing: error))")
        }
    }

    @Test func theWrongRegionIsToldTheRightOne() async throws {
        var configuration = try double.server.configuration(bucket: bucket)
        configuration.region = "eu-central-1"
        let store = try S3Fixture.store(configuration)
        let error = await failure { () async throws(StoreError) in try await store.put("k", body) }
        #expect(error?.kind == .configuration)
        #expect(error?.hint == "set the region to us-east-1")
    }

    @Test(arguments: [-40 * 60, 3 * 86400])
    func aWrongClockIsCorrected(_ seconds: Int) async throws {
        let offset = Int64(seconds) * .perSecond
        let configuration = try double.server.configuration(bucket: bucket)
        let store = try S3Fixture.store(configuration, now: { WallClock.now() + offset })
        try await double.set([])
        let result = try await store.put("k", body)
        #expect(result.outcome == .created)
        #expect(abs(result.storeTime - WallClock.now()) < .perMinute, "the store's time, not this machine's")
        let isSame = try await store.get("k", .whole).bytes == bytes
        #expect(isSame)
        #expect(try await double.log().map(\.status) == [403, 200, 200], "only once is the signature refused")
    }

    @Test func expiredCredentialsAreFetchedAnewOnce() async throws {
        let provider = RenewedCredentials()
        let store = try S3Fixture.store(double.server.configuration(bucket: bucket), provider)
        #expect(try await store.put("k", body).outcome == .created)
        #expect(provider.renewals.withLock { $0 } == 1)
        try await double.set([S3Fault(.status, on: "PUT", times: 0, status: 400, code: "ExpiredToken")])
        #expect(await failure { () async throws(StoreError) in try await store.put("k", body) }?.kind == .configuration)
        #expect(provider.renewals.withLock { $0 } == 2)
    }

    /// Its first token is one that the double does not know.
    private final class RenewedCredentials: CredentialsProvider {
        let renewals = Mutex(0)

        func credentials() async throws(CredentialsError) -> Credentials {
            var credentials = S3Double.credentials
            if renewals.withLock({ $0 }) == 0 { credentials.sessionToken = Secret("old") }
            return credentials
        }

        func invalidate() { renewals.withLock { $0 += 1 } }
    }

    @Test func noCredentialsAreAMatterOfConfiguration() async throws {
        let store = try S3Store(
            double.server.configuration(bucket: bucket), client: S3Server.client.get(), environment: AWSEnvironment([:])
        )
        let error = await failure { () async throws(StoreError) in try await store.size("k") }
        #expect(error?.kind == .configuration)
        #expect(error?.hint?.contains("AWS_ACCESS_KEY_ID") == true)
    }

    /// The bucket as a part of the host's name, which libcurl takes for this machine under `localhost`.
    @Test func virtualHostedAddresses() async throws {
        var configuration = try double.server.configuration(bucket: bucket, prefix: "p")
        let port = try #require(double.server.endpoint.split(separator: ":").last)
        configuration.endpoint = "http://localhost:\(port)"
        configuration.pathStyle = false
        let store = try S3Fixture.store(configuration)
        #expect(store.address.authority == "\(bucket).localhost:\(port)")
        #expect(try await store.put("a b+c", body).outcome == .created)
        #expect(try await store.list(prefix: "a", after: nil, limit: 10).entries.map(\.key) == ["a b+c"])
        #expect(try await store.get("a b+c", .suffix(length: 3)).bytes == bytes.suffix(3))
    }

    @Test func nobodyAtTheEndpoint() async throws {
        var configuration = try double.server.configuration(bucket: bucket)
        configuration.endpoint = "http://127.0.0.1:1"
        let store = try S3Fixture.store(configuration)
        let error = await failure { () async throws(StoreError) in try await store.put("k", body) }
        #expect(error?.kind == .transient)
        #expect(error?.hint?.contains("is the server at http://127.0.0.1:1 running") == true)
    }

    @Test func aHangIsCancelledAtOnce() async throws {
        try await double.set([S3Fault(.stall, on: "PUT")])
        let patient = try S3Fixture.store(double.server.configuration(bucket: bucket))
        let task = Task { await failure { () async throws(StoreError) in try await patient.put("k", body) } }
        try await double.wait(for: .stalled)
        task.cancel()
        #expect(await task.value?.kind == .cancelled)
        try await double.wait(for: .abandoned)
    }

    @Test func aFileThatIsGoneIsNamed() async throws {
        let gone = ObjectBody(content: .file(path: "/nonexistent/chunk", length: 10), sha256: sha256([]))
        let error = await failure { () async throws(StoreError) in try await store.put("k", gone) }
        #expect(error?.kind == .rejected)
        #expect(error?.reason.contains("/nonexistent/chunk") == true)
    }
}
