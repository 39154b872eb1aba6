package import ArchiveTypes
import Checksums
package import HTTPTransport
import Synchronization

/// AWS's signature, version 4, in the `Authorization` header
/// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
///
/// A pure function of request, credentials and time; only the signing key, which is the same for a day, is kept.
package final class SignatureV4: Sendable {
    /// What is signed. Path and query are as they are before percent-encoding; `CanonicalRequest` encodes them, and
    /// what it makes of them must be sent.
    package struct Request: Sendable {
        package var method: String
        /// Begins with a slash.
        package var path: String
        package var query: [(name: String, value: String)]
        /// All of them are signed. `Host` must be among them.
        package var headers: HTTPHeaders
        /// Lower-case hexadecimal SHA-256 of the body.
        package var payloadHash: String

        package init(
            method: String, path: String, query: [(name: String, value: String)] = [], headers: HTTPHeaders,
            payloadHash: String
        ) {
            self.method = method
            self.path = path
            self.query = query
            self.headers = headers
            self.payloadHash = payloadHash
        }
    }

    private struct DayKey {
        var secret: Secret
        var day: String
        var key: [UInt8]
    }

    private let region: String
    private let service: String
    private let normalizesPath: Bool
    private let dayKey = Mutex<DayKey?>(nil)

    /// - Parameter normalizesPath: removes dot segments and double slashes, as every service but S3 has it.
    package init(region: String, service: String = "s3", normalizesPath: Bool = false) {
        self.region = region
        self.service = service
        self.normalizesPath = normalizesPath
    }

    /// Adds `x-amz-date`, the session token, where there is one, and `Authorization`.
    /// - Returns: what was signed, with the path and query that must be sent.
    @discardableResult
    package func sign(_ request: inout Request, _ credentials: Credentials, at time: Nanoseconds) -> CanonicalRequest {
        let timestamp = Self.timestamp(time)
        request.headers.append("x-amz-date", timestamp)
        if let token = credentials.sessionToken { request.headers.append("x-amz-security-token", token.revealed) }
        let canonical = CanonicalRequest(request, normalizesPath: normalizesPath)
        let signature = hex(
            hmacSHA256(
                key: signingKey(credentials.secretAccessKey, day: String(timestamp.prefix(8))),
                Array(stringToSign(canonical, timestamp: timestamp).utf8)))
        request.headers.append(
            "Authorization",
            "AWS4-HMAC-SHA256 Credential=\(credentials.accessKeyID)/\(scope(timestamp)), "
                + "SignedHeaders=\(canonical.signedHeaders), Signature=\(signature)")
        return canonical
    }

    package func stringToSign(_ canonical: CanonicalRequest, timestamp: String) -> String {
        "AWS4-HMAC-SHA256\n\(timestamp)\n\(scope(timestamp))\n\(hex(sha256(Array(canonical.text.utf8))))"
    }

    /// `YYYYMMDDTHHMMSSZ`.
    package static func timestamp(_ time: Nanoseconds) -> String {
        CivilTime.rfc3339(time, fractionDigits: 0).filter { $0 != "-" && $0 != ":" }
    }

    private func scope(_ timestamp: String) -> String { "\(timestamp.prefix(8))/\(region)/\(service)/aws4_request" }

    private func signingKey(_ secret: Secret, day: String) -> [UInt8] {
        if let kept = dayKey.withLock({ $0 }), kept.day == day, kept.secret == secret { return kept.key }
        var key = Array("AWS4".utf8) + Array(secret.revealed.utf8)
        for part in [day, region, service, "aws4_request"] { key = hmacSHA256(key: key, Array(part.utf8)) }
        let made = DayKey(secret: secret, day: day, key: key)
        dayKey.withLock { $0 = made }
        return key
    }
}
