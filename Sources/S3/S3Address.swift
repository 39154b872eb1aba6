/// The addresses of a bucket's objects: endpoint, region and style settled.
package struct S3Address: Sendable, Hashable {
    /// `http` or `https`.
    package let scheme: String
    /// Host and, unless it is the scheme's own, port: the `Host` field.
    package let authority: String
    /// Before the key, not encoded: empty, or beginning with a slash and not ending in one.
    package let basePath: String
    package let region: String
    /// The endpoint as a person would write it, for messages.
    package let endpoint: String
    /// On this machine: no proxy can lead there.
    package let isLoopback: Bool

    package init(_ configuration: S3Configuration, environment: AWSEnvironment = .process) throws(S3ConfigurationError)
    {
        let profile = Self.profileSettings(configuration.profile, environment)
        let region =
            configuration.region ?? environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"] ?? profile["region"]
            ?? "us-east-1"
        guard region.utf8.allSatisfy({ $0 == UInt8(ascii: "-") || $0.isLetterOrDigit }) else {
            throw S3ConfigurationError("`\(region)` cannot be a region", hint: "write it like us-east-1")
        }
        let given =
            configuration.endpoint ?? environment["AWS_ENDPOINT_URL_S3"] ?? environment["AWS_ENDPOINT_URL"]
            ?? profile["endpoint_url"]
        let endpoint = try Endpoint(given ?? Self.amazon(region))
        let bucket = configuration.bucket
        // AWS's wildcard certificates cover one label: a bucket with dots cannot be a host name under TLS.
        let isPathStyle =
            configuration.pathStyle ?? (given != nil || bucket.contains { $0 == "." || $0 == "_" || $0.isUppercase })
        guard isPathStyle || !endpoint.isNumeric else {
            throw S3ConfigurationError(
                "the endpoint \(endpoint.text) is an IP address, which a bucket's name cannot be put before",
                hint: "use path-style=true")
        }
        scheme = endpoint.scheme
        authority = isPathStyle ? endpoint.authority : "\(bucket).\(endpoint.authority)"
        basePath = endpoint.path + (isPathStyle ? "/\(bucket)" : "")
        self.region = region
        self.endpoint = endpoint.text
        isLoopback = endpoint.isLoopback
    }

    /// Unreadable files come to light with the credentials, which are read from the same ones.
    private static func profileSettings(_ explicit: String?, _ environment: AWSEnvironment) -> [String: String] {
        guard let path = environment.configFile, let file = try? ProfileFile(path: path) else { return [:] }
        return file.settings(of: environment.profile(explicit)) ?? [:]
    }

    private static func amazon(_ region: String) -> String {
        "https://s3.\(region).amazonaws.com" + (region.hasPrefix("cn-") ? ".cn" : "")
    }
}

/// `SCHEME://HOST[:PORT][/PATH]`, with an IPv6 address in brackets.
private struct Endpoint {
    let scheme: String
    let host: String
    let port: Int?
    let path: String

    init(_ text: String) throws(S3ConfigurationError) {
        let example = "write it like http://127.0.0.1:9000 or https://s3.example.org"
        guard let scheme = ["http", "https"].first(where: { text.hasPrefix($0 + "://") }) else {
            throw S3ConfigurationError("an endpoint begins with http:// or https://", hint: example)
        }
        let rest = text.dropFirst(scheme.count + 3)
        // Not quoted: what stands before an @ may be a secret.
        guard !rest.contains(where: { "@?#".contains($0) }) else {
            throw S3ConfigurationError("an endpoint holds neither credentials nor a query", hint: example)
        }
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        guard let (host, port) = Self.split(rest[..<slash]) else {
            throw S3ConfigurationError("`\(text)` is not an endpoint", hint: example)
        }
        self.scheme = scheme
        self.host = host
        self.port = port == (scheme == "http" ? 80 : 443) ? nil : port
        var path = rest[slash...]
        while path.hasSuffix("/") { path.removeLast() }
        self.path = String(path)
    }

    private static func split(_ authority: Substring) -> (host: String, port: Int?)? {
        var host = authority
        var port: Int?
        let bracket = authority.lastIndex(of: "]") ?? authority.startIndex
        if let colon = authority[bracket...].firstIndex(of: ":") {
            host = authority[..<colon]
            let digits = authority[authority.index(after: colon)...]
            guard digits.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), let number = Int(digits), 1...65535 ~= number else {
                return nil
            }
            port = number
        }
        let inner = host.hasPrefix("[") && host.hasSuffix("]") ? host.dropFirst().dropLast() : nil
        let isAddress = inner.map {
            $0.contains(":") && $0.utf8.allSatisfy { $0.isLetterOrDigit || ":.%".utf8.contains($0) }
        }
        let isName = !host.isEmpty && host.utf8.allSatisfy { $0.isLetterOrDigit || "-._".utf8.contains($0) }
        return isAddress ?? isName ? (String(host).lowercased(), port) : nil
    }

    var authority: String { host + (port.map { ":\($0)" } ?? "") }
    var text: String { "\(scheme)://\(authority)\(path)" }
    var isNumeric: Bool { host.hasPrefix("[") || host.utf8.allSatisfy { 0x30...0x39 ~= $0 || $0 == UInt8(ascii: ".") } }
    var isLoopback: Bool { host == "localhost" || host == "[::1]" || (host.hasPrefix("127.") && isNumeric) }
}

extension UInt8 {
    fileprivate var isLetterOrDigit: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}
