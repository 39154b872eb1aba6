import HTTPTransport

extension S3Configuration {
    private static let keys = ["endpoint", "region", "path-style", "profile", "ca-file", "verify-tls"]

    /// Reads `s3://BUCKET/PREFIX?endpoint=http://127.0.0.1:9000&region=us-east-1&path-style=true`.
    ///
    /// All query keys are optional: `endpoint`, `region`, `path-style` (true or false), `profile`, `ca-file` and
    /// `verify-tls` (true or false). Values may be percent-encoded; they must be where they hold `&`, `%` or `#`.
    /// - Parameter name: the store's; nil: the URL itself, without its query.
    package init(url: String, name: String? = nil) throws(S3ConfigurationError) {
        guard url.hasPrefix("s3://") else {
            throw S3ConfigurationError("the URL of an S3 store begins with s3://", hint: Self.example)
        }
        guard !url.contains("#") else {
            throw S3ConfigurationError("a store's URL has no fragment (#)", hint: Self.example)
        }
        let parts = url.dropFirst(5).split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let place = parts[0].split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        // Not quoted in the message: what stands before the @ may be a secret.
        guard !place[0].contains("@"), !place[0].contains(":") else {
            throw S3ConfigurationError(
                "a store's URL holds neither credentials nor a port",
                hint: "put credentials into the environment or a profile, and the server's address into ?endpoint=")
        }
        let prefix = place.count > 1 ? String(place[1]) : ""
        try self.init(name: name ?? "s3://" + parts[0], bucket: String(place[0]), prefix: prefix)
        if parts.count > 1 { try apply(query: parts[1]) }
    }

    private static let example = "for example s3://BUCKET/PREFIX?endpoint=http://127.0.0.1:9000&region=us-east-1"

    private mutating func apply(query: Substring) throws(S3ConfigurationError) {
        var seen: Set<Substring> = []
        for pair in query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard Self.keys.contains(String(parts[0])) else {
                throw S3ConfigurationError(
                    "`\(parts[0])` is not a key of a store's URL",
                    hint: "known are " + Self.keys.joined(separator: ", "))
            }
            guard seen.insert(parts[0]).inserted else {
                throw S3ConfigurationError("`\(parts[0])` stands twice in a store's URL", hint: "give it once")
            }
            guard parts.count == 2, let value = PercentEncoding.decode(parts[1]), !value.isEmpty else {
                throw S3ConfigurationError("`\(parts[0])` of a store's URL has no proper value", hint: Self.example)
            }
            try apply(String(parts[0]), value)
        }
    }

    private mutating func apply(_ key: String, _ value: String) throws(S3ConfigurationError) {
        switch key {
        case "endpoint": endpoint = value
        case "region": region = value
        case "path-style": pathStyle = try Self.boolean(key, value)
        case "profile": profile = value
        case "ca-file": tls.caFile = value
        default: tls.verifies = try Self.boolean(key, value)
        }
    }

    private static func boolean(_ key: String, _ value: String) throws(S3ConfigurationError) -> Bool {
        switch value {
        case "true": return true
        case "false": return false
        default: throw S3ConfigurationError("`\(key)` of a store's URL is `\(value)`", hint: "write true or false")
        }
    }
}
