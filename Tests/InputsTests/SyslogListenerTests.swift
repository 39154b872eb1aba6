import Foundation
import Glibc
import Inputs
import TestSupport
import Testing

/// A listener on a thread of its own, and plain sockets that send to it.
private final class Listening: @unchecked Sendable {
    let intake: Intake
    let listener: SyslogListener
    private let ended = DispatchSemaphore(value: 0)
    private(set) var lines: [LineOrigin: [UInt8]] = [:]
    private(set) var lost: UInt64 = 0

    init(_ addresses: [ListenAddress], capacity: Int = 1 << 20, adjust: (inout ListenerSettings) -> Void = { _ in })
        throws
    {
        intake = Intake(capacity: capacity)
        let settings = addresses.map { address in
            var settings = ListenerSettings(address: address, source: "syslog")
            adjust(&settings)
            return settings
        }
        listener = try SyslogListener(settings, intake: intake) { 7 }
        let thread = Thread { [listener, ended] in
            listener.run()
            ended.signal()
        }
        thread.start()
    }

    /// Takes lines until `isEnough`, or for two minutes.
    func take(until isEnough: (Listening) -> Bool) {
        let deadline = Date(timeIntervalSinceNow: 120)
        while !isEnough(self), Date() < deadline {
            for received in intake.take(atMost: 1_000_000_000) {
                switch received {
                case .lines(let some): lines[some.origin, default: []] += some.bytes
                case .loss(let loss): lost += loss.messages
                }
            }
        }
    }

    var count: Int { lines.values.reduce(0) { $0 + $1.count } }

    deinit {
        intake.close()
        listener.stop()
        ended.wait()
    }
}

private func connect(port: UInt16, datagram: Bool = false) throws -> Int32 {
    let descriptor = socket(AF_INET, Int32((datagram ? SOCK_DGRAM : SOCK_STREAM).rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let result = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    try #require(result == 0, "connect: \(errno)")
    return descriptor
}

private func sendAll(_ descriptor: Int32, _ text: String) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        guard count > 0 else { return }
        rest = rest.dropFirst(count)
    }
}

@Suite struct SyslogListenerTests {
    @Test func linesOfConnectionsAndDatagramsComeWithTheirHostAndRelay() throws {
        let listening = try Listening([.tcp(host: "127.0.0.1", port: 0), .udp(host: "127.0.0.1", port: 0)])
        let tcp = try connect(port: listening.listener.ports[0])
        sendAll(tcp, "<13>1 2026-01-01T00:00:00Z web-1 a - - - one\n40 <13>1 2026-01-01T00:00:00Z web-2 a - - -")
        sendAll(tcp, "<13>no host here\n")
        close(tcp)
        let udp = try connect(port: listening.listener.ports[1], datagram: true)
        sendAll(udp, "<13>Jan  1 00:00:00 web-3 a: two\nlines\n")
        close(udp)
        listening.take { $0.lines.count == 4 }
        func origin(_ host: String) -> LineOrigin { LineOrigin(host: host, source: "syslog", relay: "127.0.0.1") }
        #expect(listening.lines[origin("web-1")] == Array("<13>1 2026-01-01T00:00:00Z web-1 a - - - one\n".utf8))
        #expect(listening.lines[origin("web-2")] == Array("<13>1 2026-01-01T00:00:00Z web-2 a - - -\n".utf8))
        #expect(listening.lines[origin("127.0.0.1")] == Array("<13>no host here\n".utf8))
        #expect(listening.lines[origin("web-3")] == Array("<13>Jan  1 00:00:00 web-3 a: two\nlines\n".utf8))
        #expect(listening.listener.counts.map(\.messages) == [3, 1])
    }

    @Test func unixSocketsTakeDatagramsAndStreams() throws {
        let directory = TemporaryDirectory()
        let paths = [directory.path + "/log", directory.path + "/stream"]
        let listening = try Listening([.unixDatagram(path: paths[0]), .unixStream(path: paths[1])])
        for (path, type) in zip(paths, [SOCK_DGRAM, SOCK_STREAM]) {
            let descriptor = socket(AF_UNIX, Int32(type.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            let result = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            #expect(result == 0)
            sendAll(descriptor, "<13>Jan  1 00:00:00 app[1]: \(type == SOCK_DGRAM ? "datagram" : "stream\n")")
            close(descriptor)
        }
        listening.take { $0.count >= 36 + 34 }
        let own = LineOrigin(host: nil, source: "syslog")
        let lines = String(decoding: listening.lines[own] ?? [], as: UTF8.self).split(separator: "\n").sorted()
        #expect(lines == ["<13>Jan  1 00:00:00 app[1]: datagram", "<13>Jan  1 00:00:00 app[1]: stream"])
    }

    /// A message over the limit names its host once: what follows is its own, whatever it looks like.
    @Test func allOfALongMessageIsItsHosts() throws {
        for isCounted in [true, false] {
            let listening = try Listening([.tcp(host: "127.0.0.1", port: 0)]) { $0.messageBytes = 100 }
            let tcp = try connect(port: listening.listener.ports[0])
            let header = "<13>1 2026-01-01T00:00:00Z web-1 a - - - "
            let message =
                header + String(repeating: "x", count: 100 - header.utf8.count)
                + "<13>1 2026-01-01T00:00:00Z web-2 a - - - y" + String(repeating: "z", count: 100)
            let next = "<13>1 2026-01-01T00:00:00Z web-3 a - - - next"
            sendAll(
                tcp, isCounted ? "\(message.utf8.count) \(message)\(next.utf8.count) \(next)" : "\(message)\n\(next)\n")
            close(tcp)
            listening.take { $0.listener.counts[0].messages == 4 && $0.lines.count == 2 }
            #expect(Set(listening.lines.keys.map(\.host)) == ["web-1", "web-3"])
            let own = listening.lines.first { $0.key.host == "web-1" }?.value ?? []
            #expect(own.filter { $0 != 10 } == Array(message.utf8))
        }
    }

    /// What senders have written when it ends is received, though nobody has read it yet, and what was dropped is told.
    @Test func whatTheKernelHoldsAtTheEndIsReceived() throws {
        let listening = try Listening(
            [.tcp(host: "127.0.0.1", port: 0), .udp(host: "127.0.0.1", port: 0)], capacity: 1)
        let ports = listening.listener.ports
        let line = "<13>Jan  1 00:00:00 web-1 a: " + String(repeating: "x", count: 970)
        let early = try connect(port: ports[0])
        sendAll(early, line + "\n")
        listening.take { $0.count > 0 }
        // Nobody takes any more: the listener waits with what it has read next.
        let udp = try connect(port: ports[1], datagram: true)
        for _ in 0..<50 { sendAll(udp, line) }
        for _ in 0..<50 { sendAll(early, line + "\n") }
        let late = try connect(port: ports[0])
        for _ in 0..<50 { sendAll(late, line + "\n") }
        for _ in 0..<60_000 { sendAll(udp, line) }
        listening.listener.stop()
        listening.take { $0.count + Int($0.lost) * (line.utf8.count + 1) >= 60_151 * (line.utf8.count + 1) }
        #expect(listening.count / (line.utf8.count + 1) + Int(listening.lost) == 60_151)
        #expect(listening.lost > 0)
        for descriptor in [early, late, udp] { close(descriptor) }
    }

    /// The intake is full and nobody takes: the sender waits, and everything comes once there is room.
    @Test func aSenderWaitsWhileThereIsNoRoom() throws {
        let listening = try Listening([.tcp(host: "127.0.0.1", port: 0)], capacity: 100_000)
        let port = listening.listener.ports[0]
        let line = "<13>Jan  1 00:00:00 web-1 a: " + String(repeating: "x", count: 970) + "\n"
        let sender = Thread {
            guard let descriptor = try? connect(port: port) else { return }
            for _ in 0..<10_000 { sendAll(descriptor, line) }
            close(descriptor)
        }
        sender.start()
        listening.take { $0.count >= 10_000 * line.utf8.count }
        #expect(listening.count == 10_000 * line.utf8.count)
        #expect(listening.listener.counts[0].messages == 10_000)
    }

    @Test func connectionsBeyondTheLimitAreClosed() throws {
        let listening = try Listening([.tcp(host: "127.0.0.1", port: 0)]) { $0.connections = 2 }
        let port = listening.listener.ports[0]
        let first = [try connect(port: port), try connect(port: port)]
        for descriptor in first { sendAll(descriptor, "<13>Jan  1 00:00:00 web-1 a: x\n") }
        listening.take { $0.listener.counts[0].messages == 2 }
        let third = try connect(port: port)
        var byte: UInt8 = 0
        #expect(recv(third, &byte, 1, 0) <= 0, "the third connection was kept")
        #expect(listening.listener.counts[0].refusedConnections == 1)
        for descriptor in first + [third] { close(descriptor) }
    }

    /// A connection whose handshake never ends is closed, and makes room for others.
    @Test func aHandshakeHasADeadline() throws {
        let scratch = try Scratch()
        try scratch.run(
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
            "-keyout", "key.pem", "-out", "chain.pem")
        let listening = try Listening([.tls(host: "127.0.0.1", port: 0)]) {
            $0.certificate = TLSCertificate(chainPath: scratch.path + "/chain.pem", keyPath: scratch.path + "/key.pem")
            $0.connections = 1
            $0.handshakeTime = 50_000_000
        }
        for number in 1...3 as ClosedRange<UInt64> {
            let silent = try connect(port: listening.listener.ports[0])
            sendAll(silent, "\u{16}\u{3}\u{1}")
            var byte: UInt8 = 0
            #expect(recv(silent, &byte, 1, 0) <= 0, "the connection was kept")
            listening.take { $0.listener.counts[0].connections == 0 }
            #expect(listening.listener.counts[0].refusedConnections == number)
            close(silent)
        }
    }

    /// Nobody reads the socket while datagrams overrun its queue: as many are told as did not come.
    @Test func lostDatagramsAreCounted() throws {
        let listening = try Listening([.udp(host: "127.0.0.1", port: 0)], capacity: 1000)
        let udp = try connect(port: listening.listener.ports[0], datagram: true)
        let text = "<13>Jan  1 00:00:00 web-1 a: " + String(repeating: "x", count: 8000)
        let sent = 20_000
        for _ in 0..<sent { sendAll(udp, text) }
        listening.take { listening in
            // The kernel tells of losses with the datagrams after them.
            sendAll(udp, text)
            return listening.lost > 0 && listening.count / (text.utf8.count + 1) + Int(listening.lost) >= sent
        }
        let came = listening.count / (text.utf8.count + 1)
        #expect(listening.lost > 0 && came + Int(listening.lost) >= sent, "\(came) came, \(listening.lost) were lost")
        #expect(listening.listener.counts[0].overruns == listening.lost)
        close(udp)
    }
}
