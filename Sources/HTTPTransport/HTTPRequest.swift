/// One request, sent exactly so: libcurl adds no fields but `Content-Length` and `Connection`, follows no redirect, and
/// neither normalizes nor encodes the URL.
package struct HTTPRequest: Sendable {
    package enum Method: String, Sendable { case get = "GET", head = "HEAD", put = "PUT", delete = "DELETE" }

    package enum Body: Sendable {
        case none
        case bytes([UInt8])
        /// `length` bytes of a local file from `offset`, and `ending` after them; read piece by piece while it is sent. The
        /// file must not change.
        case file(path: String, offset: UInt64 = 0, length: UInt64, ending: [UInt8] = [])

        package var length: UInt64? {
            switch self {
            case .none: nil
            case .bytes(let bytes): UInt64(bytes.count)
            case .file(_, _, let length, let ending): length + UInt64(ending.count)
            }
        }
    }

    package var method: Method
    /// `http` or `https`; path and query percent-encoded.
    package var url: String
    package var headers: HTTPHeaders
    package var body: Body
    /// The most bytes that the body of a successful answer (2xx) may have; other answers may have
    /// `HTTPClient.errorBodyLimit`. A longer one fails as `.tooLarge`.
    package var responseLimit: Int
    package var timeouts: HTTPTimeouts
    package var tls: TLSOptions
    /// Goes straight to the host although the environment (`http_proxy`, `https_proxy`) names a proxy.
    package var bypassesProxy: Bool

    package init(
        _ method: Method, _ url: String, headers: HTTPHeaders = [], body: Body = .none, responseLimit: Int,
        timeouts: HTTPTimeouts = HTTPTimeouts(), tls: TLSOptions = TLSOptions(), bypassesProxy: Bool = false
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.responseLimit = responseLimit
        self.timeouts = timeouts
        self.tls = tls
        self.bypassesProxy = bypassesProxy
    }

    /// Refuses what would break the framing of HTTP/1.1 (RFC 9110, 5.5): fields come from configuration and keys.
    func validate() throws(HTTPFailure) {
        guard url.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) else {
            throw HTTPFailure(.invalidRequest, "the URL holds characters that must be percent-encoded")
        }
        // libcurl guesses where there is none.
        guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
            throw HTTPFailure(.invalidRequest, "the URL begins neither with http:// nor with https://")
        }
        for field in headers.fields {
            let isPlain = field.value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }
            let isNamed =
                !field.name.isEmpty && field.name.utf8.allSatisfy { 0x21...0x7E ~= $0 && $0 != UInt8(ascii: ":") }
            guard isPlain && isNamed else {
                throw HTTPFailure(.invalidRequest, "the value of header \(field.name) holds control characters")
            }
        }
    }
}

package struct HTTPTimeouts: Sendable, Hashable {
    /// Name resolution, TCP and TLS together.
    package var connect: Duration
    /// From the start of the transfer to its end; nil: no bound but `stall`.
    package var total: Duration?
    /// How long nothing at all may move, in either direction, once connected.
    package var stall: Duration

    package init(connect: Duration = .seconds(10), total: Duration? = nil, stall: Duration = .seconds(30)) {
        self.connect = connect
        self.total = total
        self.stall = stall
    }
}

package struct TLSOptions: Sendable, Hashable {
    /// A PEM file of trusted certificates instead of the system's.
    package var caFile: String?
    /// False accepts any certificate: for trials only.
    package var verifies: Bool

    package init(caFile: String? = nil, verifies: Bool = true) {
        self.caFile = caFile
        self.verifies = verifies
    }
}

extension Duration {
    /// Whole milliseconds, rounded up, at least 1 and at most `Int32.max`: what libcurl and poll(2) take.
    var milliseconds: Int {
        let (seconds, attoseconds) = components
        guard seconds < 2_000_000 else { return Int(Int32.max) }
        return max(1, Int(seconds) * 1000 + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000))
    }
}
