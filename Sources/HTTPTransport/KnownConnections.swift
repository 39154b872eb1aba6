import Glibc

/// The sockets of kept connections by their local ports, to look at one before it is used again: libcurl tells a connection's
/// socket only after a transfer, and its local port before the next. Belongs to the loop's thread.
final class KnownConnections {
    private var sockets: [Int: Int32] = [:]

    func remember(_ socket: Int32, localPort: Int) { sockets[localPort] = socket }

    /// Whether bytes wait on that connection, before anything has been asked: the rest of an earlier answer, or one that was
    /// sent twice. libcurl would take them for the answer to the next request.
    func holdsBytes(localPort: Int) -> Bool {
        guard let socket = sockets[localPort], Self.localPort(of: socket) == localPort else { return false }
        var byte: UInt8 = 0
        return recv(socket, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT)) > 0
    }

    /// Nil where it is no internet socket: closed meanwhile, and the number given to something else.
    private static func localPort(of socket: Int32) -> Int? {
        var address = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let code = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &length) }
        }
        guard code == 0, [AF_INET, AF_INET6].contains(Int32(address.ss_family)) else { return nil }
        // The port stands at the same place in sockaddr_in and sockaddr_in6.
        return withUnsafeBytes(of: address) { Int(UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self))) }
    }
}
