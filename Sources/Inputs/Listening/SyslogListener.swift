package import ArchiveTypes
import CSystem
import Glibc
import Synchronization
import Threads

/// Receives syslog messages at any number of addresses with one thread, and puts them into an intake as lines.
///
/// While the intake is full nothing is read: TCP senders wait, and of UDP the kernel counts what it must drop. Memory is
/// bounded by connections times message length.
package final class SyslogListener: Sendable {
    private let endpoints: [Endpoint]
    private let readiness: Readiness
    private let intake: Intake
    private let clock: @Sendable () -> Nanoseconds
    private let isStopping = Atomic<Bool>(false)

    /// A bound socket.
    private final class Endpoint: Sendable {
        let settings: ListenerSettings
        let descriptor: Int32
        let tls: TLSServer?
        let counts: Mutex<ListenerCounts>
        private let isClosed = Atomic(false)

        init(_ settings: ListenerSettings) throws(InputError) {
            if case .tls = settings.address { tls = try TLSServer(settings.certificate) } else { tls = nil }
            self.settings = settings
            descriptor = Self.open(settings.address)
            counts = Mutex(ListenerCounts(source: settings.source))
            guard descriptor >= 0 else {
                throw InputError(errno: -descriptor, path: settings.address.description, doing: "listen at")
            }
        }

        deinit { close() }

        /// Its address is free from then on.
        func close() {
            guard descriptor >= 0, !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
            // In this order: the path may be another's as soon as it can be bound.
            if let path = settings.address.unixPath { unlink(path) }
            Glibc.close(descriptor)
        }

        private static func open(_ address: ListenAddress) -> Int32 {
            switch address {
            case .tcp(let host, let port), .tls(let host, let port): firn_listen_inet(host, "\(port)", 0)
            case .udp(let host, let port): firn_listen_inet(host, "\(port)", 1)
            case .unixStream(let path): firn_listen_unix(path, 0)
            case .unixDatagram(let path): firn_listen_unix(path, 1)
            }
        }
    }

    /// Binds all addresses: from now on senders can connect.
    package init(
        _ settings: [ListenerSettings], intake: Intake, clock: @escaping @Sendable () -> Nanoseconds
    ) throws(InputError) {
        self.intake = intake
        self.clock = clock
        readiness = try Readiness()
        endpoints = try settings.map { (settings) throws(InputError) in try Endpoint(settings) }
        for (index, endpoint) in endpoints.enumerated() { try readiness.add(endpoint.descriptor, token: UInt64(index)) }
    }

    /// The ports of TCP, TLS and UDP addresses, 0 for others, in the order of the settings.
    package var ports: [UInt16] { endpoints.map { UInt16(clamping: firn_bound_port($0.descriptor)) } }

    package var counts: [ListenerCounts] { endpoints.map { $0.counts.withLock { $0 } } }

    /// Ends `run`, once what was read is in the intake, or that is closed.
    package func stop() {
        isStopping.store(true, ordering: .releasing)
        readiness.wake()
    }

    /// Receives until `stop`, or until the intake is closed, and lets the addresses go. Blocks: for a thread of its own.
    package func run() {
        defer { for endpoint in endpoints { endpoint.close() } }
        var turn = Turn(endpoints, readiness)
        while !isStopping.load(ordering: .acquiring) {
            for token in readiness.wait(milliseconds: turn.patience) {
                turn.serve(token)
                guard give(&turn, from: Self.groupCost) else { return }
            }
            turn.endLateHandshakes()
            guard give(&turn) else { return }
        }
        // What senders have written is in this machine's hands, and nobody else will read it.
        for token in turn.endpointTokens { guard serveAll(token, of: &turn) else { return } }
        for token in turn.connectionTokens {
            guard serveAll(token, of: &turn) else { return }
            turn.end(token)
        }
        turn.noteLastOverruns()
        _ = give(&turn)
    }

    /// - Returns: false once the intake is closed.
    private func serveAll(_ token: UInt64, of turn: inout Turn) -> Bool {
        var rounds = turn.lastRounds(token)
        while rounds > 0, turn.serve(token) {
            rounds -= 1
            guard give(&turn, from: Self.groupCost) else { return false }
        }
        return give(&turn, from: Self.groupCost)
    }

    /// Lines of one origin and what they cost besides; so much goes to the intake at once.
    private static let groupCost = 1 << 20

    /// - Returns: false once the intake is closed.
    private func give(_ turn: inout Turn, from cost: Int = 0) -> Bool {
        turn.cost < cost || intake.put(turn.take(received: clock()))
    }

    /// The state of the thread that receives.
    private struct Turn: ~Copyable {
        private let endpoints: [Endpoint]
        private let readiness: Readiness
        private var connections: [UInt64: SyslogConnection] = [:]
        /// To which endpoint a connection belongs.
        private var owners: [UInt64: Int] = [:]
        private var nextToken: UInt64
        private var batches = LineBatches()
        private var losses: [Received] = []
        private var overruns: [UInt32]
        private var reserve = Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC)
        private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        private var datagrams = [firn_datagram](repeating: firn_datagram(), count: 64)
        /// When the handshakes that are not over began.
        private var handshakes: [UInt64: Nanoseconds] = [:]

        /// Read from one connection before the others have their turn.
        private static let share = 64 << 10
        /// UDP has no longer ones.
        private static let datagramBytes = 64 << 10

        init(_ endpoints: [Endpoint], _ readiness: Readiness) {
            self.endpoints = endpoints
            self.readiness = readiness
            nextToken = UInt64(endpoints.count)
            overruns = endpoints.map { _ in 0 }
        }

        deinit {
            buffer.deallocate()
            if reserve >= 0 { close(reserve) }
        }

        mutating func take(received: Nanoseconds) -> [Received] {
            defer { losses.removeAll() }
            return batches.takeAll(received: received) + losses
        }

        /// What waits to be taken, in bytes.
        var cost: Int { batches.cost }

        var endpointTokens: [UInt64] { endpoints.indices.map(UInt64.init) }
        var connectionTokens: [UInt64] { connections.keys.sorted() }

        /// How long nothing need be looked at, in milliseconds; -1 for ever.
        var patience: Int32 { handshakes.isEmpty ? -1 : 100 }

        /// How often a socket is read at the end, at most: as much as the kernel may hold, and not all that a sender goes on
        /// to send.
        func lastRounds(_ token: UInt64) -> Int { token < UInt64(endpoints.count) ? 4096 : 64 }

        /// - Returns: whether there was something.
        @discardableResult mutating func serve(_ token: UInt64) -> Bool {
            if token >= UInt64(endpoints.count) { return read(token) }
            let index = Int(token)
            return endpoints[index].settings.address.isDatagram ? receive(index) : accept(index)
        }

        /// A connection that never gets to its lines must not keep others out.
        mutating func endLateHandshakes() {
            guard !handshakes.isEmpty else { return }
            let now = MonotonicClock.now()
            for (token, begin) in handshakes {
                guard let owner = owners[token], now - begin > endpoints[owner].settings.handshakeTime else { continue }
                endpoints[owner].counts.withLock { $0.refusedConnections += 1 }
                end(token)
            }
        }

        /// Those that no datagram tells of any more.
        mutating func noteLastOverruns() {
            for index in endpoints.indices where endpoints[index].settings.address.isDatagram {
                noteOverruns(index, total: firn_datagrams_dropped(endpoints[index].descriptor))
            }
        }

        private mutating func accept(_ index: Int) -> Bool {
            let endpoint = endpoints[index]
            var peer = [CChar](repeating: 0, count: Int(firn_peer_length))
            let descriptor = firn_accept(endpoint.descriptor, &peer, peer.count)
            guard descriptor >= 0 else {
                if -descriptor == EMFILE || -descriptor == ENFILE { refuse(endpoint) }
                return false
            }
            let isRefused = endpoint.counts.withLock { counts in
                if counts.connections >= endpoint.settings.connections { counts.refusedConnections += 1 }
                return counts.connections >= endpoint.settings.connections
            }
            let origin = LineOrigin(host: nil, source: endpoint.settings.source, relay: Self.text(peer))
            guard !isRefused,
                let connection = SyslogConnection(
                    descriptor, origin: origin, limit: endpoint.settings.messageBytes, tls: endpoint.tls)
            else {
                close(descriptor)
                return true
            }
            do throws(InputError) { try readiness.add(descriptor, token: nextToken) } catch { return true }
            connections[nextToken] = connection
            if !connection.isEstablished { handshakes[nextToken] = MonotonicClock.now() }
            owners[nextToken] = index
            nextToken += 1
            endpoint.counts.withLock { $0.connections += 1 }
            return true
        }

        /// There is no descriptor left but the one that is kept for this: the sender must not believe that it is heard.
        private mutating func refuse(_ endpoint: Endpoint) {
            if reserve >= 0 { close(reserve) }
            let descriptor = firn_accept(endpoint.descriptor, nil, 0)
            if descriptor >= 0 {
                close(descriptor)
                endpoint.counts.withLock { $0.refusedConnections += 1 }
            }
            reserve = Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC)
            // Others took it, and the socket stays readable.
            if descriptor < 0 || reserve < 0 { usleep(Self.shortPause) }
        }

        private static let shortPause: UInt32 = 10_000

        private mutating func read(_ token: UInt64) -> Bool {
            guard let connection = connections[token] else { return false }
            let room = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Self.share])
            let count = connection.read(into: room)
            if connection.isEstablished { handshakes[token] = nil }
            guard let count else {
                end(token)
                return false
            }
            guard count > 0 else { return false }
            var (messages, added) = (UInt64(0), batches.bytes)
            connection.framer.take(UnsafeRawBufferPointer(rebasing: room[..<count])) { message, isRest in
                messages += 1
                batches.add(message, connection.origin(of: message, isRest: isRest))
            }
            added = batches.bytes - added
            tally(connection, owners[token], messages, bytes: added)
            return true
        }

        mutating func end(_ token: UInt64) {
            guard let connection = connections.removeValue(forKey: token) else { return }
            let owner = owners.removeValue(forKey: token)
            handshakes[token] = nil
            let before = batches.bytes
            var messages: UInt64 = 0
            connection.framer.finish { message, isRest in
                messages += 1
                batches.add(message, connection.origin(of: message, isRest: isRest))
            }
            tally(connection, owner, messages, bytes: batches.bytes - before)
            if let owner { endpoints[owner].counts.withLock { $0.connections -= 1 } }
        }

        private func tally(_ connection: SyslogConnection, _ owner: Int?, _ messages: UInt64, bytes: Int) {
            guard let owner else { return }
            let splits = connection.takeSplits()
            endpoints[owner].counts.withLock { counts in
                counts.messages += messages
                counts.bytes += UInt64(bytes)
                counts.splits += splits
            }
        }

        private mutating func receive(_ index: Int) -> Bool {
            let endpoint = endpoints[index]
            let received = firn_receive_datagrams(
                endpoint.descriptor, buffer.baseAddress, Self.datagramBytes, &datagrams,
                Int32(min(datagrams.count, buffer.count / Self.datagramBytes)))
            guard received > 0 else { return false }
            let before = batches.bytes
            var splits: UInt64 = 0
            for place in 0..<Int(received) { splits += take(place, endpoint.settings) }
            noteOverruns(index, total: datagrams[Int(received) - 1].overruns)
            let cut = datagrams[..<Int(received)].count { $0.is_cut != 0 }
            if cut > 0 { lose(index, cut, "the ends of datagrams over \(Self.datagramBytes) bytes were cut off") }
            endpoint.counts.withLock { counts in
                counts.messages += UInt64(received)
                counts.bytes += UInt64(batches.bytes - before)
                counts.cut += UInt64(cut)
                counts.splits += splits
            }
            return true
        }

        /// One datagram, one message. Returns how many lines too many it became.
        private mutating func take(_ place: Int, _ settings: ListenerSettings) -> UInt64 {
            let start = place * Self.datagramBytes
            var rest = UnsafeRawBufferPointer(rebasing: buffer[start..<start + Int(datagrams[place].length)])
            var origin = LineOrigin(host: nil, source: settings.source)
            origin.relay = withUnsafeBytes(of: datagrams[place].peer) { Self.text($0.bindMemory(to: CChar.self)) }
            origin.host = SyslogMessage.host(of: rest) ?? origin.relay
            var lines: UInt64 = 0
            repeat {
                let count = min(rest.count, settings.messageBytes)
                batches.add(UnsafeRawBufferPointer(rebasing: rest[..<count]), origin)
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
                lines += 1
            } while !rest.isEmpty
            return lines - 1
        }

        private mutating func lose(_ index: Int, _ messages: Int, _ reason: String) {
            let source = endpoints[index].settings.source
            losses.append(.loss(ReceivedLoss(source: source, messages: UInt64(messages), reason: reason)))
        }

        /// The kernel counts from the socket's beginning, in 32 bits.
        private mutating func noteOverruns(_ index: Int, total: UInt32) {
            let new = total &- overruns[index]
            guard total != 0, new > 0 else { return }
            overruns[index] = total
            endpoints[index].counts.withLock { $0.overruns += UInt64(new) }
            lose(index, Int(new), "datagrams came faster than they could be made durable")
        }

        private static func text(_ peer: some Sequence<CChar>) -> String? {
            let bytes = peer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
        }
    }
}
