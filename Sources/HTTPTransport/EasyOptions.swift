internal import CCurl

/// Sets the options of one easy handle (curl_easy_setopt(3)); each call throws where libcurl refuses.
struct EasyOptions {
    private let easy: UnsafeMutableRawPointer

    /// Few system calls for objects of many megabytes; larger ones gained nothing measurable. Each transfer has its own.
    private static let uploadBuffer = 512 << 10
    private static let downloadBuffer = 256 << 10

    init(_ easy: UnsafeMutableRawPointer) { self.easy = easy }

    /// Where to, and for how long.
    func connection(_ request: HTTPRequest, share: UnsafeMutableRawPointer?) throws(HTTPFailure) {
        try set(CURLOPT_URL, request.url)
        try set(CURLOPT_PROTOCOLS_STR, "http,https")
        try set(CURLOPT_PATH_AS_IS, 1)
        try set(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1)
        // Signals of a library's own would reach whatever thread is running.
        try set(CURLOPT_NOSIGNAL, 1)
        try set(CURLOPT_TCP_NODELAY, 1)
        try set(CURLOPT_TCP_KEEPALIVE, 1)
        try set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        if request.bypassesProxy { try set(CURLOPT_PROXY, "") }
        try set(CURLOPT_CONNECTTIMEOUT_MS, request.timeouts.connect.milliseconds)
        if let total = request.timeouts.total { try set(CURLOPT_TIMEOUT_MS, total.milliseconds) }
        try set(CURLOPT_SHARE, share)
        try set(CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2)
        if let file = request.tls.caFile {
            try set(CURLOPT_CAINFO, file)
            try set(CURLOPT_CAPATH, String?.none)
        }
        try set(CURLOPT_SSL_VERIFYPEER, request.tls.verifies ? 1 : 0)
        try set(CURLOPT_SSL_VERIFYHOST, request.tls.verifies ? 2 : 0)
    }

    /// Method and body.
    func exchange(_ request: HTTPRequest) throws(HTTPFailure) {
        switch request.method {
        case .get: try set(CURLOPT_HTTPGET, 1)
        case .head: try set(CURLOPT_NOBODY, 1)
        case .delete: try set(CURLOPT_CUSTOMREQUEST, request.method.rawValue)
        case .put:
            try set(CURLOPT_UPLOAD, 1)
            let length = request.body.length ?? 0
            try check(firn_curl_set_offset(easy, CURLOPT_INFILESIZE_LARGE, curl_off_t(length)))
            if length > 64 << 10 { try set(CURLOPT_UPLOAD_BUFFERSIZE, Self.uploadBuffer) }
        }
        if request.method == .get, request.responseLimit > 64 << 10 { try set(CURLOPT_BUFFERSIZE, Self.downloadBuffer) }
    }

    /// `owner` is the unretained `Transfer`, which outlives the handle.
    func callbacks(of owner: UnsafeMutableRawPointer) throws(HTTPFailure) {
        try set(CURLOPT_HEADERDATA, owner)
        try set(CURLOPT_WRITEDATA, owner)
        try set(CURLOPT_READDATA, owner)
        try set(CURLOPT_SEEKDATA, owner)
        try check(
            firn_curl_set_data_callback(easy, CURLOPT_HEADERFUNCTION) { bytes, _, count, owner in
                Transfer.of(owner).receiveHeader(UnsafeRawBufferPointer(start: bytes, count: count)) ? count : 0
            })
        try check(
            firn_curl_set_data_callback(easy, CURLOPT_WRITEFUNCTION) { bytes, _, count, owner in
                Transfer.of(owner).receiveBody(UnsafeRawBufferPointer(start: bytes, count: count)) ? count : 0
            })
        try check(
            firn_curl_set_data_callback(easy, CURLOPT_READFUNCTION) { bytes, size, count, owner in
                let buffer = UnsafeMutableRawBufferPointer(start: bytes, count: size * count)
                return Transfer.of(owner).fill(buffer) ?? Int(CURL_READFUNC_ABORT)
            })
        try set(CURLOPT_PREREQDATA, owner)
        try check(
            firn_curl_set_request_callback(easy) { owner, _, _, _, localPort in
                Transfer.of(owner).mayUseConnection(localPort: Int(localPort))
                    ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
            })
        try check(
            firn_curl_set_seek_callback(easy) { owner, offset, origin in
                origin == 0 && offset >= 0 && Transfer.of(owner).rewind(to: UInt64(offset))
                    ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_CANTSEEK
            })
    }

    /// Exactly these fields: what libcurl would add of its own is struck out (`Name:`), an empty value is said so (`Name;`).
    static func list(_ headers: HTTPHeaders) throws(HTTPFailure) -> UnsafeMutablePointer<curl_slist>? {
        var list: UnsafeMutablePointer<curl_slist>?
        let lines = headers.fields.map { $0.value.isEmpty ? $0.name + ";" : $0.name + ": " + $0.value }
        let unwanted = ["Expect", "Accept", "User-Agent", "Content-Type"].filter { headers[$0] == nil }.map { $0 + ":" }
        for line in lines + unwanted {
            guard let longer = curl_slist_append(list, line) else {
                curl_slist_free_all(list)
                throw HTTPFailure(.other, "libcurl has no memory for a request")
            }
            list = longer
        }
        return list
    }

    func set(_ option: CURLoption, _ value: Int) throws(HTTPFailure) {
        try check(firn_curl_set_long(easy, option, value))
    }

    func set(_ option: CURLoption, _ value: String?) throws(HTTPFailure) {
        try check(firn_curl_set_string(easy, option, value))
    }

    func set(_ option: CURLoption, _ value: UnsafeMutableRawPointer?) throws(HTTPFailure) {
        try check(firn_curl_set_pointer(easy, option, value))
    }

    func set(_ option: CURLoption, _ value: UnsafeMutablePointer<curl_slist>?) throws(HTTPFailure) {
        try check(firn_curl_set_list(easy, option, value))
    }

    private func check(_ code: CURLcode) throws(HTTPFailure) {
        guard code == CURLE_OK else { throw HTTPFailure(code: code, message: "", isConnected: false) }
    }
}

extension Transfer {
    /// libcurl hands back the pointer that `EasyOptions.callbacks(of:)` gave it.
    fileprivate static func of(_ owner: UnsafeMutableRawPointer?) -> Transfer {
        guard let owner else { preconditionFailure("libcurl made a callback without its data") }
        return Unmanaged<Transfer>.fromOpaque(owner).takeUnretainedValue()
    }
}
