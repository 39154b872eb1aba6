import Glibc

/// One connection of a sender. Closed with its last reference. For one thread.
final class SyslogConnection {
    var framer: SyslogFramer
    private let descriptor: Int32
    private let tls: TLSConnection?
    /// The connection's lines, where they name no host: then the relay is the host.
    private var origin: LineOrigin
    private let relay: String?
    private var toldSplits: UInt64 = 0

    /// Nil where TLS cannot begin; then `descriptor` stays open.
    init?(_ descriptor: Int32, origin: LineOrigin, limit: Int, tls server: TLSServer?) {
        if let server {
            guard let tls = TLSConnection(server, descriptor) else { return nil }
            self.tls = tls
        } else {
            tls = nil
        }
        self.descriptor = descriptor
        self.origin = origin
        relay = origin.relay
        framer = SyslogFramer(limit: limit)
    }

    deinit { close(descriptor) }

    /// Whether lines can come: the handshake is over.
    var isEstablished: Bool { tls?.isEstablished ?? true }

    /// How many bytes were read, 0 where there are none at present; nil at the end, and where the connection failed.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int? {
        if let tls { return tls.read(into: buffer) }
        let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
        if count > 0 { return count }
        return count < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : nil
    }

    /// - Parameter isRest: it belongs to the message before, whose origin was asked for last.
    func origin(of message: UnsafeRawBufferPointer, isRest: Bool) -> LineOrigin {
        guard !isRest else { return origin }
        let host = SyslogMessage.host(of: message) ?? relay
        if host != origin.host { origin.host = host }
        return origin
    }

    /// Splits since the last call.
    func takeSplits() -> UInt64 {
        defer { toldSplits = framer.splits }
        return framer.splits - toldSplits
    }
}
