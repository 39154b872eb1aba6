package import ArchiveTypes

/// Where senders of syslog messages reach this machine.
package enum ListenAddress: Sendable, Hashable, CustomStringConvertible {
    /// An empty host is all addresses; port 0 is any that is free.
    case tcp(host: String, port: UInt16)
    case udp(host: String, port: UInt16)
    case tls(host: String, port: UInt16)
    case unixStream(path: String)
    /// As programs write to `/dev/log`.
    case unixDatagram(path: String)

    package var description: String {
        switch self {
        case .tcp(let host, let port): "tcp://\(Self.bracketed(host)):\(port)"
        case .udp(let host, let port): "udp://\(Self.bracketed(host)):\(port)"
        case .tls(let host, let port): "tls://\(Self.bracketed(host)):\(port)"
        case .unixStream(let path): "unix-stream://\(path)"
        case .unixDatagram(let path): "unix://\(path)"
        }
    }

    private static func bracketed(_ host: String) -> String { host.contains(":") ? "[\(host)]" : host }

    package var isDatagram: Bool {
        switch self {
        case .udp, .unixDatagram: true
        case .tcp, .tls, .unixStream: false
        }
    }

    var unixPath: String? {
        switch self {
        case .unixStream(let path), .unixDatagram(let path): path
        case .tcp, .udp, .tls: nil
        }
    }
}

/// One listener for syslog messages.
package struct ListenerSettings: Sendable, Hashable {
    package var address: ListenAddress
    /// What streams of its lines are called.
    package var source: String
    /// The longest message; a longer one becomes several lines, and is counted.
    package var messageBytes = 32 << 10
    /// Connections at once: more are closed at once, and counted.
    package var connections = 512
    /// How long a TLS handshake may take before its connection is closed, and counted as refused.
    package var handshakeTime: Nanoseconds = 30 * .perSecond
    /// Of TLS only.
    package var certificate: TLSCertificate?

    package init(address: ListenAddress, source: String) {
        self.address = address
        self.source = source
    }
}

/// PEM files of a server.
package struct TLSCertificate: Sendable, Hashable {
    /// The certificate and those that lead to its root.
    package var chainPath: String
    package var keyPath: String
    /// Whose certificates clients must have; nil: they need none.
    package var clientAuthoritiesPath: String?

    package init(chainPath: String, keyPath: String, clientAuthoritiesPath: String? = nil) {
        self.chainPath = chainPath
        self.keyPath = keyPath
        self.clientAuthoritiesPath = clientAuthoritiesPath
    }
}

/// What a listener counted since it was opened.
package struct ListenerCounts: Sendable, Hashable {
    package var source: String
    package var messages: UInt64 = 0
    package var bytes: UInt64 = 0
    package var connections = 0
    package var refusedConnections: UInt64 = 0
    /// Lines beyond the first that messages over the limit became.
    package var splits: UInt64 = 0
    /// Datagrams whose end was cut off, since they were longer than the limit.
    package var cut: UInt64 = 0
    /// Datagrams that the kernel dropped, since they came faster than they could be made durable.
    package var overruns: UInt64 = 0

    package init(source: String) { self.source = source }
}
