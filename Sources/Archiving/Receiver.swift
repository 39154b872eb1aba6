package import ArchiveTypes
import ChunkFormat
import EventTime
package import Inputs
package import Logging
package import Spool

/// Takes received lines to the write-ahead log, and on to blocks and the spool. For one thread.
///
/// A stream is a host (as the lines name it), a source (the input) and a relay (where they came from); each has one
/// generation, which goes on after a restart. Lines of inputs that cannot be read again are durable, and are acknowledged,
/// when the log has synced them; a segment of the log is dropped once synced blocks hold all of it. A crash between the
/// two leaves lines in both: positions say which.
package struct Receiver: ~Copyable {
    let spool: Spool
    let settings: ReceiverSettings
    let logger: Logger
    let clock: @Sendable () -> Nanoseconds
    /// A clock that is never set, by which blocks grow old and streams fall silent.
    let ticks: @Sendable () -> Nanoseconds
    private let random: @Sendable () -> UInt64
    let log: WriteAheadLog
    private let encoder = BlockEncoder()
    private let chooser: CompressionChooser
    private let sealed: @Sendable (SealedChunk) -> Void
    var streams: [UInt64: ReceivedStream] = [:]
    private var numbers: [LineOrigin: UInt64] = [:]
    /// In the log's group, which is not yet durable.
    private var uncommitted: [(stream: UInt64, lines: ReceivedLines)] = []
    /// Closed blocks that are not yet in the spool, in order.
    private var waiting: [Closed] = []
    private var openBytes = 0
    private var waitingBytes = 0
    /// Messages by source and reason.
    private var losses: [String: [String: UInt64]] = [:]
    private var nextLossReport: Nanoseconds = 0
    private var nextClosing: Nanoseconds = 0
    /// When silent streams are looked for next.
    private var nextLook: Nanoseconds = 0
    private var isReplaying = false
    private var isHeldUp = false
    private var isCrowded = false

    private struct Closed {
        var block: EncodedBlock
        var stream: UInt64
        /// The log must first say how to go on after it.
        var needsMark: Bool
    }

    /// Between two looks at the age of all blocks.
    private static let closingInterval: Nanoseconds = 50_000_000

    /// Recovers the log. `replay` must come before the first `turn`.
    /// - Parameter sealed: told of each chunk that is sealed on the way.
    package init(
        spool: Spool, log storage: LogDirectory, settings: ReceiverSettings, logger: Logger,
        clock: @escaping @Sendable () -> Nanoseconds, ticks: @escaping @Sendable () -> Nanoseconds,
        random: @escaping @Sendable () -> UInt64 = { .random(in: 0...UInt64.max) },
        sealed: @escaping @Sendable (SealedChunk) -> Void
    ) throws {
        let chooser = try CompressionChooser(settings.compression)
        let log = try WriteAheadLog(
            storage, options: .init(segmentBytes: settings.logSegmentBytes, maxBytes: settings.logBytes))
        self.spool = spool
        self.settings = settings
        self.logger = logger
        self.clock = clock
        self.ticks = ticks
        self.random = random
        self.sealed = sealed
        self.chooser = chooser
        self.log = log
        let live = log.liveStreams
        for stream in live { adopt(stream) }
        // Those that were ended, and were not yet forgotten when the agent ended.
        let known = Set(live.map(\.stream.source))
        spool.end { settings.sources[$0.stream.source] != nil && !known.contains($0) }
    }

    /// What the input of a source that can be read again needs to go on; nil where it begins anew.
    package func cursor(of source: String) -> [UInt8]? {
        numbers[LineOrigin(host: nil, source: source)].flatMap { streams[$0]?.cursor }
    }

    /// Whether there is room for more lines. Where there is none, `turn` without lines makes some in time.
    package var canTake: Bool {
        uncommitted.isEmpty && openBytes + waitingBytes < settings.openBlockBytes
            && log.hasRoom(for: Int(min(8 << 20, settings.logBytes / 4)))
    }

    /// Goes on with a stream as the log and the spool's blocks left it.
    private mutating func adopt(_ recovered: WriteAheadLog.RecoveredStream) {
        let (number, source) = (recovered.number, recovered.stream.source)
        let relay = recovered.stream.labels[LoggedLabel.relay]
        let held = spool.position(of: source)
        if let held { log.advance(number, to: held) }
        var stream = newStream(number, recovered.stream, relay: relay, at: held ?? 0)
        if !recovered.marks.isEmpty {
            // The input reads on from where blocks end, or from before that: the positions stay the same.
            let mark = recovered.marks.last { $0.position <= held ?? 0 }
            stream.cursor = mark?.bytes
            stream.skip(to: mark?.position ?? 0)
        }
        let left = settings.handover.runs[number]
        if let left, left.end == stream.end { stream.isInsideLine = left.isInsideLine }
        streams[number] = stream
        guard let known = settings.sources[source.stream.source], !known.isNewEachRun || left != nil else { return }
        let isOwn = source.stream.host == settings.host && relay == nil
        let host = isOwn ? nil : source.stream.host
        numbers[LineOrigin(host: host, source: source.stream.source, relay: relay)] = number
    }

    private func newStream(
        _ number: UInt64, _ logged: LoggedStream, relay: String?, at end: UInt64
    ) -> ReceivedStream {
        let source = logged.source.stream.source
        return ReceivedStream(
            number, logged, labels: settings.labels(of: source, relay: relay),
            zone: settings.sources[source]?.zone ?? .utc, at: end, now: clock(), ticks: ticks())
    }

    /// Takes lines that the log has and blocks have not.
    package mutating func replay() throws {
        let log = log
        isReplaying = true
        try log.replay { number, position, received, lines in
            try replay(number, position, lines, received)
            if openBytes > settings.openBlockBytes / 2 { try closeAll() }
        }
        for stream in log.liveStreams where stream.marks.isEmpty { try skipLost(stream.number, to: stream.position) }
        isReplaying = false
        try commit()
        try release()
        tellFindings()
    }

    private mutating func replay(
        _ number: UInt64, _ position: UInt64, _ lines: ArraySlice<UInt8>, _ received: Nanoseconds
    ) throws {
        guard let end = streams[number]?.end else { return }
        let known = end > position ? min(Int(end - position), lines.count) : 0
        if known > 0 { streams[number]?.isInsideLine = lines[lines.startIndex + known - 1] != 0x0A }
        guard known < lines.count else { return }
        try skipLost(number, to: position)
        try addToBlocks(number, lines.dropFirst(known), received)
    }

    /// What neither blocks nor the log hold any more before `position`, where the log goes on, is lost.
    private mutating func skipLost(_ number: UInt64, to position: UInt64) throws {
        guard let end = streams[number]?.end, end < position else { return }
        try addGap(
            number, PositionRange(first: end, end: position),
            BlockHeader.Gap(
                lines: nil, bytes: position - end,
                reason: "the write-ahead log was damaged, or a chunk that had not left the spool"))
        streams[number]?.skip(to: position)
    }

    /// Makes lines durable, calls back for those that are, and closes and syncs the blocks that are due.
    /// - Throws: `SpoolError` where the spool's disk failed for good.
    package mutating func turn(_ received: [Received]) throws {
        for item in received {
            switch item {
            case .lines(let lines): try take(lines)
            case .loss(let loss): note(loss)
            }
        }
        try commit()
        try closeDue()
        try flush()
        try reportLosses()
        try lookForSilence()
        tellFindings()
    }

    /// Takes lines that cannot wait any more: also into the room of the log that `canTake` keeps free. Those that find none
    /// are counted as lost.
    /// - Returns: what was taken, or lost.
    /// - Throws: as `turn`.
    package mutating func takeLast(_ received: [Received]) throws -> [Received] {
        if !uncommitted.isEmpty { try turn([]) }
        let cost = received.reduce(0) { $0 + $1.cost }
        guard uncommitted.isEmpty, log.hasRoom(for: cost) else { return giveUp(received) }
        try turn(received)
        return received
    }

    /// Counts lines for which there is no room, now that their sender cannot be made to wait. Those of an input that can be
    /// read again are none: they will be.
    /// - Returns: what was lost.
    package mutating func giveUp(_ received: [Received]) -> [Received] {
        let lost = received.compactMap { item -> ReceivedLoss? in
            switch item {
            case .lines(let lines): Self.loss(of: lines)
            case .loss(let loss): loss
            }
        }
        for loss in lost { note(loss) }
        return lost.map { .loss($0) }
    }

    private static func loss(of lines: ReceivedLines) -> ReceivedLoss? {
        guard lines.cursor == nil, !lines.bytes.isEmpty else { return nil }
        let ends = lines.bytes.withUnsafeBytes { $0.reduce(0) { $0 + ($1 == 0x0A ? 1 : 0) } }
        return ReceivedLoss(
            source: lines.origin.source, messages: UInt64(max(1, ends)),
            reason: "the agent ended while the write-ahead log had no room for them")
    }

    /// Closes all blocks, and takes them to the spool as far as that has room.
    /// - Returns: the bytes of the first that found none; nil where all did.
    /// - Throws: as `turn`.
    package mutating func spoolAll() throws -> Int? {
        try commit()
        try closeAll()
        return waiting.first?.block.frame.count
    }

    /// Closes all blocks. What finds no room in the spool stays in the log; what the log does not hold is counted as
    /// lost.
    package mutating func finish() throws {
        try commit()
        _ = giveUp(uncommitted.map { .lines($0.lines) })
        uncommitted.removeAll()
        try closeAll()
        nextLossReport = 0
        try reportLosses()
        try flush()
        try appendLosses()
        tellFindings()
    }

    /// Gaps that found no room below the spool's ceiling: they are small, and nobody will tell of them again. Each stands
    /// where the stream's synced blocks end, since all before a position that the spool knows counts as held there.
    private mutating func appendLosses() throws {
        for closed in waiting where closed.block.header.positions.count == 0 {
            guard let synced = streams[closed.stream]?.synced else { continue }
            var header = closed.block.header
            header.positions = PositionRange(first: synced, end: synced)
            do throws(SpoolError) {
                if let chunk = try spool.append(header, frame: closed.block.frame.bytes) { sealed(chunk) }
            } catch {
                guard error.kind == .full else { throw error }
                logger.error("\(error): the archive will not tell of lost messages")
                return
            }
        }
        if !waiting.isEmpty { try spool.synchronize() }
    }

    /// For a receiver that goes on in the same process. After `finish`.
    package var handover: ReceiverHandover {
        var handover = ReceiverHandover()
        for (origin, number) in numbers where settings.sources[origin.source]?.isNewEachRun == true {
            guard let stream = streams[number] else { continue }
            handover.runs[number] = .init(end: stream.end, isInsideLine: stream.isInsideLine)
        }
        return handover
    }

    private mutating func take(_ lines: ReceivedLines) throws {
        guard !lines.bytes.isEmpty else { return }
        let number = number(of: lines.origin)
        if let cursor = lines.cursor {
            try addToBlock(number, lines, cursor)
        } else {
            _ = log.append(lines.bytes[...], to: number, received: lines.received)
            uncommitted.append((number, lines))
        }
    }

    /// The stream of lines from there, begun where there is none.
    private mutating func number(of origin: LineOrigin) -> UInt64 {
        var origin = origin
        if origin.host == settings.host, origin.relay == nil { origin.host = nil }
        if let number = numbers[origin] { return number }
        if streams.count >= settings.streams, origin.host != nil {
            if !isCrowded {
                logger.warning("more than \(settings.streams) hosts send: others go to this host's stream")
            }
            isCrowded = true
            return number(of: LineOrigin(host: nil, source: origin.source))
        }
        let stream = StreamID(host: origin.host ?? settings.host, source: origin.source)
        let generation = Generation(unidentifiedAt: clock(), random: random())
        let logged = LoggedStream(
            source: SourceGeneration(stream: stream, generation: generation),
            labels: settings.labels(of: origin.source, relay: origin.relay))
        let number = log.begin(logged)
        streams[number] = newStream(number, logged, relay: origin.relay, at: 0)
        numbers[origin] = number
        return number
    }

    /// One sync for all lines that were taken. Where it cannot be done now, nothing more is taken until it can.
    private mutating func commit() throws {
        do throws(SpoolError) { try log.commit() } catch {
            guard error.kind == .full || error.kind == .io else { throw error }
            holdUp(error)
            return
        }
        goOn()
        for (number, lines) in uncommitted {
            try addToBlocks(number, lines.bytes[...], lines.received)
            lines.durable?()
        }
        uncommitted.removeAll(keepingCapacity: true)
    }

    private mutating func holdUp(_ error: SpoolError) {
        if !isHeldUp { logger.error("\(error): receiving waits") }
        isHeldUp = true
    }

    private mutating func goOn() {
        if isHeldUp { logger.notice("there is room again: receiving goes on") }
        isHeldUp = false
    }

    private mutating func addToBlocks(_ number: UInt64, _ lines: ArraySlice<UInt8>, _ received: Nanoseconds) throws {
        var rest = lines
        while !rest.isEmpty, let piece = streams[number]?.piece(of: rest, limit: settings.blockBytes) {
            if streams[number]?.block.takes(piece, limit: settings.blockBytes) == false { try close(number) }
            streams[number]?.append(piece, rest, received: received, ticks: ticks())
            openBytes += piece.count
            rest = rest.dropFirst(piece.count)
            if let count = streams[number]?.block.count, count >= settings.blockBytes { try close(number) }
        }
    }

    /// Lines that end at a cursor stay together: blocks end where reading can go on.
    private mutating func addToBlock(_ number: UInt64, _ lines: ReceivedLines, _ cursor: [UInt8]) throws {
        guard let piece = streams[number]?.piece(of: lines.bytes[...], limit: .max) else { return }
        if streams[number]?.block.takes(piece, limit: settings.blockBytes) == false { try close(number) }
        streams[number]?.append(piece, lines.bytes[...], received: lines.received, ticks: ticks())
        streams[number]?.cursor = cursor
        openBytes += piece.count
        if let count = streams[number]?.block.count, count >= settings.blockBytes { try close(number) }
    }

    private mutating func closeDue() throws {
        let now = ticks()
        guard now >= nextClosing || openBytes > settings.openBlockBytes / 2 else { return }
        nextClosing = now + Self.closingInterval
        let due = now - settings.blockAge
        for (number, stream) in streams {
            if let opened = stream.block.opened, opened <= due { try close(number) }
        }
        while openBytes > settings.openBlockBytes / 2,
            let largest = streams.max(by: { $0.value.block.count < $1.value.block.count })
        {
            try close(largest.key)
        }
    }

    private mutating func closeAll() throws {
        for number in streams.keys.sorted() { try close(number) }
        try flush()
    }

    private mutating func close(_ number: UInt64) throws {
        guard var stream = streams[number], stream.block.count > 0 else { return }
        let count = stream.block.count
        let blocks = try stream.block.close(encoder, chooser, received: stream.lastReceived)
        if let cursor = stream.cursor { log.mark(number, at: stream.end, cursor) }
        waiting += blocks.map { Closed(block: $0, stream: number, needsMark: stream.cursor != nil) }
        stream.lastTold = ticks()
        openBytes -= count
        waitingBytes += blocks.reduce(0) { $0 + $1.frame.count }
        streams[number] = stream
    }

    private mutating func addGap(_ number: UInt64, _ positions: PositionRange, _ gap: BlockHeader.Gap) throws {
        try close(number)
        addBare(.gap, number, positions, gap)
    }

    /// A block without lines.
    private mutating func addBare(
        _ kind: BlockKind, _ number: UInt64, _ positions: PositionRange, _ gap: BlockHeader.Gap? = nil
    ) {
        guard let stream = streams[number] else { return }
        let now = clock()
        let header = BlockHeader(
            kind: kind, stream: stream.logged.source.stream, labels: stream.block.labels,
            generation: stream.logged.source.generation, positions: positions, leastTime: now, greatestTime: now,
            received: now, gap: gap)
        streams[number]?.lastTold = ticks()
        waiting.append(
            Closed(block: EncodedBlock(header: header, frame: FrameBuffer()), stream: number, needsMark: false))
    }

    /// Appends closed blocks as far as the spool has room, syncs them, and drops what the log need not hold any more.
    private mutating func flush() throws {
        guard !waiting.isEmpty else { return }
        let marksAreDurable = try commitMarks()
        var left: [Closed] = []
        var ends: [UInt64: UInt64] = [:]
        var isFull = false
        for closed in waiting {
            if isFull || (closed.needsMark && !marksAreDurable) {
                left.append(closed)
            } else if try append(closed.block) {
                ends[closed.stream] = closed.block.header.positions.end
            } else {
                isFull = true
                left.append(closed)
            }
        }
        waiting = left
        waitingBytes = left.reduce(0) { $0 + $1.block.frame.count }
        guard !ends.isEmpty else { return }
        try spool.synchronize()
        for (number, end) in ends { streams[number]?.synced = end }
        if !isReplaying { try release() }
    }

    /// A block that can be read again may be in the spool only once the log says how to go on after it.
    private mutating func commitMarks() throws -> Bool {
        guard uncommitted.isEmpty, !isReplaying else { return false }
        do throws(SpoolError) {
            try log.commit()
            return true
        } catch {
            guard error.kind == .full || error.kind == .io else { throw error }
            holdUp(error)
            return false
        }
    }

    /// - Returns: whether there was room.
    private mutating func append(_ block: EncodedBlock) throws -> Bool {
        // The spool would let this thread wait; it has other things to do.
        let backlog = spool.backlog().bytes
        guard backlog == 0 || backlog + UInt64(block.frame.count) <= spool.maxBytes else { return false }
        do throws(SpoolError) {
            if let chunk = try spool.append(block.header, frame: block.frame.bytes) { sealed(chunk) }
            return true
        } catch {
            guard error.kind == .full else { throw error }
            holdUp(error)
            return false
        }
    }

    private mutating func release() throws {
        do throws(SpoolError) {
            try log.release { [streams] in streams[$0]?.synced ?? .max }
            // A restart can no longer meet lines of theirs in the log.
            for source in log.takeForgotten() { spool.end(source) }
        } catch {
            logger.error("\(error)")
        }
    }

    private mutating func note(_ loss: ReceivedLoss) {
        losses[loss.source, default: [:]][loss.reason, default: 0] += loss.messages
    }

    /// A gap block a source and reason, in this host's stream of it.
    private mutating func reportLosses() throws {
        guard !losses.isEmpty, ticks() >= nextLossReport else { return }
        nextLossReport = ticks() + settings.lossInterval
        for (source, reasons) in losses.sorted(by: { $0.key < $1.key }) {
            for (reason, messages) in reasons.sorted(by: { $0.key < $1.key }) {
                logger.error("\(source): \(messages) messages lost: \(reason)")
                let number = number(of: LineOrigin(host: nil, source: source))
                let end = streams[number]?.end ?? 0
                let gap = BlockHeader.Gap(lines: messages, bytes: nil, reason: reason)
                try addGap(number, PositionRange(first: end, end: end), gap)
            }
        }
        losses.removeAll()
        try flush()
    }

    private mutating func lookForSilence() throws {
        let now = ticks()
        guard now >= nextLook else { return }
        nextLook = now + .perMinute
        let busy = Set(waiting.map(\.stream)).union(uncommitted.map(\.stream))
        for (number, stream) in streams.sorted(by: { $0.key < $1.key })
        where stream.block.count == 0 && stream.synced == stream.end && !busy.contains(number) {
            if isOwn(stream) {
                guard stream.lastTold <= now - Heartbeat.after else { continue }
                addBare(.heartbeat, number, PositionRange(first: stream.end, end: stream.end))
            } else if stream.lastHeard < now - settings.idleTime, stream.cursor == nil {
                log.end(number)
                streams[number] = nil
            }
        }
        numbers = numbers.filter { streams[$0.value] != nil }
        try flush()
    }

    /// Whether its lines would come from this host: it is there as long as the agent listens.
    private func isOwn(_ stream: ReceivedStream) -> Bool {
        let source = stream.logged.source.stream.source
        guard let known = settings.sources[source], !known.isNewEachRun else { return false }
        return numbers[LineOrigin(host: nil, source: source)] == stream.number
    }

    private func tellFindings() {
        for finding in log.takeFindings() { logger.error("\(finding)") }
    }
}
