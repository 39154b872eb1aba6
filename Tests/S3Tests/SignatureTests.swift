import ArchiveTypes
import Checksums
import Foundation
import HTTPTransport
import S3
import TestSupport
import Testing

/// AWS's own vectors (aws-sig-v4-test-suite), where they are beside the package.
struct SignatureVectorTests {
    /// A worktree may lie one level deeper.
    static let folder =
        ["/../shared", "/../../shared"].map { TestPaths.package + $0 + "/vectors/sigv4" }
        .first { FileManager.default.fileExists(atPath: $0) } ?? ""
    static let names = (try? FileManager.default.contentsOfDirectory(atPath: folder).sorted()) ?? []

    struct Vector {
        var context: [String: Any]
        var folder: String

        func text(_ file: String) throws -> String { try String(contentsOfFile: "\(folder)/\(file)", encoding: .utf8) }
        func string(_ key: String) throws -> String { try #require(context[key] as? String) }

        var credentials: Credentials {
            get throws {
                let given = try #require(context["credentials"] as? [String: String])
                let token = context["omit_session_token"] as? Bool == true ? nil : given["token"].map { Secret($0) }
                return Credentials(
                    accessKeyID: try #require(given["access_key_id"]),
                    secretAccessKey: Secret(try #require(given["secret_access_key"])), sessionToken: token)
            }
        }
    }

    @Test(.enabled(if: !names.isEmpty, "the vectors are not beside the package"), arguments: names)
    func signsAsAWSDoes(_ name: String) throws {
        let folder = "\(Self.folder)/\(name)"
        let context = try JSONSerialization.jsonObject(
            with: Data(contentsOf: URL(fileURLWithPath: "\(folder)/context.json")))
        let vector = Vector(context: try #require(context as? [String: Any]), folder: folder)
        var request = try parse(vector.text("request.txt"))
        if vector.context["sign_body"] as? Bool == true {
            request.headers.append("x-amz-content-sha256", request.payloadHash)
        }
        let signer = SignatureV4(
            region: try vector.string("region"), service: try vector.string("service"),
            normalizesPath: vector.context["normalize"] as? Bool == true)
        let time = try Self.time(vector.string("timestamp"))

        let canonical = signer.sign(&request, try vector.credentials, at: time)

        #expect(try canonical.text == vector.text("header-canonical-request.txt"))
        let text = signer.stringToSign(canonical, timestamp: SignatureV4.timestamp(time))
        #expect(try text == vector.text("header-string-to-sign.txt"))
        let authorization = try #require(request.headers["Authorization"])
        #expect(try authorization.hasSuffix("Signature=" + vector.text("header-signature.txt")))
        #expect(try vector.text("header-signed-request.txt").contains("Authorization:" + authorization))
    }

    /// `METHOD TARGET HTTP/1.1`, fields with folded lines, an empty line, the body.
    private func parse(_ text: String) throws -> SignatureV4.Request {
        let halves = text.components(separatedBy: "\n\n")
        var lines = halves[0].components(separatedBy: "\n")
        let first = lines.removeFirst()
        let target = first.dropFirst(first.prefix { $0 != " " }.count + 1).dropLast(" HTTP/1.1".count)
        let parts = target.split(separator: "?", maxSplits: 1).map(String.init)
        var headers: HTTPHeaders = []
        for line in lines where !line.isEmpty {
            if line.hasPrefix(" "), var last = headers.fields.popLast() {
                last.value += "\n" + line
                headers.fields.append(last)
            } else {
                let colon = try #require(line.firstIndex(of: ":"))
                headers.append(String(line[..<colon]), String(line[line.index(after: colon)...]))
            }
        }
        let query = try (parts.count > 1 ? parts[1] : "").split(separator: "&").map { pair in
            let words = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (
                name: try #require(PercentEncoding.decode(words[0])),
                value: words.count > 1 ? try #require(PercentEncoding.decode(words[1])) : ""
            )
        }
        let body = Array((halves.count > 1 ? halves[1] : "").utf8)
        return SignatureV4.Request(
            method: String(first.prefix { $0 != " " }), path: parts[0], query: query, headers: headers,
            payloadHash: hex(sha256(body)))
    }

    private static func time(_ text: String) throws -> Nanoseconds {
        let date = try #require(ISO8601DateFormatter().date(from: text))
        return Nanoseconds(date.timeIntervalSince1970) * .perSecond
    }
}

/// botocore as an oracle: requests of all kinds of paths, queries and headers.
struct SignatureOracleTests {
    static let seed: UInt64 = 20_261_122
    static let count = 500
    static let python = TestPaths.program("python3")

    struct Sample {
        var request: SignatureV4.Request
        var credentials: Credentials
        var region: String
        var time: Nanoseconds

        init(_ generator: inout SeededGenerator) {
            var headers: HTTPHeaders = [
                .init("Host", "bucket-\(UInt8.random(in: 0...9, using: &generator)).example.org:9000")
            ]
            let hash = hex(sha256([UInt8.random(in: 0...255, using: &generator)]))
            headers.append("x-amz-content-sha256", hash)
            for number in 0..<Int.random(in: 0...3, using: &generator) {
                headers.append(
                    "X-Amz-Meta-\(number)", Self.text(" ~!\"#$&'()*+,-./:;<=>?@[]^_{|}abcXYZ0189", 20, &generator))
            }
            let characters = " !\"#$%&'()*+,-./0189:;<=>?@AZ[]^_`az{|}~\u{1}\u{7F}é漢😀\\"
            let query = (0..<Int.random(in: 0...4, using: &generator)).map { number in
                (
                    name: Self.text(characters, 6, &generator) + "k\(number)",
                    value: Self.text(characters, 12, &generator)
                )
            }
            let path = "/" + Self.text(characters.replacingOccurrences(of: "?", with: "") + "//", 40, &generator)
            let methods = ["GET", "PUT", "HEAD", "DELETE"]
            request = SignatureV4.Request(
                method: methods[Int.random(in: 0..<4, using: &generator)], path: path, query: query, headers: headers,
                payloadHash: hash)
            let token = Bool.random(using: &generator) ? Secret(Self.text("abc/+=XYZ019", 100, &generator) + "t") : nil
            credentials = Credentials(
                accessKeyID: "AKID" + Self.text("ABC019", 16, &generator),
                secretAccessKey: Secret(Self.text("abcXYZ019/+", 40, &generator) + "s"), sessionToken: token)
            region = ["us-east-1", "eu-central-1", "garage"][Int.random(in: 0..<3, using: &generator)]
            time = Int64.random(in: 0..<4_000_000_000, using: &generator) * .perSecond
        }

        static func text(_ characters: String, _ length: Int, _ generator: inout SeededGenerator) -> String {
            let all = Array(characters)
            return String(
                (0..<Int.random(in: 0...length, using: &generator)).map { _ in
                    all[Int.random(in: 0..<all.count, using: &generator)]
                })
        }

        var json: [String: Any] {
            [
                "method": request.method, "url": "http://" + (request.headers["Host"] ?? ""), "path": request.path,
                "query": request.query.map { [$0.name, $0.value] },
                "headers": request.headers.fields.filter { $0.name != "Host" }.map { [$0.name, $0.value] },
                "payload_hash": request.payloadHash, "region": region, "id": credentials.accessKeyID,
                "secret": credentials.secretAccessKey.revealed,
                "token": credentials.sessionToken?.revealed as Any? ?? NSNull(),
                "timestamp": SignatureV4.timestamp(time),
            ]
        }
    }

    @Test func signsAsBotocoreDoes() throws {
        var generator = SeededGenerator(seed: Self.seed)
        let samples = (0..<Self.count).map { _ in Sample(&generator) }
        let expected = try oracle(samples)
        #expect(expected.count == samples.count)
        for (sample, authorization) in zip(samples, expected) {
            var request = sample.request
            let signer = SignatureV4(region: sample.region)
            let canonical = signer.sign(&request, sample.credentials, at: sample.time)
            #expect(
                request.headers["Authorization"] == authorization,
                "seed \(Self.seed): \(sample.json)\n\(canonical.text)")
        }
    }

    private func oracle(_ samples: [Sample]) throws -> [String] {
        guard let python = Self.python, try run(python, ["-c", "import botocore"], input: "").status == 0 else {
            let reason = "botocore is not installed: run Tests/Support/install-test-servers"
            guard TestPaths.variable("FIRN_TEST_REQUIRE_SERVERS") != "1" else {
                throw GuardedProcess.Failure(description: reason)
            }
            try Test.cancel("\(reason)")
        }
        let lines = try samples.map {
            String(decoding: try JSONSerialization.data(withJSONObject: $0.json), as: UTF8.self)
        }
        let script = TestPaths.supportFile("s3double/signature_oracle.py")
        let answer = try run(python, [script], input: lines.joined(separator: "\n"))
        try #require(answer.status == 0)
        return answer.output.split(separator: "\n").map(String.init)
    }

    private func run(_ program: String, _ arguments: [String], input: String) throws -> (status: Int32, output: String)
    {
        let directory = try TestPaths.temporaryDirectory()
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try TestPaths.write(input, to: "\(directory)/input")
        try TestPaths.write("", to: "\(directory)/output")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardInput = FileHandle(forReadingAtPath: "\(directory)/input")
        process.standardOutput = FileHandle(forWritingAtPath: "\(directory)/output")
        try process.run()
        process.waitUntilExit()
        return (process.terminationStatus, try String(contentsOfFile: "\(directory)/output", encoding: .utf8))
    }
}

struct SignatureKeyTests {
    /// The kept key must not outlive its day or its secret.
    @Test func aNewDayAndANewSecretGiveANewKey() throws {
        let kept = SignatureV4(region: "us-east-1")
        let day = Nanoseconds.perDay
        for (secret, time) in [("one", 0), ("one", day - 1), ("one", day), ("two", day), ("one", day)] {
            let credentials = Credentials(accessKeyID: "id", secretAccessKey: Secret(secret))
            var request = SignatureV4.Request(method: "GET", path: "/", headers: [.init("Host", "h")], payloadHash: "x")
            var fresh = request
            kept.sign(&request, credentials, at: time)
            SignatureV4(region: "us-east-1").sign(&fresh, credentials, at: time)
            #expect(request.headers == fresh.headers)
        }
    }

    @Test func secretsAreNotPrinted() {
        let credentials = Credentials(
            accessKeyID: "id", secretAccessKey: Secret("hidden"), sessionToken: Secret("hidden"))
        var dumped = ""
        dump(credentials, to: &dumped)
        for text in ["\(credentials)", String(reflecting: credentials), dumped, "\(Secret("hidden"))"] {
            #expect(!text.contains("hidden"))
            #expect(text.contains("***"))
        }
    }
}
