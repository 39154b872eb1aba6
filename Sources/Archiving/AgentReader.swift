import ArchiveTypes
import ChunkFormat
import EventTime
import Inputs
import Logging
import Spool

/// The reading side of an agent: files to blocks to spool. For one thread.
///
/// It goes on in turns that are bounded, in bytes and in time: each reads some of what there is, file after file, one
/// piece of each; closes what is old; and syncs. So a file that floods waits for the others, and whoever asks the agent
/// to stop does not wait for a backlog.
struct AgentReader<View: FileSystemView>: ~Copyable {
    let spool: Spool
    let settings: AgentSettings
    let logger: Logger
    let clock: @Sendable () -> Nanoseconds
    /// A clock that is never set: for ages and pauses.
    let ticks: @Sendable () -> Nanoseconds
    private let encoder = BlockEncoder()
    private let chooser: CompressionChooser
    private let sealer: ChunkSealer
    /// Of groups that have rules, by their index.
    private let rulers: [Int: LineRuler]
    private var follower: FileFollower<View>
    var streams: [SourceGeneration: FollowedStream] = [:]
    var queue: SpoolQueue
    private var open: OpenBlocks
    private var buffer: [UInt8] = []
    /// Streams with blocks in the spool that may not be synced.
    private var unsynced: [FollowedStream] = []
    private var ended: [FollowedStream] = []
    /// When files were last looked at, and whether all that there was then is read.
    private var lastPoll: (time: Nanoseconds, ticks: Nanoseconds)?
    /// When the last poll was that found all that had been written.
    private var lastLook: Nanoseconds?
    /// When the one before it was: what the last one found was written after it.
    private var unseen: Nanoseconds = 0
    private var hasMore = false
    /// Between two looks: longer than configured where looking itself takes long.
    private var pollPause: Nanoseconds = 0
    private let leastPause: Nanoseconds
    private static var pollShare: Nanoseconds { 8 }
    var lastHeartbeats: Nanoseconds
    var losses = LossCounts()
    /// What was read of the files of each input, rules aside.
    private(set) var readByGroup: [AppendedTotals]

    /// - Parameters:
    ///   - view: where the files are.
    ///   - watch: tells what changes; nil: everything is looked at each time.
    ///   - sealed: told of each chunk that is sealed, on any thread.
    init(
        _ view: View, spool: Spool, settings: AgentSettings, logger: Logger, watch: (any ChangeSource)? = nil,
        clock: @escaping @Sendable () -> Nanoseconds, ticks: @escaping @Sendable () -> Nanoseconds,
        sealed: @escaping @Sendable (SealedChunk) -> Void
    ) throws {
        let state = try AgentState(decoding: spool.inputState)
        let chooser = try CompressionChooser(settings.compression)
        var checkpoints: [FileCheckpoint] = []
        var streams: [SourceGeneration: FollowedStream] = [:]
        for checkpoint in state.checkpoints {
            let source = Self.source(of: checkpoint, host: settings.host)
            let advanced = spool.position(of: source).map { checkpoint.at($0) } ?? checkpoint
            checkpoints.append(advanced)
            streams[source] = FollowedStream(source, advanced, now: ticks())
        }
        self.spool = spool
        self.settings = settings
        self.logger = logger
        self.clock = clock
        self.ticks = ticks
        readByGroup = settings.groups.map { _ in AppendedTotals() }
        self.chooser = chooser
        rulers = settings.groups.enumerated().reduce(into: [:]) { rulers, group in
            if !group.element.rules.isEmpty { rulers[group.offset] = LineRuler(group.element.rules) }
        }
        self.streams = streams
        lastHeartbeats = ticks()
        sealer = ChunkSealer(
            spool: spool, logger: logger, isInBackground: settings.mergesInBackground, ticks: ticks, sealed: sealed)
        queue = SpoolQueue(spool: spool, logger: logger, sealed: sealed)
        open = OpenBlocks(budget: settings.openBlockBytes, blockBytes: settings.follow.pieceBytes)
        follower = FileFollower(
            view, settings: settings.follow, checkpoints: checkpoints, lastRun: state.lastRun, changes: watch)
        leastPause = watch == nil ? settings.pollInterval : settings.leastPause
    }

    /// One look at the files and some reading: what is due is closed, synced and sealed.
    /// - Parameter isStopping: asked between pieces.
    /// - Returns: whether there is more to read right away.
    mutating func turn(isStopping: () -> Bool = { false }) throws -> Bool {
        try poll()
        try queue.flush()
        try read(isStopping)
        try closeOld()
        try appendHeartbeats()
        try synchronize()
        try sealIfDue()
        return hasMore && queue.isEmpty
    }

    /// How long nothing need be done: at least until files may be looked at again, at most until they are to be, but no
    /// longer than until a block is due to be closed.
    mutating func pause() -> (least: Nanoseconds, most: Nanoseconds) {
        let now = ticks()
        let due = open.oldest(openedBy: .max)?.opened.map { max(0, $0 + settings.blockAge - now) } ?? .max
        let least = max(0, pollPause - (now - (lastPoll?.ticks ?? now)))
        return (min(least, due), min(max(least, settings.pollInterval), due))
    }

    /// Memory of open blocks.
    var heldBytes: Int { open.heldBytes }

    /// How far everything has been read: all together, and at most `most` files.
    func progress(atMost most: Int) -> FollowedProgress { follower.progress(atMost: most) }

    /// Closes and seals everything.
    mutating func finish() throws {
        try queue.flush()
        for stream in open.streams { try close(stream) }
        try synchronize()
        saveState()
        try sealer.finish()
    }

    // MARK: Looking

    private mutating func poll() throws {
        if let lastPoll, ticks() - lastPoll.ticks < pollPause { return }
        let now = clock()
        let polled = ticks()
        let events = follower.poll(now: now)
        if follower.isTold || follower.lookedAtAll {
            unseen = lastLook ?? polled
            lastLook = polled
        }
        lastPoll = (now, polled)
        defer { pollPause = max(leastPause, Self.pollShare * (ticks() - polled)) }
        for event in events { try note(event) }
        // A file's identity and generation must be durable before its lines are: a restart finds them again by it.
        guard !events.isEmpty else { return }
        saveState()
        try spool.saveSnapshot()
    }

    private mutating func note(_ event: FollowEvent) throws {
        switch event {
        case .opened(let checkpoint, let group):
            let stream = stream(of: checkpoint)
            // After a restart, what the file begins with may be known only now.
            stream.move(to: checkpoint)
            stream.group = group
            spool.begin(stream.source, at: checkpoint.position)
        case .continued(let checkpoint): stream(of: checkpoint).move(to: checkpoint)
        case .ended(let checkpoint, _):
            let stream = stream(of: checkpoint)
            stream.isEnded = true
            ended.append(stream)
        case .lost(let checkpoint, let bytes, let reason):
            let amount = bytes.map { "\($0) bytes" } ?? "an unknown amount"
            logger.error("\(checkpoint.source): \(amount) after position \(checkpoint.position) lost: \(reason)")
            try appendGap(in: stream(of: checkpoint), after: checkpoint, bytes: bytes, reason: reason)
        case .problem(let error): logger.warning("\(error)")
        }
    }

    private mutating func stream(of checkpoint: FileCheckpoint) -> FollowedStream {
        let source = Self.source(of: checkpoint, host: settings.host)
        if let known = streams[source] { return known }
        let stream = FollowedStream(source, checkpoint, now: ticks())
        streams[source] = stream
        return stream
    }

    private static func source(of checkpoint: FileCheckpoint, host: String) -> SourceGeneration {
        SourceGeneration(
            stream: StreamID(host: host, source: checkpoint.source), generation: checkpoint.generation)
    }

    // MARK: Reading

    private mutating func read(_ isStopping: () -> Bool) throws {
        var left = settings.turnBytes
        let start = ticks()
        while queue.isEmpty, left > 0, !isOver(start), !isStopping() {
            guard let piece = follower.next(into: &buffer) else {
                hasMore = false
                return
            }
            left -= piece.piece.count
            try take(piece)
        }
        hasMore = true
    }

    /// Whether a turn that began then has lasted long enough: not long while something is to be closed and synced, but
    /// not so short either that syncing is all that is done.
    private mutating func isOver(_ start: Nanoseconds) -> Bool {
        let now = ticks()
        if now - start < settings.turnTime / 8 { return false }
        return now - start >= settings.turnTime || open.oldest(openedBy: now - settings.blockAge) != nil
    }

    private mutating func take(_ followed: FollowedPiece) throws {
        let stream = stream(of: followed.checkpoint)
        let limit = settings.follow.pieceBytes
        stream.group = followed.group
        stream.modified = followed.modified
        stream.prime(followed.before, endingAt: followed.piece.first, received: clock()) {
            settings.cutter(for: stream, $0)
        }
        if let previous = followed.previous {
            stream.predecessor = streams[SourceGeneration(stream: stream.source.stream, generation: previous)]
        }
        if !stream.takes(followed.piece, limit: limit) { try close(stream) }
        for crowding in open.crowding(for: followed.piece.count, in: stream) { try close(crowding) }
        open.append(followed.piece, buffer, to: stream, now: unseen)
        stream.reading = followed.checkpoint
        if stream.count >= limit { try close(stream) }
    }

    // MARK: Closing

    private mutating func closeOld() throws {
        while queue.isEmpty, let stream = open.oldest(openedBy: ticks() - settings.blockAge) { try close(stream) }
        for stream in ended { try close(stream) }
    }

    /// Compresses what a stream's open block holds and hands it to the spool.
    mutating func close(_ stream: FollowedStream) throws {
        guard stream.count > 0 else { return }
        if let previous = stream.predecessor { try close(previous) }
        var buffer: [UInt8] = []
        try stream.close(
            received: clock(), spare: &buffer, newCutter: { [settings] in settings.cutter(for: stream, $0) }
        ) {
            draft, lines in
            if let group = stream.group { readByGroup[group].add(draft) }
            guard let ruler = stream.group.flatMap({ rulers[$0] }) else { return try append(draft, lines) }
            let outcome = try ruler.apply(draft, lines)
            if let draft = outcome.draft {
                try outcome.lines.map { try $0.withUnsafeBytes { try append(draft, $0) } } ?? append(draft, lines)
            }
            try note(outcome, of: draft, in: stream)
        }
        open.keep(buffer)
        noteAppended(stream)
    }

    private mutating func append(_ draft: BlockDraft, _ lines: UnsafeRawBufferPointer) throws {
        let settings = try chooser.settings(for: draft.stream, lines)
        try queue.append(try encoder.encode(draft, lines, settings, into: queue.frame()))
    }

    /// A stream has something new in the spool, or about to be there.
    mutating func noteAppended(_ stream: FollowedStream) {
        stream.lastTold = ticks()
        unsynced.append(stream)
    }

    // MARK: Making durable

    private mutating func synchronize() throws {
        guard queue.isEmpty, !unsynced.isEmpty || !ended.isEmpty else { return }
        // What tells a file's content must be durable before its lines are: where the file is compressed while nothing
        // follows it, nothing else leads to the rest of them.
        if unsynced.reduce(false, { $1.learnBeginning() || $0 }) {
            saveState()
            try spool.saveSnapshot()
        }
        try spool.synchronize()
        for stream in unsynced {
            stream.durable = stream.appended ?? stream.durable
            stream.appended = nil
        }
        unsynced.removeAll(keepingCapacity: true)
        guard !ended.isEmpty else { return }
        for stream in ended {
            streams[stream.source] = nil
            spool.end(stream.source)
        }
        ended.removeAll()
        // Else a restart would look for files that are gone, and report them as lost.
        saveState()
        try spool.saveSnapshot()
    }

    private mutating func sealIfDue() throws {
        try sealer.check()
        // Also while blocks wait for room: it is sealing that makes room.
        guard spool.due() != nil, sealer.isFree else { return }
        // What leaves the spool takes the inputs' state along.
        saveState()
        sealer.start()
    }

    /// Leaves the state of what is followed with the spool: that is as much work as there are files, so it is done when
    /// files come and go and before chunks are sealed. Positions stand in the blocks besides.
    private mutating func saveState() {
        spool.inputState = AgentState.encode(
            streams.values.lazy.map(\.durable), lastRun: lastPoll?.time ?? clock())
    }
}

extension AgentSettings {
    fileprivate func cutter(for stream: FollowedStream, _ lines: UnsafeRawBufferPointer) -> BlockCutter {
        let group = stream.group.map { groups[$0] }
        let wrapping = group?.format.wrapping(log(of: stream), lines)
        stream.labels = labels(of: stream).marked(wrapping)
        return BlockCutter(
            stream: stream.source.stream, labels: labels(of: stream), generation: stream.source.generation,
            timer: LineTimer(zone: group?.zone ?? .utc, reference: stream.modified), wrapping: wrapping)
    }

    /// The labels of a stream's blocks.
    func labels(of stream: FollowedStream) -> Labels {
        if let known = stream.labels { return known }
        guard let group = stream.group.map({ groups[$0] }) else { return .none }
        let labels = log(of: stream)?.added(to: group.labels) ?? group.labels
        stream.labels = labels
        return labels
    }

    private func log(of stream: FollowedStream) -> ContainerLog? {
        guard let group = stream.group, groups[group].format != .plain else { return nil }
        return ContainerLog(source: stream.durable.source, realPath: stream.durable.path)
    }
}
