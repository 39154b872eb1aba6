import ArchiveTypes
package import HTTPTransport

/// Where a store of S3 objects is, and how to reach it. What is nil here is looked for in the environment and in the
/// profile, as AWS's own tools do; see `S3Address`.
package struct S3Configuration: Sendable, Hashable {
    /// The store's name in messages and metrics.
    package var name: String
    package var bucket: String
    /// Empty, or ending in a slash: stands before every key.
    package private(set) var prefix: String
    /// `http://HOST:PORT` or `https://...`, with a path where a proxy needs one. Nil: AWS's own of the region.
    package var endpoint: String?
    package var region: String?
    /// The bucket in the path instead of in the host name. Nil: as the endpoint suggests.
    package var pathStyle: Bool?
    package var profile: String?
    package var tls = TLSOptions()
    package var timeouts = HTTPTimeouts()
    /// What a GET may bring at most, in bytes.
    package var objectLimit = Limits.objectBytes

    /// - Parameter prefix: slashes at its ends do not matter.
    package init(name: String, bucket: String, prefix: String = "") throws(S3ConfigurationError) {
        self.name = name
        self.bucket = bucket
        self.prefix = try Self.checkedPrefix(prefix)
        try Self.checkBucket(bucket)
    }

    /// S3's rules for names, and capitals and underscores, which older buckets and other servers have.
    private static func checkBucket(_ bucket: String) throws(S3ConfigurationError) {
        let isPlain = bucket.utf8.allSatisfy { $0.isBucketCharacter }
        guard 3...63 ~= bucket.utf8.count, isPlain, let first = bucket.utf8.first, first.isBucketEdge,
            let last = bucket.utf8.last, last.isBucketEdge
        else {
            throw S3ConfigurationError(
                "`\(bucket)` cannot be the name of a bucket", hint: "3 to 63 of a-z, 0-9, - and .")
        }
    }

    /// Servers refuse or collapse dot segments and double slashes.
    private static func checkedPrefix(_ prefix: String) throws(S3ConfigurationError) -> String {
        var plain = prefix[...]
        while plain.hasPrefix("/") { plain.removeFirst() }
        while plain.hasSuffix("/") { plain.removeLast() }
        guard !plain.isEmpty else { return "" }
        let segments = plain.split(separator: "/", omittingEmptySubsequences: false)
        guard segments.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }),
            plain.utf8.allSatisfy({ $0 > 0x1F && $0 != 0x7F })
        else {
            throw S3ConfigurationError(
                "the prefix `\(plain)` holds empty or dot segments", hint: "use plain names between slashes")
        }
        guard plain.utf8.count < Limits.keyBytes / 2 else {
            throw S3ConfigurationError("the prefix is longer than \(Limits.keyBytes / 2) bytes", hint: "shorten it")
        }
        return plain + "/"
    }
}

/// A store cannot be used as it is configured: lower-case clauses, without secrets.
package struct S3ConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
    package var reason: String
    package var hint: String

    package init(_ reason: String, hint: String) {
        self.reason = reason
        self.hint = hint
    }

    package var description: String { "\(reason); \(hint)" }
}

extension UInt8 {
    fileprivate var isBucketEdge: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }

    fileprivate var isBucketCharacter: Bool {
        isBucketEdge || self == UInt8(ascii: "-") || self == UInt8(ascii: ".") || self == UInt8(ascii: "_")
    }
}
