import ArchiveTypes
import Checksums
import HTTPTransport
import ObjectStore
import S3
import Synchronization
import TestSupport
import Testing

/// What each fault of a server becomes, and that retrying gets over it.
struct S3FaultTests {
    private let double: S3Double
    private let store: S3Store
    private var bucket: String { double.bucket }
    private let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: ($0 * $0) >> 5 ^ $0) }

    init() async throws {
        double = try await S3Double.start()
        var configuration = try double.server.configuration(bucket: double.bucket, prefix: "archive")
        configuration.timeouts = HTTPTimeouts(connect: .seconds(5), stall: .milliseconds(400))
        store = try Self.store(double, configuration)
    }

    private static func store(
        _ double: S3Double, _ configuration: S3Configuration, _ credentials: (any CredentialsProvider)? = nil,
        now: (@Sendable () -> Nanoseconds)? = nil
    ) throws -> S3Store {
        try S3Store(
            configuration, client: S3Server.client.get(),
            credentials: credentials ?? StaticCredentials(S3Double.credentials), environment: AWSEnvironment([:]),
            now: now)
    }

    private var body: ObjectBody { ObjectBody(content: .bytes(bytes), sha256: sha256(bytes)) }

    private func failure<Value>(_ work: () async throws(StoreError) -> Value) async -> StoreError? {
        do throws(StoreError) {
            _ = try await work()
            return nil
        } catch { return error }
    }

    /// One request of each operation; answers are compared with what was put.
    private func run(_ operation: String, on store: some ObjectStore) async throws(StoreError) {
        switch operation {
        case "PUT": _ = try await store.put("k/new-\(UInt64.random(in: .min ... .max))", body)
        case "GET":
            // Not `==` within #expect: a failure would print it all.
            let isSame = try await store.get("k/held", .whole).bytes == bytes
            #expect(isSame)
        case "RANGE":
            let isSame =
                try await store.get("k/held", .bytes(offset: 1000, length: 5000)).bytes == Array(bytes[1000..<6000])
            #expect(isSame)
        case "HEAD":
            let size = try await store.size("k/held")
            #expect(size == 100_000)
        case "LIST":
            let page = try await store.list(prefix: "k/", after: nil, limit: 10)
            #expect(page.entries.contains(.init(key: "k/held", size: 100_000)))
        default: try await store.delete("k/other")
        }
    }

    static let operations = ["PUT", "GET", "RANGE", "HEAD", "LIST", "DELETE"]

    private static func wire(_ operation: String) -> String { operation == "RANGE" ? "GET" : operation }

    // MARK: Faults that pass

    static let passing: [S3Fault] = [
        S3Fault(.status, status: 500, code: "InternalError"), S3Fault(.status, status: 503, code: "SlowDown"),
        S3Fault(.status, status: 502), S3Fault(.status, status: 504), S3Fault(.status, status: 429),
        S3Fault(.status, status: 408),
        S3Fault(.status, status: 400, code: "RequestTimeout"),
        S3Fault(.status, status: 409, code: "ConditionalRequestConflict"),
        S3Fault(.reset), S3Fault(.doneButReset), S3Fault(.stall),
        S3Fault(.doneButStatus, status: 500, code: "InternalError"),
    ]

    @Test(arguments: passing, operations)
    func passesAndIsTriedAgain(_ fault: S3Fault, _ operation: String) async throws {
        // The answer to a HEAD has no body: of these codes nothing is seen.
        guard operation != "HEAD" || fault.code != "RequestTimeout" && fault.code != "ConditionalRequestConflict" else {
            return
        }
        _ = try await store.put("k/held", body)
        var fault = fault
        fault.operation = Self.wire(operation)
        var lasting = fault
        // libcurl itself asks again when a kept connection is closed before it answers.
        lasting.times = 0
        try await double.set([lasting])
        let error = await failure { () async throws(StoreError) in try await run(operation, on: store) }
        #expect(error?.kind == .transient, "\(String(describing: error))")
        try await double.set([fault])
        try await run(operation, on: RetryingStore(store, policy: .impatient))
        #expect(try await double.log().count >= 2)
    }

    /// Half an answer, or one that says less than was asked: never given out as if it were whole.
    @Test(arguments: [S3Fault.Kind.truncate, .stallBody, .resetBody], ["GET", "RANGE", "LIST"])
    func halfAnAnswerIsNone(_ kind: S3Fault.Kind, _ operation: String) async throws {
        _ = try await store.put("k/held", body)
        let fault = S3Fault(kind, on: Self.wire(operation))
        try await double.set([fault])
        let error = await failure { () async throws(StoreError) in try await run(operation, on: store) }
        #expect(error?.kind == .transient, "\(String(describing: error))")
        try await double.set([fault])
        try await run(operation, on: RetryingStore(store, policy: .impatient))
    }

    @Test func aFlippedBitOfAWholeObjectIsNoticed() async throws {
        _ = try await store.put("k/held", body)
        try await double.set([S3Fault(.corrupt, on: "GET")])
        #expect(
            await failure { () async throws(StoreError) in try await store.get("k/held", .whole) }?.kind == .corrupt)
        try await double.set([S3Fault(.corrupt, on: "GET")])
        try await run("GET", on: RetryingStore(store, policy: .impatient))
    }

    @Test func aFlippedBitOfAListIsNoListOfOthers() async throws {
        _ = try await store.put("k/held", body)
        try await double.set([S3Fault(.corrupt, on: "LIST")])
        let error = await failure { () async throws(StoreError) in
            try await store.list(prefix: "k/", after: nil, limit: 10)
        }
        #expect(error?.kind == .transient)
    }

    /// The copy that nobody asked for must not be taken for the answer to the next request.
    @Test(arguments: ["GET", "RANGE", "LIST", "HEAD"])
    func anAnswerThatComesTwiceIsTakenOnce(_ operation: String) async throws {
        _ = try await store.put("k/held", body)
        _ = try await store.put("k/small", ObjectBody(content: .bytes([7]), sha256: sha256([7])))
        try await double.set([S3Fault(.duplicate, on: Self.wire(operation), times: 0)])
        for _ in 0..<20 {
            try await run(operation, on: store)
            let isSame = try await store.get("k/small", .whole).bytes == [7]
            #expect(isSame)
            #expect(try await store.size("k/small") == 1)
        }
    }

    @Test func errorInsideASuccess() async throws {
        _ = try await store.put("k/held", body)
        for operation in ["PUT", "LIST", "DELETE"] {
            try await double.set([S3Fault(.errorInside200, on: operation)])
            let error = await failure { () async throws(StoreError) in try await run(operation, on: store) }
            #expect(error?.kind == .transient, "\(operation)")
            #expect(error?.reason.contains("InternalError") == true, "\(operation)")
        }
    }

    // MARK: Statuses

    @Test(
        arguments: [
            (403, "AccessDenied", .configuration, "check the rights"),
            (403, "InvalidAccessKeyId", .configuration, "check the access key id"),
            (403, "SignatureDoesNotMatch", .configuration, "check the secret access key"),
            (400, "ExpiredToken", .configuration, "renew"),
            (403, "", .configuration, "check the rights"),
            (404, "NoSuchBucket", .configuration, "create the bucket"),
            (400, "BadDigest", .corrupt, nil),
            (400, "XAmzContentSHA256Mismatch", .corrupt, nil),
            (507, "", .full, "make room"),
            (403, "QuotaExceeded", .full, "make room"),
            (507, "XMinioStorageFull", .full, "make room"),
            (301, "PermanentRedirect", .configuration, "set the region to eu-north-7"),
            (307, "", .configuration, "set the region to eu-north-7"),
            (400, "AuthorizationHeaderMalformed", .configuration, "set the region to eu-north-7"),
            (400, "InvalidRequest", .rejected, nil),
            (405, "MethodNotAllowed", .rejected, nil),
            (501, "NotImplemented", .rejected, nil),
        ] as [(Int, String, StoreError.Kind, String?)])
    func statuses(_ status: Int, _ code: String, _ kind: StoreError.Kind, _ hint: String?) async throws {
        let region = hint?.contains("region") == true ? "eu-north-7" : nil
        try await double.set([S3Fault(.status, on: "PUT", times: 0, status: status, code: code, region: region)])
        let error = await failure { () async throws(StoreError) in try await store.put("k", body) }
        #expect(error?.kind == kind)
        #expect(error?.status == status)
        #expect(error?.reason.contains(code.isEmpty ? String(status) : code) == true)
        if let hint {
            #expect(error?.hint?.contains(hint) == true, "\(String(describing: error))")
        } else {
            #expect(error?.hint == nil)
        }
    }

    @Test(arguments: [("7", 7.0), ("0", 0), ("99999999", 3600), ("soon", nil), ("-1", nil)] as [(String, Double?)])
    func retryAfterInSeconds(_ field: String, _ seconds: Double?) async throws {
        try await double.set([S3Fault(.status, status: 503, code: "SlowDown", retryAfter: field)])
        #expect(await failure { () async throws(StoreError) in try await store.size("k") }?.retryAfter == seconds)
    }

    /// Counted from the server's clock, not from this machine's.
    @Test func retryAfterAsADate() async throws {
        try await double.setClock(-3 * 86400)
        let asked = WallClock.now() - 3 * .perDay + 100 * .perSecond
        // The first request is refused for its time.
        try await double.set([
            S3Fault(.status, on: "GET", nth: 2, status: 503, code: "SlowDown", retryAfter: Self.httpDate(asked))
        ])
        let error = await failure { () async throws(StoreError) in try await store.get("k", .whole) }
        #expect(error?.kind == .transient)
        #expect((80...101).contains(error?.retryAfter ?? -1), "\(String(describing: error))")
    }

    private static func httpDate(_ time: Nanoseconds) -> String {
        let civil = CivilTime(time)
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "Mon, \(two(civil.day)) \(months[civil.month - 1]) \(civil.year) "
            + "\(two(civil.hour)):\(two(civil.minute)):\(two(civil.second)) GMT"
    }

    @Test func missingObjectsAndImpossibleRanges() async throws {
        _ = try await store.put("k", body)
        #expect(await failure { () async throws(StoreError) in try await store.get("no", .whole) }?.kind == .notFound)
        #expect(await failure { () async throws(StoreError) in try await store.size("no") }?.kind == .notFound)
        let past = await failure { () async throws(StoreError) in
            try await store.get("k", .bytes(offset: 100_000, length: 1))
        }
        #expect(past?.kind == .rangeNotSatisfiable)
        let partly = await failure { () async throws(StoreError) in
            try await store.get("k", .bytes(offset: 99_999, length: 2))
        }
        #expect(partly?.kind == .corrupt)
    }

    // MARK: Conditions

    @Test func aWriteThatWasAnsweredWithAnErrorIsHeldAtTheSecondTry() async throws {
        try await double.set([S3Fault(.doneButStatus, on: "PUT", status: 500, code: "InternalError")])
        let result = try await RetryingStore(store, policy: .impatient).put("k", body)
        #expect(result.outcome == .alreadyHeld)
        let isSame = try await store.get("k", .whole).bytes == bytes
        #expect(isSame)
    }

    @Test func aServerThatKnowsNoConditionsIsNotAskedAgain() async throws {
        try await double.set([S3Fault(.noConditions, on: "PUT", times: 0)])
        #expect(try await store.put("k/1", body).outcome == .created)
        #expect(try await store.put("k/2", body).outcome == .created)
        #expect(try await double.log().map(\.ifNoneMatch) == ["*", "-", "-"])
        #expect(try await double.log().map(\.status) == [501, 200, 200])
    }

    @Test func aServerThatIgnoresConditionsIsGoodEnough() async throws {
        try await double.set([S3Fault(.ignoreConditions, on: "PUT", times: 0)])
        for _ in 1...2 { #expect(try await store.put("k", body).outcome == .created) }
    }

    @Test func wrongDigestsAreRefusedByTheServer() async throws {
        let wrong = ObjectBody(content: .bytes(bytes), sha256: sha256([1]))
        #expect(await failure { () async throws(StoreError) in try await store.put("k", wrong) }?.kind == .corrupt)
        let other = ObjectBody(content: .bytes(bytes), sha256: sha256(bytes), md5: md5([1]))
        #expect(await failure { () async throws(StoreError) in try await store.put("k", other) }?.kind == .corrupt)
        #expect(await failure { () async throws(StoreError) in try await store.size("k") }?.kind == .notFound)
    }

    // MARK: Ranges

    @Test(arguments: [S3Fault.Kind.ignoreRange, .rangeAs200])
    func rangesThatAreAnsweredWith200(_ kind: S3Fault.Kind) async throws {
        _ = try await store.put("k/held", body)
        try await double.set([S3Fault(kind, on: "GET", times: 0)])
        try await run("RANGE", on: store)
        let last = try await store.get("k/held", .suffix(length: 10))
        #expect(last.bytes == bytes.suffix(10))
        #expect(last.objectSize == 100_000)
        let isSame = try await store.get("k/held", .suffix(length: 1 << 30)).bytes == bytes
        #expect(isSame)
        let past = await failure { () async throws(StoreError) in
            try await store.get("k/held", .bytes(offset: 99_999, length: 2))
        }
        #expect(past?.kind == .corrupt)
    }

    @Test func ignoredRangesOfLargeObjectsAreAnError() async throws {
        let large = [UInt8](repeating: 1, count: 9 << 20)
        _ = try await store.put("large", ObjectBody(content: .bytes(large), sha256: sha256(large)))
        try await double.set([S3Fault(.ignoreRange, on: "GET", times: 0)])
        let error = await failure { () async throws(StoreError) in
            try await store.get("large", .bytes(offset: 0, length: 10))
        }
        #expect(error?.kind == .rejected)
    }

    @Test func otherBytesThanThoseAskedForAreNotGivenOut() async throws {
        _ = try await store.put("k/held", body)
        try await double.set([S3Fault(.shiftedRange, on: "GET", times: 0)])
        for range in [ObjectRange.bytes(offset: 10, length: 10), .suffix(length: 10)] {
            #expect(
                await failure { () async throws(StoreError) in try await store.get("k/held", range) }?.kind
                    == .transient)
        }
    }

    @Test func theLastBytesOfNothing() async throws {
        _ = try await store.put("empty", ObjectBody(content: .bytes([]), sha256: sha256([])))
        let last = try await store.get("empty", .suffix(length: 10))
        #expect(last.bytes.isEmpty)
        #expect(last.objectSize == 0)
    }

    // MARK: Lists

    @Test(arguments: [
        [], [S3Fault.Kind.ignoreStartAfter], [.ignorePrefix], [.ignoreStartAfter, .ignorePrefix, .bareList],
    ])
    func listsOfServersThatIgnoreWhatTheyWereAsked(_ kinds: [S3Fault.Kind]) async throws {
        let keys = (0..<25).map { "m/\(Character(UnicodeScalar(UInt8(97 + $0))))" }
        for key in keys + ["a/1", "z/1"] {
            _ = try await store.put(key, ObjectBody(content: .bytes([]), sha256: sha256([])))
        }
        let elsewhere = try Self.store(double, double.server.configuration(bucket: bucket, prefix: "zzz"))
        _ = try await elsewhere.put("m/zz", body)
        try await double.set(kinds.map { S3Fault($0, on: "LIST", times: 0) })
        var found: [String] = []
        var last: String?
        repeat {
            let page = try await store.list(prefix: "m/", after: last, limit: 4)
            found += page.entries.map(\.key)
            last = page.isTruncated ? page.entries.last?.key : nil
        } while last != nil
        #expect(found == keys)
        #expect(try await store.list(prefix: "m/", after: "m/y", limit: 4).entries.isEmpty)
    }

    @Test func staleListsAreListsAllTheSame() async throws {
        _ = try await store.put("k/1", body)
        _ = try await store.put("k/2", body)
        try await double.set([S3Fault(.staleList, on: "LIST")])
        #expect(try await store.list(prefix: "k/", after: nil, limit: 10).entries.map(\.key) == ["k/1"])
        #expect(try await store.list(prefix: "k/", after: nil, limit: 10).entries.map(\.key) == ["k/1", "k/2"])
    }

    // MARK: Identity, clock, reach

    @Test(arguments: ["SignatureDoesNotMatch", "InvalidAccessKeyId", "InvalidToken"])
    func wrongCredentials(_ code: String) async throws {
        var wrong = S3Double.credentials
        if code == "SignatureDoesNotMatch" { wrong.secretAccessKey = Secret("wrong") }
        if code == "InvalidAccessKeyId" { wrong.accessKeyID = "wrong" }
        if code == "InvalidToken" { wrong.sessionToken = nil }
        let store = try Self.store(double, double.server.configuration(bucket: bucket), StaticCredentials(wrong))
        for operation in ["PUT", "GET", "LIST", "DELETE"] {
            let error = await failure { () async throws(StoreError) in try await run(operation, on: store) }
            #expect(error?.kind == .configuration, "\(operation)")
            #expect(error?.reason.contains(code) == true, "\(operation): \(String(describing: error))")
            #expect(error?.hint != nil, "\(operation)")
        }
        #expect(await failure { () async throws(StoreError) in try await store.size("k") }?.kind == .configuration)
    }

    @Test func aMissingBucketIsNamed() async throws {
        let store = try Self.store(double, double.server.configuration(bucket: "no-such-bucket"))
        for operation in ["PUT", "GET", "RANGE", "LIST", "DELETE"] {
            let error = await failure { () async throws(StoreError) in try await run(operation, on: store) }
            #expect(error?.kind == .configuration, "\(operation)")
            #expect(error?.hint?.contains("no-such-bucket") == true, "\(operation): \(String(describing: error))")
        }
    }

    @Test func theWrongRegionIsToldTheRightOne() async throws {
        var configuration = try double.server.configuration(bucket: bucket)
        configuration.region = "eu-central-1"
        let store = try Self.store(double, configuration)
        let error = await failure { () async throws(StoreError) in try await store.put("k", body) }
        #expect(error?.kind == .configuration)
        #expect(error?.hint == "set the region to us-east-1")
    }

    @Test(arguments: [-40 * 60, 3 * 86400])
    func aWrongClockIsCorrected(_ seconds: Int) async throws {
        let offset = Int64(seconds) * .perSecond
        let configuration = try double.server.configuration(bucket: bucket)
        let store = try Self.store(double, configuration, now: { WallClock.now() + offset })
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
        let store = try Self.store(double, double.server.configuration(bucket: bucket), provider)
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
        let store = try Self.store(double, configuration)
        #expect(store.address.authority == "\(bucket).localhost:\(port)")
        #expect(try await store.put("a b+c", body).outcome == .created)
        #expect(try await store.list(prefix: "a", after: nil, limit: 10).entries.map(\.key) == ["a b+c"])
        #expect(try await store.get("a b+c", .suffix(length: 3)).bytes == bytes.suffix(3))
    }

    @Test func nobodyAtTheEndpoint() async throws {
        var configuration = try double.server.configuration(bucket: bucket)
        configuration.endpoint = "http://127.0.0.1:1"
        let store = try Self.store(double, configuration)
        let error = await failure { () async throws(StoreError) in try await store.put("k", body) }
        #expect(error?.kind == .transient)
        #expect(error?.hint?.contains("is the server at http://127.0.0.1:1 running") == true)
    }

    @Test func aHangIsCancelledAtOnce() async throws {
        try await double.set([S3Fault(.stall, on: "PUT")])
        let patient = try Self.store(double, double.server.configuration(bucket: bucket))
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

extension RetryPolicy {
    /// Without waits worth the name.
    fileprivate static var impatient: RetryPolicy {
        var policy = RetryPolicy()
        policy.firstCeiling = .milliseconds(1)
        policy.greatestCeiling = .milliseconds(1)
        return policy
    }
}
