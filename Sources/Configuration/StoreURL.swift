/// Reads the URLs of stores: `file:///srv/archive`, a plain path, or
/// `s3://BUCKET/PREFIX?endpoint=URL&region=R&path-style=true&ca-file=FILE&profile=P&verify-tls=false`.
package enum StoreURL {
    /// - Parameter directory: what relative paths are relative to; nil where a path must be absolute.
    package static func parse(_ text: String, relativeTo directory: String?) throws(InvalidValue) -> StoreLocation {
        guard !text.isEmpty else {
            throw InvalidValue("the URL is empty", hint: "write file:///PATH or s3://BUCKET/PREFIX")
        }
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw InvalidValue("\(text.quoted) contains control characters")
        }
        if text.hasPrefix("s3://") { return .s3(try s3(text.dropFirst("s3://".utf8.count), in: text)) }
        if text.hasPrefix("file:") { return .directory(path: try fileURL(text)) }
        guard !text.lowercased().hasPrefix("s3:") else {
            throw InvalidValue("\(text.quoted) is not the URL of a bucket", hint: "write s3://BUCKET/PREFIX")
        }
        if let scheme = scheme(of: text) {
            let hint = Nearest.match(scheme, among: ["s3", "file"]).map { "did you mean \($0)://?" }
            throw InvalidValue(
                "the URL has the unknown scheme \(scheme)",
                hint: hint ?? "write file:///PATH, or s3://BUCKET/PREFIX?endpoint=URL for a server of your own")
        }
        return .directory(path: try DirectoryPath.normalized(text, relativeTo: directory))
    }

    private static func scheme(of text: String) -> String? {
        let name = text.prefix { $0.isASCII && ($0.isLetter || $0.isNumber) }
        return !name.isEmpty && text.dropFirst(name.count).hasPrefix("://") ? String(name) : nil
    }

    private static func fileURL(_ text: String) throws(InvalidValue) -> String {
        guard text.hasPrefix("file:///") else {
            throw InvalidValue(
                "\(text.quoted) names a host or a relative path", hint: "write file:///PATH, with three slashes")
        }
        let path = text.dropFirst("file://".utf8.count)
        guard !path.contains("?"), !path.contains("#") else {
            throw InvalidValue("\(text.quoted) has a query", hint: "write %3F for a ? and %23 for a # in the path")
        }
        guard let decoded = PercentEncoding.decoded(path) else {
            throw InvalidValue("\(text.quoted) has a wrong percent-encoding", hint: "write %25 for a % in the path")
        }
        return try DirectoryPath.normalized(decoded, relativeTo: nil)
    }

    private static func s3(_ rest: Substring, in text: String) throws(InvalidValue) -> S3Location {
        let (place, query) = rest.split(at: "?")
        let (authority, path) = place.split(at: "/")
        guard !authority.contains("@") else { throw credentialsInside() }
        var location = S3Location(
            bucket: try S3Names.bucket(String(authority)), prefix: try S3Names.prefix(String(path ?? "")))
        var seen: Set<String> = []
        for item in (query ?? "").split(separator: "&") {
            let (name, value) = item.split(at: "=")
            guard seen.insert(String(name)).inserted else {
                throw InvalidValue("\(name) stands twice in the URL's query")
            }
            try set(String(name), to: value, of: &location)
        }
        return location
    }

    private static let queryKeys = ["endpoint", "region", "path-style", "ca-file", "profile", "verify-tls"]

    private static func set(
        _ key: String, to encoded: Substring?, of location: inout S3Location
    ) throws(InvalidValue) {
        guard queryKeys.contains(key) else {
            let hint = Nearest.match(key, among: queryKeys).map { "did you mean \($0)?" }
            throw InvalidValue(
                "unknown key \(key.quoted) in the URL's query",
                hint: hint ?? "known keys: " + queryKeys.joined(separator: ", "))
        }
        guard let encoded, !encoded.isEmpty, let value = PercentEncoding.decoded(encoded) else {
            throw InvalidValue("\(key) has no readable value in the URL's query")
        }
        switch key {
        case "endpoint": location.endpoint = try Endpoint.parse(value)
        case "region": location.region = try S3Names.region(value)
        case "path-style": location.pathStyle = try Boolean.parse(value)
        case "ca-file": location.caFile = value
        case "profile": location.profile = try S3Names.profile(value)
        default: location.verifiesTLS = try Boolean.parse(value)
        }
    }

    static func credentialsInside() -> InvalidValue {
        InvalidValue(
            "the URL carries a user name or password",
            hint: "remove them; credentials come from the environment or from a profile of AWS's shared files")
    }
}

extension Substring {
    /// What comes before the first `separator`, and what after it; nil where there is none.
    func split(at separator: Character) -> (Substring, Substring?) {
        guard let index = firstIndex(of: separator) else { return (self, nil) }
        return (self[..<index], self[self.index(after: index)...])
    }
}
