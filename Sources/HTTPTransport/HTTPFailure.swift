internal import CCurl

/// Why there is no answer. An answer of any status is none of these.
package struct HTTPFailure: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// Nobody listens there, or no route leads there.
        case refused
        case dns
        case connectTimeout
        case totalTimeout
        /// Connected, but nothing moved for the time allowed.
        case stalled
        /// The connection was lost before the answer was whole.
        case reset
        /// The answer ended before the length that it had promised.
        case truncated
        /// The peer's certificate is not trusted, or the CA file cannot be used.
        case tls
        /// The TLS handshake failed otherwise; also when the peer does not speak TLS or hung up.
        case handshake
        case tooLarge
        case cancelled
        /// The file that was to be sent cannot be read, or is shorter than said.
        case unreadableBody
        case invalidRequest
        /// What came is not HTTP, or libcurl failed otherwise.
        case other
    }

    package var kind: Kind
    /// A clause for people, without secrets.
    package var message: String

    package init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    package var description: String { message }

    static let cancelled = HTTPFailure(.cancelled, "cancelled")

    /// `message` is libcurl's own text; `isConnected` tells the two timeouts apart.
    init(code: CURLcode, message: String, isConnected: Bool) {
        let text = message.isEmpty ? String(cString: curl_easy_strerror(code)) : message
        self.init(Self.kind(of: code, isConnected: isConnected), text)
    }

    private static func kind(of code: CURLcode, isConnected: Bool) -> Kind {
        switch code {
        case CURLE_COULDNT_CONNECT: .refused
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: .dns
        case CURLE_OPERATION_TIMEDOUT: isConnected ? .totalTimeout : .connectTimeout
        case CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_GOT_NOTHING, CURLE_SEND_FAIL_REWIND: .reset
        case CURLE_PARTIAL_FILE: .truncated
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_CERTPROBLEM:
            .tls
        case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CIPHER: .handshake
        case CURLE_FILESIZE_EXCEEDED: .tooLarge
        case CURLE_URL_MALFORMAT: .invalidRequest
        default: .other
        }
    }
}
