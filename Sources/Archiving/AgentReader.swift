import ArchiveTypes
import ChunkFormat
import EventTime
import Glibc
import Inputs
import Logging
import Spool

/// The reading side of an agent: files to blocks to spool. For one thread.
struct AgentReader: ~Copyable {
    private let spool: Spool
    private let settings: AgentSettings
    private let logger: Logger
    private let clock: @Sendable () -> Nanoseconds
    private let encoder = BlockEncoder()
    private let chooser: CompressionChooser
    private var follower: FileFollower<PosixFileSystem>
    private var streams: [SourceGeneration: StreamBlock] = [:]
    /// Checkpoints of what is followed, at positions that are durable.
    private var checkpoints: [SourceGeneration: FileCheckpoint]
    /// Checkpoints of blocks that are appended but not yet synced.
    private var unsynced: [SourceGeneration: FileCheckpoint] = [:]
    /// Where reading stands: what `unsynced` becomes when the stream's block is closed.
    private var reading: [SourceGeneration: FileCheckpoint] = [:]
    /// Blocks that found no room on the disk.
    private var waiting: [EncodedBlock] = []
    private var isHeldUp = false
    private var openBytes = 0
    private var buffer: [UInt8] = []
    private var lastStatus: Nanoseconds = 0

    init(
        spool: Spool, settings: AgentSettings, logger: Logger, watch: FolderWatch? = nil,
        clock: @escaping @Sendable () -> Nanoseconds
    ) throws {
        let chooser = try CompressionChooser(settings.compression)
        let state = try AgentState(decoding: spool.inputState)
        var checkpoints: [SourceGeneration: FileCheckpoint] = [:]
        for checkpoint in state.checkpoints {
            let source = SourceGeneration(
                stream: StreamID(host: settings.host, source: checkpoint.source), generation: checkpoint.generation)
            checkpoints[source] = checkpoint.advanced(to: spool.position(of: source))
        }
        self.spool = spool
        self.settings = settings
        self.logger = logger
        self.clock = clock
        self.chooser = chooser
        self.checkpoints = checkpoints
        follower = FileFollower(
            PosixFileSystem(), settings: settings.follow, checkpoints: Array(checkpoints.values),
            lastRun: state.lastRun, changes: watch)
    }

    /// One look at the files: what is new is read, what is due is closed and synced.
    /// - Returns: chunks that were sealed.
    mutating func turn() throws -> [SealedChunk] {
        var sealed: [SealedChunk] = []
        let events = follower.poll(now: clock())
        for event in events { note(event) }
        // A file's identity and generation must be durable before its lines are: a restart finds them again by it.
        if !events.isEmpty {
            saveState()
            try spool.saveSnapshot()
        }
        try retryWaiting(&sealed)
        while waiting.isEmpty, spool.hasRoom, let piece = follower.next(into: &buffer) { try take(piece, &sealed) }
        try closeOld(&sealed)
        try synchronize()
        if let chunk = try spool.sealIfOld(now: clock()) { sealed.append(chunk) }
        return sealed
    }

    /// Closes and seals everything.
    mutating func finish() throws -> [SealedChunk] {
        var sealed: [SealedChunk] = []
        try retryWaiting(&sealed)
        for source in streams.keys.sorted() { try close(source, &sealed) }
        try synchronize()
        if let chunk = try spool.seal() { sealed.append(chunk) }
        return sealed
    }

    private mutating func note(_ event: FollowEvent) {
        switch event {
        case .opened(let checkpoint, _):
            let source = source(of: checkpoint)
            if checkpoints[source] == nil { checkpoints[source] = checkpoint }
        case .continued(let checkpoint):
            // Where it lies now, at what is durable; blocks that are open carry the new place with their next piece.
            let source = source(of: checkpoint)
            if let kept = checkpoints[source] { checkpoints[source] = checkpoint.at(kept.position) }
        case .ended(let checkpoint, _): ended.append(source(of: checkpoint))
        case .lost(let checkpoint, let bytes, let reason):
            let amount = bytes.map { "\($0) bytes" } ?? "an unknown amount"
            logger.error("\(checkpoint.source): \(amount) after position \(checkpoint.position) lost: \(reason)")
        case .problem(let error): logger.warning("\(error)")
        }
    }

    /// Generations that were read to their end: forgotten once their last block is durable.
    private var ended: [SourceGeneration] = []

    private func source(of checkpoint: FileCheckpoint) -> SourceGeneration {
        SourceGeneration(
            stream: StreamID(host: settings.host, source: checkpoint.source), generation: checkpoint.generation)
    }

    private mutating func take(_ followed: FollowedPiece, _ sealed: inout [SealedChunk]) throws {
        let source = source(of: followed.checkpoint)
        let limit = settings.follow.pieceBytes
        if streams[source]?.takes(followed.piece, limit: limit) == false { try close(source, &sealed) }
        let group = settings.groups[followed.group]
        streams[
            source,
            default: StreamBlock(
                stream: source.stream, labels: group.labels, generation: source.generation,
                timer: LineTimer(zone: group.zone, reference: followed.modified))
        ].append(followed.piece, buffer, now: clock())
        openBytes += followed.piece.count
        reading[source] = followed.checkpoint
        if let count = streams[source]?.count, count >= limit { try close(source, &sealed) }
        while openBytes > settings.openBlockBytes, let largest = streams.max(by: { $0.value.count < $1.value.count }) {
            try close(largest.key, &sealed)
        }
    }

    private mutating func closeOld(_ sealed: inout [SealedChunk]) throws {
        let due = clock() - settings.blockAge
        for (source, block) in streams {
            if let opened = block.opened, opened <= due { try close(source, &sealed) }
        }
        for source in ended {
            try close(source, &sealed)
            streams[source] = nil
        }
    }

    private mutating func close(_ source: SourceGeneration, _ sealed: inout [SealedChunk]) throws {
        guard var block = streams[source], block.count > 0 else { return }
        openBytes -= block.count
        waiting += try block.close(encoder, chooser, received: clock())
        streams[source] = block
        if let checkpoint = reading.removeValue(forKey: source) { unsynced[source] = checkpoint }
        try retryWaiting(&sealed)
    }

    /// Appends blocks that wait, in order; a full disk holds everything up until there is room.
    private mutating func retryWaiting(_ sealed: inout [SealedChunk]) throws {
        while let block = waiting.first {
            do throws(SpoolError) {
                let chunk = try spool.append(block.header, frame: block.frame.bytes)
                waiting.removeFirst()
                if let chunk { sealed.append(chunk) }
                if isHeldUp { logger.notice("there is room in the spool again: reading goes on") }
                isHeldUp = false
            } catch {
                guard error.kind == .full else { throw error }
                if !isHeldUp { logger.error("\(error): reading waits until there is room") }
                isHeldUp = true
                return
            }
        }
    }

    private mutating func synchronize() throws {
        guard waiting.isEmpty else { return }
        guard !unsynced.isEmpty || !ended.isEmpty else { return }
        try spool.synchronize()
        checkpoints.merge(unsynced) { $1 }
        unsynced.removeAll(keepingCapacity: true)
        for source in ended { checkpoints[source] = nil }
        ended.removeAll()
        saveState()
    }

    /// Writes `status.json`, at most every other second.
    mutating func writeStatus(_ stores: [AgentStatus.Store]) {
        let now = clock()
        guard now - lastStatus >= 2 * .perSecond else { return }
        lastStatus = now
        let backlog = spool.backlog()
        let status = AgentStatus(
            process: getpid(), writer: spool.writer.description, updated: CivilTime.rfc3339(now),
            backlogBytes: backlog.bytes, backlogChunks: backlog.chunks, maxBytes: spool.maxBytes, isHeldUp: isHeldUp,
            streams: follower.followed.map {
                AgentStatus.Stream(source: $0.checkpoint.source, position: $0.checkpoint.position, size: $0.size)
            },
            stores: stores)
        do { try status.write(spool: spool.path) } catch {
            logger.debug("cannot write the status: \(error)")
        }
    }

    private func saveState() {
        spool.inputState = AgentState(checkpoints: Array(checkpoints.values), lastRun: clock()).encoded()
    }
}

extension FileCheckpoint {
    /// As far as the spool has it: what was read after that is read again.
    fileprivate func advanced(to end: UInt64?) -> FileCheckpoint {
        guard let end else { return self }
        return at(max(position, end))
    }
}
