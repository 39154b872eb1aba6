import CSystem
import Glibc
import Synchronization

/// Serves one page over HTTP/1.1 (RFC 9112), for whoever looks at an agent's figures. Each connection is answered once
/// and closed. Bounded: so many connections at once, so many bytes of a request, so long to send it and to take the
/// answer.
package final class PageServer: Sendable {
    private let listener: Int32
    private let readiness: Readiness
    private let path: String
    private let contentType: String
    private let page: @Sendable () -> String
    private let isStopping = Atomic(false)
    private let isClosed = Atomic(false)
    /// The port that it is bound to.
    package let port: UInt16

    private static let connections = 8
    private static let requestBytes = 8 << 10
    private static let patience: Duration = .seconds(10)

    /// Binds `host` (empty: all addresses) and `port` (0: any that is free).
    /// - Parameter page: made anew for each request for `path`; called on the thread of `run`.
    package init(
        host: String, port: UInt16, path: String, contentType: String, page: @escaping @Sendable () -> String
    ) throws(InputError) {
        let address = "\(host.contains(":") ? "[\(host)]" : host):\(port)"
        readiness = try Readiness()
        listener = firn_listen_inet(host, String(port), 0)
        self.path = path
        self.contentType = contentType
        self.page = page
        self.port = UInt16(clamping: firn_bound_port(max(0, listener)))
        guard listener >= 0 else { throw InputError(errno: -listener, path: address, doing: "listen at") }
        try readiness.add(listener, token: 0)
    }

    deinit { closeListener() }

    private func closeListener() {
        guard listener >= 0, !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        close(listener)
    }

    /// Makes `run` return soon.
    package func stop() {
        isStopping.store(true, ordering: .releasing)
        readiness.wake()
    }

    private struct Connection {
        var descriptor: Int32
        var deadline: ContinuousClock.Instant
        var request: [UInt8] = []
        /// What is left of the answer, once there is one.
        var answer: ArraySlice<UInt8>?
        var isOver = false
    }

    /// Answers until `stop`, and lets the port go. Blocks: for a thread of its own.
    package func run() {
        defer { closeListener() }
        var connections: [Connection] = []
        defer { for connection in connections { close(connection.descriptor) } }
        while !isStopping.load(ordering: .acquiring) {
            // Whoever is connected is looked at every few milliseconds; there are few, and not often.
            if readiness.wait(milliseconds: connections.isEmpty ? -1 : 20).contains(0) { accept(into: &connections) }
            let now = ContinuousClock.now
            for index in connections.indices { serve(&connections[index], now) }
            for connection in connections where connection.isOver { close(connection.descriptor) }
            connections.removeAll(where: \.isOver)
        }
    }

    private func accept(into connections: inout [Connection]) {
        let descriptor = firn_accept(listener, nil, 0)
        guard descriptor >= 0 else {
            // Without descriptors there is nothing to be done but to leave some time.
            if descriptor == -EMFILE || descriptor == -ENFILE { usleep(10_000) }
            return
        }
        guard connections.count < Self.connections else {
            close(descriptor)
            return
        }
        connections.append(Connection(descriptor: descriptor, deadline: ContinuousClock.now + Self.patience))
    }

    private func serve(_ connection: inout Connection, _ now: ContinuousClock.Instant) {
        if connection.answer == nil { read(&connection) }
        if connection.answer != nil { send(&connection) }
        if now > connection.deadline { connection.isOver = true }
    }

    private func read(_ connection: inout Connection) {
        var buffer = [UInt8](repeating: 0, count: 2048)
        let count = recv(connection.descriptor, &buffer, buffer.count, 0)
        guard count > 0 else {
            if count == 0 || (errno != EAGAIN && errno != EINTR) { connection.isOver = true }
            return
        }
        connection.request += buffer[..<count]
        if let request = RequestHead(connection.request) {
            connection.answer = answer(request)[...]
        } else if connection.request.count > Self.requestBytes {
            connection.answer = Self.answer("431 Request Header Fields Too Large", "the request is too long\n")[...]
        }
    }

    private func send(_ connection: inout Connection) {
        guard let rest = connection.answer else { return }
        let count = rest.withUnsafeBytes {
            Glibc.send(connection.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        if count >= 0 {
            connection.answer = rest.dropFirst(count)
            guard count == rest.count else { return }
            shutdown(connection.descriptor, Int32(SHUT_WR))
            connection.isOver = true
        } else if errno != EAGAIN, errno != EINTR {
            connection.isOver = true
        }
    }

    private func answer(_ request: RequestHead) -> [UInt8] {
        guard request.isWellFormed else { return Self.answer("400 Bad Request", "this is no HTTP/1.1 request\n") }
        guard request.method == "GET" || request.method == "HEAD" else {
            return Self.answer("405 Method Not Allowed", "only GET\n", more: "Allow: GET, HEAD\r\n")
        }
        guard request.path == path else { return Self.answer("404 Not Found", "look at \(path)\n") }
        return Self.answer("200 OK", page(), type: contentType, isHead: request.method == "HEAD")
    }

    private static func answer(
        _ status: String, _ body: String, type: String = "text/plain; charset=utf-8", more: String = "",
        isHead: Bool = false
    ) -> [UInt8] {
        let head =
            "HTTP/1.1 \(status)\r\nContent-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n\(more)Connection: close\r\n\r\n"
        return Array(head.utf8) + (isHead ? [] : Array(body.utf8))
    }
}

/// The first line of a request whose head is there whole.
package struct RequestHead: Sendable, Hashable {
    package var method = ""
    /// Without its query.
    package var path = ""
    package var isWellFormed = false

    /// Nil as long as the head's end, an empty line, is not among `bytes`.
    package init?(_ bytes: [UInt8]) {
        let text = bytes.filter { $0 != 0x0D }
        let isWhole = zip(text, text.dropFirst()).contains { $0 == 0x0A && $1 == 0x0A }
        guard isWhole, let end = text.firstIndex(of: 0x0A) else { return nil }
        let words = text[..<end].split(separator: 0x20, omittingEmptySubsequences: false)
        guard words.count == 3, String(decoding: words[2], as: UTF8.self).hasPrefix("HTTP/1."), words[1].first == 0x2F
        else { return }
        method = String(decoding: words[0], as: UTF8.self)
        path = String(decoding: words[1].prefix { $0 != UInt8(ascii: "?") }, as: UTF8.self)
        isWellFormed = true
    }
}
