internal import CCurl
import Synchronization

/// One request from its submission to its answer.
///
/// `request` and `isCancelled` may be read anywhere. The rest belongs to the loop's thread, on which libcurl makes its
/// callbacks, from submission on; `continuation` is set once before that.
final class Transfer: @unchecked Sendable {
    typealias Continuation = CheckedContinuation<Result<HTTPResponse, HTTPFailure>, Never>

    let request: HTTPRequest
    let isCancelled = Atomic(false)
    var continuation: Continuation?

    private(set) var easy: UnsafeMutableRawPointer?
    private var headerList: UnsafeMutablePointer<curl_slist>?
    private let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    private var source = BodySource.none
    private var response = HTTPResponse(status: 0)
    private var headerBytes = 0
    /// What a callback found wrong: more to the point than libcurl's code for it.
    private var verdict: HTTPFailure?
    private var progress = Progress()
    /// The kept connection that libcurl chose had bytes waiting before anything was asked: the transfer begins anew on another.
    private(set) var mustReconnect = false
    private var connections: KnownConnections?

    private struct Progress {
        var bytes: Int64 = -1
        var since: ContinuousClock.Instant = .now
    }

    /// Enough for any server; libcurl itself bounds only the single line.
    private static let headerLimit = 128 << 10

    init(_ request: HTTPRequest) {
        self.request = request
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit {
        release()
        errorText.deallocate()
    }

    /// Makes the handle, ready to be added to a multi handle.
    func prepare(
        share: UnsafeMutableRawPointer?, connections: KnownConnections
    ) throws(HTTPFailure) -> UnsafeMutableRawPointer {
        self.connections = connections
        source = try BodySource(request.body)
        guard let easy = curl_easy_init() else { throw HTTPFailure(.other, "libcurl has no memory for a request") }
        self.easy = easy
        let options = EasyOptions(easy)
        try options.connection(request, share: share)
        try options.exchange(request)
        headerList = try EasyOptions.list(request.headers)
        try options.set(CURLOPT_HTTPHEADER, headerList)
        try options.set(CURLOPT_ERRORBUFFER, UnsafeMutableRawPointer(errorText))
        if mustReconnect { try options.set(CURLOPT_FRESH_CONNECT, 1) }
        mustReconnect = false
        try options.callbacks(of: Unmanaged.passUnretained(self).toOpaque())
        progress = Progress()
        return easy
    }

    /// Gives back what libcurl holds; the handle must have left its multi handle.
    func release() {
        if let easy { curl_easy_cleanup(easy) }
        easy = nil
        curl_slist_free_all(headerList)
        headerList = nil
        source.close()
    }

    func resume(_ result: Result<HTTPResponse, HTTPFailure>) {
        continuation?.resume(returning: result)
        continuation = nil
    }

    /// The outcome, once libcurl is done with the handle, which is still in its multi handle.
    func outcome(_ code: CURLcode) -> Result<HTTPResponse, HTTPFailure> {
        rememberConnection()
        if let verdict { return .failure(verdict) }
        guard code == CURLE_OK else {
            return .failure(HTTPFailure(code: code, message: String(cString: errorText), isConnected: isConnected))
        }
        return .success(response)
    }

    private func info(_ info: CURLINFO) -> Int64 {
        var value: curl_off_t = 0
        guard let easy, firn_curl_get_offset(easy, info, &value) == CURLE_OK else { return 0 }
        return Int64(value)
    }

    private func info(long info: CURLINFO) -> Int {
        var value = 0
        guard let easy, firn_curl_get_long(easy, info, &value) == CURLE_OK else { return 0 }
        return value
    }

    private func rememberConnection() {
        var socket = CURL_SOCKET_BAD
        guard let easy, firn_curl_get_socket(easy, &socket) == CURLE_OK, socket != CURL_SOCKET_BAD else { return }
        connections?.remember(socket, localPort: info(long: CURLINFO_LOCAL_PORT))
    }

    private var isConnected: Bool { info(CURLINFO_PRETRANSFER_TIME_T) > 0 }

    /// Whether nothing has moved for longer than allowed. The counters are libcurl's: its own CURLOPT_LOW_SPEED_TIME
    /// averages over five seconds and counts whole ones.
    func isStalled(at now: ContinuousClock.Instant) -> Bool {
        let bytes = info(CURLINFO_SIZE_UPLOAD_T) + info(CURLINFO_SIZE_DOWNLOAD_T) + Int64(headerBytes)
        if bytes != progress.bytes || !isConnected {
            progress = Progress(bytes: bytes, since: now)
            return false
        }
        return now - progress.since >= request.timeouts.stall
    }

    // MARK: libcurl's callbacks

    /// Before the request is sent (CURLOPT_PREREQFUNCTION): false gives the connection up for a new one.
    func mayUseConnection(localPort: Int) -> Bool {
        mustReconnect = info(long: CURLINFO_NUM_CONNECTS) == 0 && connections?.holdsBytes(localPort: localPort) == true
        return !mustReconnect
    }

    /// One line of the answer's head (CURLOPT_HEADERFUNCTION): true goes on.
    func receiveHeader(_ line: UnsafeRawBufferPointer) -> Bool {
        headerBytes += line.count
        guard headerBytes <= Self.headerLimit else {
            verdict = HTTPFailure(.tooLarge, "the answer's head exceeds \(Self.headerLimit) bytes")
            return false
        }
        let text = String(decoding: line, as: UTF8.self)
        if text.hasPrefix("HTTP/") {
            response = HTTPResponse(status: text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0)
        } else if let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) {
            let value = text[text.index(after: colon)...].trimmingHTTPSpace()
            response.headers.append(String(text[..<colon]), String(value))
        }
        return true
    }

    /// A piece of the answer's body (CURLOPT_WRITEFUNCTION): true goes on.
    func receiveBody(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let limit = response.isSuccess ? request.responseLimit : HTTPClient.errorBodyLimit
        guard bytes.count <= limit - response.body.count else {
            verdict = HTTPFailure(.tooLarge, "the answer exceeds the \(limit) bytes expected of it")
            return false
        }
        if response.body.isEmpty {
            let promised = info(CURLINFO_CONTENT_LENGTH_DOWNLOAD_T)
            if promised > 0 { response.body.reserveCapacity(min(limit, Int(promised))) }
        }
        response.body.append(contentsOf: bytes)
        return true
    }

    /// Fills `buffer` with what comes next of the body (CURLOPT_READFUNCTION); nil aborts.
    func fill(_ buffer: UnsafeMutableRawBufferPointer) -> Int? {
        do throws(HTTPFailure) {
            return try source.read(into: buffer)
        } catch {
            verdict = error
            return nil
        }
    }

    /// libcurl sends a request again when a kept connection turns out to be closed.
    func rewind(to offset: UInt64) -> Bool { source.seek(offset) }
}

extension Substring {
    func trimmingHTTPSpace() -> Substring {
        func isSpace(_ character: Character) -> Bool { character.isWhitespace }
        guard let first = firstIndex(where: { !isSpace($0) }), let last = lastIndex(where: { !isSpace($0) }) else {
            return ""
        }
        return self[first...last]
    }
}
