import HTTPTransport
import TestSupport
import Testing

/// Against the double, unsigned: what it refuses is an answer too.
struct HTTPClientTests {
    private let client: HTTPClient
    private let double: S3Double
    private let short = HTTPTimeouts(connect: .seconds(5), stall: .milliseconds(300))

    init() async throws {
        client = try HTTPClient()
        double = try await S3Double.start()
    }

    private var url: String { "\(double.server.endpoint)/\(double.bucket)/key" }

    private func failure(_ request: HTTPRequest) async -> HTTPFailure? {
        do throws(HTTPFailure) {
            _ = try await client.send(request)
            return nil
        } catch { return error }
    }

    @Test func anAnswerIsWholeAndItsFieldsAreFoundInAnyCase() async throws {
        let response = try await client.send(HTTPRequest(.get, url, responseLimit: 10, bypassesProxy: true))
        #expect(response.status == 403)
        #expect(response.headers["CONTENT-TYPE"] == "application/xml")
        #expect(response.headers["Nothing"] == nil)
        // Longer than the limit, which is for successes.
        #expect(String(decoding: response.body, as: UTF8.self).contains("<Code>AccessDenied</Code>"))
    }

    @Test func connectionsAreUsedAgain() async throws {
        try await double.set([])
        for _ in 0..<5 {
            _ = try await client.send(HTTPRequest(.head, url, responseLimit: 0, bypassesProxy: true))
        }
        #expect(try await Set(double.log().map(\.connection)).count == 1)
    }

    @Test func noMoreTransfersAtOnceThanAllowed() async throws {
        try await double.set([])
        let narrow = try HTTPClient(maximumTransfers: 3)
        let request = HTTPRequest(.get, url, responseLimit: 100, bypassesProxy: true)
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<50 { group.addTask { try await narrow.send(request).status } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses == Array(repeating: 403, count: 50))
        #expect(try await Set(double.log().map(\.connection)).count <= 3)
    }

    @Test func nobodyThere() async throws {
        // Port 1 of the loopback interface: nobody may listen there but root, and nobody does.
        let found = await failure(HTTPRequest(.get, "http://127.0.0.1:1/", responseLimit: 1, bypassesProxy: true))
        #expect(found?.kind == .refused)
    }

    @Test func noSuchHost() async throws {
        let found = await failure(HTTPRequest(.get, "http://firn-test.invalid/", responseLimit: 1, bypassesProxy: true))
        #expect(found?.kind == .dns)
    }

    @Test func noAnswerIsCut() async throws {
        try await double.set([S3Fault(.stall)])
        let found = await failure(HTTPRequest(.get, url, responseLimit: 1, timeouts: short, bypassesProxy: true))
        #expect(found?.kind == .stalled)
        try await double.wait(for: .abandoned)
    }

    @Test func theWholeTimeIsBounded() async throws {
        try await double.set([S3Fault(.stall)])
        var timeouts = HTTPTimeouts()
        timeouts.total = .milliseconds(300)
        let found = await failure(HTTPRequest(.get, url, responseLimit: 1, timeouts: timeouts, bypassesProxy: true))
        #expect(found?.kind == .totalTimeout)
    }

    @Test func resetIsAFailure() async throws {
        try await double.set([S3Fault(.reset)])
        let found = await failure(HTTPRequest(.get, url, responseLimit: 1, bypassesProxy: true))
        #expect(found?.kind == .reset)
    }

    @Test func aCancelledTaskEndsAndHangsUp() async throws {
        try await double.set([S3Fault(.stall)])
        let request = HTTPRequest(.get, url, responseLimit: 1, bypassesProxy: true)
        let task = Task { await failure(request) }
        try await double.wait(for: .stalled)
        task.cancel()
        #expect(await task.value?.kind == .cancelled)
        try await double.wait(for: .abandoned)
    }

    @Test func whatWaitsForASlotIsCancelledToo() async throws {
        try await double.set([S3Fault(.stall, times: 0)])
        let narrow = try HTTPClient(maximumTransfers: 1)
        let request = HTTPRequest(.get, url, responseLimit: 1, bypassesProxy: true)
        let first = Task { try await narrow.send(request) }
        try await double.wait(for: .stalled)
        let second = Task { try await narrow.send(request) }
        second.cancel()
        #expect(await second.result.failureKind == .cancelled)
        first.cancel()
        #expect(await first.result.failureKind == .cancelled)
    }

    @Test func shutdownEndsWhatIsUnderWay() async throws {
        try await double.set([S3Fault(.stall)])
        let request = HTTPRequest(.get, url, responseLimit: 1, bypassesProxy: true)
        let task = Task { await failure(request) }
        try await double.wait(for: .stalled)
        client.shutdown()
        #expect(await task.value?.kind == .cancelled)
        #expect(await failure(request)?.kind == .cancelled)
        client.shutdown()
    }

    @Test func aBodyThatCannotBeReadIsNamed() async throws {
        let missing = HTTPRequest.Body.file(path: "/nonexistent/chunk", length: 5)
        let found = await failure(HTTPRequest(.put, url, body: missing, responseLimit: 1, bypassesProxy: true))
        #expect(found?.kind == .unreadableBody)
        #expect(found?.message.contains("/nonexistent/chunk") == true)
        let directory = try TestPaths.temporaryDirectory()
        try TestPaths.write("12345", to: "\(directory)/chunk")
        defer { TestPaths.remove(directory) }
        let short = HTTPRequest.Body.file(path: "\(directory)/chunk", length: 6)
        let other = await failure(HTTPRequest(.put, url, body: short, responseLimit: 1, bypassesProxy: true))
        #expect(other?.kind == .unreadableBody)
    }

    @Test(arguments: [
        "http://127.0.0.1:9/a b", "ftp://127.0.0.1/", "file:///etc/passwd", "nonsense", "http://127.0.0.1:9/\r\nX: y",
    ])
    func badURLs(_ url: String) async {
        #expect(await failure(HTTPRequest(.get, url, responseLimit: 1))?.kind == .invalidRequest)
    }

    @Test func fieldsCannotSmuggleOthers() async {
        let request = HTTPRequest(.get, url, headers: [.init("X", "a\r\nAuthorization: b")], responseLimit: 1)
        #expect(await failure(request)?.kind == .invalidRequest)
    }
}

extension Result<HTTPResponse, any Error> {
    fileprivate var failureKind: HTTPFailure.Kind? {
        if case .failure(let error as HTTPFailure) = self { error.kind } else { nil }
    }
}
