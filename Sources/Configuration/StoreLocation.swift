/// Where a store is, and how to reach it. Credentials never stand here.
package enum StoreLocation: Sendable, Hashable {
    /// An absolute path without `.` or a trailing `/`.
    case directory(path: String)
    case s3(S3Location)

    /// The place alone: equal for two descriptions of the same bucket and prefix, or of the same directory.
    package var place: String {
        switch self {
        case .directory(let path): "file://" + path
        case .s3(let location): "s3://\(location.bucket)/\(location.prefix) at \(location.endpoint ?? "AWS")"
        }
    }

    /// The URL without its query: what messages call a store that has no name of its own.
    package var shortURL: String {
        switch self {
        case .directory(let path): "file://" + PercentEncoding.encoded(path)
        case .s3(let location): "s3://\(location.bucket)" + (location.prefix.isEmpty ? "" : "/\(location.prefix)")
        }
    }
}

/// A bucket and prefix of an S3-compatible server.
package struct S3Location: Sendable, Hashable {
    package var bucket: String
    /// Without a leading or trailing `/`; empty for the whole bucket.
    package var prefix: String
    /// `http://HOST[:PORT]` or `https://...`, with a path where a proxy needs one; nil: of the environment or AWS's own.
    package var endpoint: String?
    /// Nil: from the profile or the environment, as AWS's tools do.
    package var region: String?
    /// `ENDPOINT/BUCKET/KEY` instead of `BUCKET.ENDPOINT/KEY`; nil: as the endpoint suggests.
    package var pathStyle: Bool?
    /// A PEM file of certificate authorities to trust instead of the system's.
    package var caFile: String?
    /// The profile of the shared AWS configuration and credentials files; nil: `AWS_PROFILE`, else `default`.
    package var profile: String?
    /// Whether the server's certificate is checked.
    package var verifiesTLS: Bool

    package init(
        bucket: String, prefix: String = "", endpoint: String? = nil, region: String? = nil, pathStyle: Bool? = nil,
        caFile: String? = nil, profile: String? = nil, verifiesTLS: Bool = true
    ) {
        self.bucket = bucket
        self.prefix = prefix
        self.endpoint = endpoint
        self.region = region
        self.pathStyle = pathStyle
        self.caFile = caFile
        self.profile = profile
        self.verifiesTLS = verifiesTLS
    }
}
