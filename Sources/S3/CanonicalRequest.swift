import HTTPTransport

/// A request in the one form that client and server both derive from it. `path` and `query` are percent-encoded and
/// are sent exactly so: nothing between here and the wire may encode, sort or normalize them again.
package struct CanonicalRequest: Sendable, Hashable {
    package let path: String
    package let query: String
    /// Lower-case names, sorted, separated by semicolons.
    package let signedHeaders: String
    package let text: String

    init(_ request: SignatureV4.Request, normalizesPath: Bool) {
        let plain = normalizesPath ? Self.normalized(request.path) : request.path
        path = PercentEncoding.encode(plain, keepingSlash: true)
        query = Self.canonical(request.query)
        let fields = Self.canonical(request.headers)
        signedHeaders = fields.map(\.name).joined(separator: ";")
        let lines = fields.map { "\($0.name):\($0.value)\n" }.joined()
        text = "\(request.method)\n\(path)\n\(query)\n\(lines)\n\(signedHeaders)\n\(request.payloadHash)"
    }

    /// Sorted by encoded name, then by encoded value.
    private static func canonical(_ query: [(name: String, value: String)]) -> String {
        query.map { (PercentEncoding.encode($0.name), PercentEncoding.encode($0.value)) }
            .sorted { $0 < $1 }
            .map { "\($0)=\($1)" }
            .joined(separator: "&")
    }

    /// Values of one name in their order, joined by commas.
    private static func canonical(_ headers: HTTPHeaders) -> [(name: String, value: String)] {
        var fields: [(name: String, value: String)] = []
        for field in headers.fields {
            let name = String(decoding: field.name.utf8.map(\.asciiLowercased), as: UTF8.self)
            let value = trimmed(field.value)
            if let index = fields.firstIndex(where: { $0.name == name }) {
                fields[index].value += "," + value
            } else {
                fields.append((name, value))
            }
        }
        return fields.sorted { $0.name < $1.name }
    }

    /// Without white space at the ends, and with single spaces inside.
    private static func trimmed(_ value: String) -> String {
        value.split { $0 == " " || $0 == "\t" || $0.isNewline }.joined(separator: " ")
    }

    /// RFC 3986, 5.2.4, and without empty segments.
    private static func normalized(_ path: String) -> String {
        var segments: [Substring] = []
        let given = path.split(separator: "/")
        for segment in given where segment != "." {
            if segment == ".." { _ = segments.popLast() } else { segments.append(segment) }
        }
        let endsInFolder = path.hasSuffix("/") || given.last == "." || given.last == ".."
        return "/" + segments.joined(separator: "/") + (endsInFolder && !segments.isEmpty ? "/" : "")
    }
}
