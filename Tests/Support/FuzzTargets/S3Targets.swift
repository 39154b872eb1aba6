import ArchiveTypes
import HTTPTransport
import S3

extension FuzzTarget {
    static let s3: [FuzzTarget] = [
        FuzzTarget("xml", seeds: { xmlSeeds }, readXML),
        FuzzTarget("list-answer", seeds: { xmlSeeds }) { bytes in
            guard let answer = try unlessRefused(ListAnswer.Malformed.self, { try ListAnswer(parsing: Array(bytes)) })
            else { return }
            let length = answer.entries.reduce(0) { $0 + $1.key.utf8.count }
            try require(length <= bytes.count, "keys of \(length) bytes in an answer of \(bytes.count)")
        },
        FuzzTarget("error-answer", seeds: { xmlSeeds.map { Array("SlowDown: 7\n".utf8) + $0 } }, readRefusal),
        FuzzTarget(
            text: "http-headers", seeds: ["Sun, 06 Nov 1994 08:49:37 GMT", "bytes 0-99/12345", "120", "1e400"]
        ) { text in
            if let time = HTTPDate.parse(text) { try require(time >= 0, "\(text) is \(time)") }
            if let range = ContentRange(text) {
                try require(range.first <= range.last && range.last < range.objectSize, "\(range)")
                try require(range.length >= 1, "\(range)")
            }
            let headers = HTTPHeaders([.init("Date", "Sun, 06 Nov 1994 08:49:37 GMT"), .init("Retry-After", text)])
            let wait = S3Refusal(HTTPResponse(status: 503, headers: headers)).retryAfter
            try require(wait.map { 0...3600 ~= $0 } ?? true, "a wait of \(wait ?? 0) s")
        },
        FuzzTarget(
            text: "aws-profile",
            seeds: ["[default]\nregion = eu-west-1 # no\n\n[profile \"a b\"]\ns3 =\n  max = 1\nkey=v;"]
        ) { text in
            let file = ProfileFile(parsing: text)
            for (key, value) in file.settings(of: "default") ?? [:] {
                try require(key.utf8.count + value.utf8.count <= text.utf8.count * 3, "setting \(key) grew")
            }
        },
        FuzzTarget(
            text: "s3-url",
            seeds: [
                "s3://bucket/a/b?endpoint=http%3A%2F%2F[::1]:9000/x&region=us-east-1&path-style=true",
                "s3://b.u_C/?profile=p&ca-file=/a&verify-tls=false&endpoint=https://s3.example.org",
            ]
        ) { text in
            guard let configuration = try unlessRefused(S3ConfigurationError.self, { try S3Configuration(url: text) })
            else { return }
            _ = try unlessRefused(S3ConfigurationError.self) {
                try S3Address(configuration, environment: AWSEnvironment([:]))
            }
        },
        FuzzTarget("percent-encoding", seeds: { [Array("a%20b+%C3%A9/~".utf8)] }) { bytes in
            let text = String(decoding: bytes, as: UTF8.self)
            let encoded = PercentEncoding.encode(text)
            try require(PercentEncoding.decode(encoded) == text, "\(encoded) is not \(text)")
            _ = PercentEncoding.decode(text, plusIsSpace: true)
        },
    ]

    private static let xmlSeeds: [[UInt8]] = [
        """
        <?xml version="1.0" encoding='UTF-8'?><!-- c --><ListBucketResult xmlns="http://x/"><IsTruncated>true</IsTruncated>
        <NextContinuationToken>a&amp;b&#x1F600;</NextContinuationToken><EncodingType>url</EncodingType><Contents><Key>a%2Fb
        </Key><Size>123</Size></Contents><Contents><Size>18446744073709551615</Size><Key><![CDATA[c]]></Key></Contents>
        </ListBucketResult>
        """,
        """
        <Error><Code>SlowDown</Code><Message>Please &lt;wait&gt;</Message><Region>eu-west-1</Region><Resource/></Error>
        """,
    ].map { Array($0.utf8) }

    private static func readXML(_ bytes: UnsafeRawBufferPointer) throws {
        var reader = XMLReader(Array(bytes))
        var (open, events, text) = ([String](), 0, 0)
        let whole: Void? = try unlessRefused(XMLReader.Malformed.self) {
            while let event = try reader.read() {
                events += 1
                switch event {
                case .start(let name): open.append(name)
                case .text(let piece): text += piece.utf8.count
                case .end(let name): try require(open.popLast() == name, "</\(name)> out of place")
                }
                try require(open.count <= 32 && events <= bytes.count, "\(open.count) open, \(events) events")
            }
        }
        try require(text <= bytes.count, "text of \(text) bytes in \(bytes.count)")
        if whole != nil { try require(open.isEmpty && events > 0, "the document has not ended") }
    }

    /// A header field up to the first newline, then a body.
    private static func readRefusal(_ input: UnsafeRawBufferPointer) throws {
        let parts = input.split(separator: 10, maxSplits: 1, omittingEmptySubsequences: false)
        let field = String(decoding: parts[0], as: UTF8.self)
        let body = parts.count > 1 ? Array(parts[1]) : []
        let headers = HTTPHeaders([.init("Retry-After", field), .init("Content-Range", field), .init("Date", field)])
        let refusal = S3Refusal(HTTPResponse(status: 503, headers: headers, body: body))
        let isPrintable = refusal.text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F ~= $0.value) }
        try require(isPrintable, "control characters from a server reach people: \(refusal.text.debugDescription)")
        try require(refusal.text.unicodeScalars.count < 400, "a message of \(refusal.text.utf8.count) bytes")
    }
}
