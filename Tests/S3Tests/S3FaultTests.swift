import ArchiveTypes
import Checksums
import HTTPTransport
import ObjectStore
import S3
import TestSupport
import Testing

/// What each fault of a server becomes, and that retrying gets over it.
struct S3FaultTests: S3DoubleSuite {
    let fixture: S3Fixture

    init() async throws { fixture = try await S3Fixture() }

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
        let store = fault.kind == .stall ? impatient : store
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
        let store = kind == .stallBody ? impatient : store
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
}
