import ArchiveTypes
import HTTPTransport
import ObjectStore
import S3
import Synchronization

/// A running S3 server, and how it differs from others.
package struct S3Server: Sendable {
    package var kind: S3ServerKind
    package var endpoint: String
    package var region = "us-east-1"
    package var credentials: Credentials
    /// Certificates to trust, of a server that speaks TLS.
    package var caFile: String?
    /// Kept so that it goes on running.
    private let process: GuardedProcess?
    /// One client for all: connections are kept.
    package static let client = Result { () throws(HTTPFailure) in try HTTPClient() }

    init(_ kind: S3ServerKind, endpoint: String, credentials: Credentials, process: GuardedProcess?) {
        self.kind = kind
        self.endpoint = endpoint
        self.credentials = credentials
        self.process = process
    }

    /// What a `firn` that is to use this server finds in its environment.
    package var environment: [String: String] {
        var variables = [
            "AWS_ACCESS_KEY_ID": credentials.accessKeyID,
            "AWS_SECRET_ACCESS_KEY": credentials.secretAccessKey.revealed,
        ]
        variables["AWS_SESSION_TOKEN"] = credentials.sessionToken?.revealed
        return variables
    }

    /// For `--store`.
    package func url(bucket: String, prefix: String = "") -> String {
        "s3://\(bucket)/\(prefix)?endpoint=\(endpoint)&region=\(region)&path-style=true"
            + (caFile.map { "&ca-file=\($0)" } ?? "")
    }

    package func configuration(bucket: String, prefix: String = "") throws(S3ConfigurationError) -> S3Configuration {
        try S3Configuration(url: url(bucket: bucket, prefix: prefix), name: kind.rawValue)
    }

    package func store(bucket: String, prefix: String = "") throws -> S3Store {
        try S3Store(
            configuration(bucket: bucket, prefix: prefix), client: Self.client.get(),
            credentials: StaticCredentials(credentials), environment: AWSEnvironment([:]))
    }

    /// A bucket that nobody else has; `text` stands in its name.
    package func makeBucket(_ text: String = "test") async throws -> String {
        let name = "firn-\(text)-" + String(UInt64.random(in: .min ... .max), radix: 36)
        try await createBucket(name)
        return name
    }

    /// CreateBucket, signed (https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html).
    package func createBucket(_ name: String) async throws {
        let address = try S3Address(configuration(bucket: name), environment: AWSEnvironment([:]))
        var signing = SignatureV4.Request(
            method: "PUT", path: address.basePath,
            headers: [.init("Host", address.authority), .init("x-amz-content-sha256", Self.emptyHash)],
            payloadHash: Self.emptyHash)
        let canonical = SignatureV4(region: region).sign(&signing, credentials, at: WallClock.now())
        let request = HTTPRequest(
            .put, "\(address.scheme)://\(address.authority)\(canonical.path)", headers: signing.headers,
            body: .bytes([]),
            responseLimit: 64 << 10, tls: TLSOptions(caFile: caFile), bypassesProxy: true)
        let response = try await Self.client.get().send(request)
        guard response.isSuccess else {
            let text = String(decoding: response.body.prefix(500), as: UTF8.self)
            throw GuardedProcess.Failure(description: "cannot create bucket \(name): \(response.status) \(text)")
        }
    }

    private static let emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
}
