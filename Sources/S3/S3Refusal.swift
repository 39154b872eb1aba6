import ArchiveTypes
package import HTTPTransport

/// An answer that is not a success: status, and what the error document says
/// (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html).
package struct S3Refusal {
    let status: Int
    /// `NoSuchKey`, `SlowDown`, ...; empty where there is no document.
    let code: String
    let message: String
    /// The bucket's own, where the request went to another.
    let region: String?
    /// Seconds, from `Retry-After`.
    package let retryAfter: Double?
    /// The server's `Date`.
    let date: Nanoseconds?
    let contentRange: String?

    private static let messageLimit = 200
    /// Longer waits than this are no advice.
    private static let greatestWait = 3600.0

    package init(_ response: HTTPResponse) {
        let document = Self.document(response.body) ?? [:]
        status = response.status
        code = Self.printable(document["Code"] ?? "")
        message = Self.printable(document["Message"] ?? "")
        region = (document["Region"] ?? response.headers["x-amz-bucket-region"]).flatMap { $0.isEmpty ? nil : $0 }
        date = response.headers["Date"].flatMap(HTTPDate.parse)
        contentRange = response.headers["Content-Range"]
        retryAfter = Self.seconds(response.headers["Retry-After"], at: date)
    }

    /// S3 answers some requests with a 200 before it knows how they end, and an error document follows.
    init?(insideSuccess response: HTTPResponse) {
        guard !response.body.isEmpty, Self.document(response.body) != nil else { return nil }
        self.init(response)
    }

    var isNotImplemented: Bool { status == 501 || code == "NotImplemented" }

    /// `500 InternalError: we encountered an internal error`, for messages.
    package var text: String {
        let title = code.isEmpty ? "the server answered \(status)" : "the server answered \(status) \(code)"
        return message.isEmpty ? title : "\(title): \(message)"
    }

    /// The fields of an `<Error>`; nil where it is none.
    private static func document(_ body: [UInt8]) -> [String: String]? {
        var reader = XMLReader(body)
        var path: [String] = []
        var fields: [String: String] = [:]
        do throws(XMLReader.Malformed) {
            while let event = try reader.read() {
                switch event {
                case .start(let name): path.append(name)
                case .text(let text): if path.count == 2 { fields[path[1], default: ""] += text }
                case .end: path.removeLast()
                }
                guard path.first == "Error" || path.isEmpty else { return nil }
            }
        } catch {
            // Gateways answer with HTML or text: the status then says all there is.
            return nil
        }
        return fields
    }

    private static func printable(_ text: String) -> String {
        let plain = text.unicodeScalars.prefix(messageLimit).map {
            $0.value < 0x20 || 0x7F...0x9F ~= $0.value ? " " : $0
        }
        return String(String.UnicodeScalarView(plain))
    }

    /// Seconds, or a date, which counts from the server's own clock (RFC 9110, 10.2.3).
    private static func seconds(_ field: String?, at date: Nanoseconds?) -> Double? {
        guard let field else { return nil }
        if let seconds = Double(field), seconds >= 0 { return min(seconds, greatestWait) }
        guard let date, let until = HTTPDate.parse(field) else { return nil }
        return min(max(0, Double(until - date) / 1e9), greatestWait)
    }
}
