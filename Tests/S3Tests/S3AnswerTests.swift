import ArchiveTypes
import Checksums
import HTTPTransport
import ObjectStore
import S3
import TestSupport
import Testing

/// What statuses, conditions, ranges and lists of all kinds of servers become.
struct S3AnswerTests: S3DoubleSuite {
    let fixture: S3Fixture

    init() async throws { fixture = try await S3Fixture() }

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
        let elsewhere = try S3Fixture.store(double.server.configuration(bucket: bucket, prefix: "zzz"))
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
}
