/// Where syslog messages are received.
package enum SyslogAddress: Sendable, Hashable, CustomStringConvertible {
    case tcp(host: String, port: Int)
    case udp(host: String, port: Int)
    case tls(host: String, port: Int)
    /// A datagram socket, such as `/dev/log`.
    case unix(path: String)
    case unixStream(path: String)

    /// `tcp://HOST:PORT`, `udp://HOST:PORT`, `tls://HOST:PORT`, `unix:///PATH` or `unix-stream:///PATH`.
    package static func parse(_ text: String) throws(InvalidValue) -> SyslogAddress {
        if let rest = text.after("unix://") { return .unix(path: try path(rest)) }
        if let rest = text.after("unix-stream://") { return .unixStream(path: try path(rest)) }
        if let rest = text.after("tcp://") {
            let (host, port) = try Endpoint.hostAndPort(rest)
            return .tcp(host: host, port: port)
        }
        if let rest = text.after("udp://") {
            let (host, port) = try Endpoint.hostAndPort(rest)
            return .udp(host: host, port: port)
        }
        if let rest = text.after("tls://") {
            let (host, port) = try Endpoint.hostAndPort(rest)
            return .tls(host: host, port: port)
        }
        throw InvalidValue("\(text.quoted) names no protocol", hint: "write tcp://\(text) or udp://\(text)")
    }

    private static func path(_ text: String) throws(InvalidValue) -> String {
        // sockaddr_un holds no more.
        guard text.utf8.count < 108 else { throw InvalidValue("\(text.quoted) is too long for a socket's path") }
        return try DirectoryPath.normalized(text, relativeTo: nil)
    }

    package var description: String {
        switch self {
        case .tcp(let host, let port): "tcp://\(Self.bracketed(host)):\(port)"
        case .udp(let host, let port): "udp://\(Self.bracketed(host)):\(port)"
        case .tls(let host, let port): "tls://\(Self.bracketed(host)):\(port)"
        case .unix(let path): "unix://\(path)"
        case .unixStream(let path): "unix-stream://\(path)"
        }
    }

    private static func bracketed(_ host: String) -> String { host.contains(":") ? "[\(host)]" : host }
}

extension String {
    fileprivate func after(_ prefix: String) -> String? {
        hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil
    }
}
