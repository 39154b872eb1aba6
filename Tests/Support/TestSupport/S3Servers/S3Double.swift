import Testing
import HTTPTransport
import ObjectStore
import S3

/// A bucket of the strict server of our own (Tests/Support/s3double/s3double.py), and the remote control over what goes wrong
/// in it. The server is one for all tests; faults, clock and log are the bucket's.
package struct S3Double: Sendable {
    package let server: S3Server
    package let bucket: String
    private let control: String

    package static let credentials = Credentials(
        accessKeyID: "AKIDDOUBLE", secretAccessKey: Secret("double/secret+key"),
        sessionToken: Secret("token/of+a=session"))

    /// A new, empty bucket.
    /// - Parameter speaksTLS: with a certificate made for it; `server.caFile` is it.
    package static func start(speaksTLS: Bool = false) async throws -> S3Double {
        let running = try await (speaksTLS ? encrypted : plain).value
        return S3Double(running, bucket: try await running.server.makeBucket("double"))
    }

    private init(_ running: Running, bucket: String) {
        server = running.server
        self.bucket = bucket
        control = "\(running.control)/_double/\(bucket)/"
    }

    private struct Running {
        var server: S3Server
        var control: String
    }

    private static let plain = Task { try await launch(speaksTLS: false) }
    private static let encrypted = Task { try await launch(speaksTLS: true) }

    private static func launch(speaksTLS: Bool) async throws -> Running {
        let directory = try TestPaths.temporaryDirectory()
        var command = [
            "python3", TestPaths.supportFile("s3double/s3double.py"), "--port", "{port1}", "--control-port", "{port2}",
            "--key", credentials.accessKeyID, "--secret", credentials.secretAccessKey.revealed,
            "--token", credentials.sessionToken?.revealed ?? "",
        ]
        if speaksTLS {
            command =
                ["sh", "-c", makeCertificate + " && exec \"$@\"", "sh"] + command + ["--certificate", "both.pem"]
        }
        let ready = ["http://127.0.0.1:{port\(speaksTLS ? 2 : 1)}/_double/health"]
        let process = try await GuardedProcess.start(command, ports: 2, directory: directory, readyURLs: ready)
        let scheme = speaksTLS ? "https" : "http"
        var server = S3Server(
            .double, endpoint: "\(scheme)://127.0.0.1:\(process.ports[0])", credentials: credentials, process: process)
        if speaksTLS { server.caFile = "\(directory)/ca.pem" }
        return Running(server: server, control: "http://127.0.0.1:\(process.ports[speaksTLS ? 1 : 0])")
    }

    private static let makeCertificate = """
        openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=firn-test \
            -addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out ca.pem && cat key.pem ca.pem > both.pem
        """

    /// Replaces all rules, forgets their counts and the log.
    package func set(_ faults: [S3Fault]) async throws {
        try await ask(.put, "faults", "[" + faults.map(\.json).joined(separator: ",") + "]")
    }

    /// By how many seconds the server's clock is wrong.
    package func setClock(_ seconds: Int) async throws { try await ask(.put, "clock", String(seconds)) }

    package struct LogEntry: Sendable, Hashable {
        package var operation: String
        package var key: String
        /// 0: no answer.
        package var status: Int
        package var connection: String
        package var ifNoneMatch: String
    }

    /// The requests since the faults were set, in the order of their answers.
    package func log() async throws -> [LogEntry] {
        try await ask(.get, "log").split(separator: "\n").map { line in
            let words = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            return LogEntry(
                operation: words[0], key: words[1], status: Int(words[2]) ?? -1, connection: words[3],
                ifNoneMatch: words[4])
        }
    }

    package enum Event: String, Sendable {
        /// A request has been left without an answer, or with half of one.
        case stalled
        /// The client has hung up on it.
        case abandoned
    }

    /// Returns when `event` has happened `times` times since the start; throws when it does not within 30 s.
    package func wait(for event: Event, times: Int = 1) async throws {
        try await ask(.get, "wait/\(event.rawValue)/\(times)")
    }

    /// Not the client under test, whose connections the faults spoil.
    private static let controller = Result { () throws(HTTPFailure) in try HTTPClient() }

    @discardableResult
    private func ask(_ method: HTTPRequest.Method, _ path: String, _ body: String? = nil) async throws -> String {
        let content = body.map { HTTPRequest.Body.bytes(Array($0.utf8)) } ?? .none
        let request = HTTPRequest(
            method, control + path, body: content, responseLimit: 16 << 20, timeouts: HTTPTimeouts(stall: .seconds(60)),
            bypassesProxy: true)
        let response = try await Self.controller.get().send(request)
        guard response.isSuccess else {
            throw GuardedProcess.Failure(description: "the double answers \(path): \(response.status)")
        }
        return String(decoding: response.body, as: UTF8.self)
    }
}

/// What the double is to do wrong: to which requests, and what. See `Fault` in s3double.py.
package struct S3Fault: Sendable, Hashable, CustomTestStringConvertible {
    package enum Kind: String, Sendable, CaseIterable {
        case status, reset, stall, truncate, corrupt, duplicate
        case doneButStatus = "done_but_status"
        case doneButReset = "done_but_reset"
        case stallBody = "stall_body"
        case resetBody = "reset_body"
        case errorInside200 = "error_in_200"
        case noConditions = "no_conditions"
        case ignoreConditions = "ignore_conditions"
        case ignoreRange = "ignore_range"
        case rangeAs200 = "range_as_200"
        case shiftedRange = "shifted_range"
        case staleList = "stale_list"
        case ignoreStartAfter = "ignore_start_after"
        case ignorePrefix = "ignore_prefix"
        case bareList = "bare_list"
    }

    package var kind: Kind
    /// `PUT`, `GET`, `HEAD`, `LIST`, `DELETE`, `*`.
    package var operation: String
    /// The first matching request that it befalls, from 1.
    package var nth: Int
    /// How many it befalls; 0: all from there on.
    package var times: Int
    package var status: Int
    package var code: String
    package var retryAfter: String?
    package var region: String?
    /// Keys that a stale list lacks.
    package var lacking: Int

    package init(
        _ kind: Kind, on operation: String = "*", nth: Int = 1, times: Int = 1, status: Int = 500, code: String = "",
        retryAfter: String? = nil, region: String? = nil, lacking: Int = 1
    ) {
        self.kind = kind
        self.operation = operation
        self.nth = nth
        self.times = times
        self.status = status
        self.code = code
        self.retryAfter = retryAfter
        self.region = region
        self.lacking = lacking
    }

    package var testDescription: String {
        "\(operation) \(nth): \(kind.rawValue)" + (kind == .status ? " \(status) \(code)" : "")
    }

    var json: String {
        var fields = [
            "\"kind\": \"\(kind.rawValue)\"", "\"operation\": \"\(operation)\"", "\"nth\": \(nth)",
            "\"times\": \(times)",
            "\"status\": \(status)", "\"code\": \"\(code)\"", "\"lacking\": \(lacking)",
        ]
        if let retryAfter { fields.append("\"retry_after\": \"\(retryAfter)\"") }
        if let region { fields.append("\"region\": \"\(region)\"") }
        return "{" + fields.joined(separator: ", ") + "}"
    }
}
