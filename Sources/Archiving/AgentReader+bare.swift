import ArchiveTypes
import ChunkFormat
import Inputs
import Spool

/// When a silent stream has a heartbeat: within every hour.
enum Heartbeat {
    /// Without a block. The rest of the hour is for what a block takes to be archived.
    static let after: Nanoseconds = 50 * .perMinute
}

/// Blocks without lines: what was lost, and that there was nothing.
extension AgentReader {
    private static var heartbeatsEvery: Nanoseconds { .perMinute }

    /// Says in the archive that bytes after `checkpoint` were lost, behind all that was read before.
    /// - Parameter bytes: how many, where that is known.
    mutating func appendGap(
        in stream: FollowedStream, after checkpoint: FileCheckpoint, bytes: UInt64?, reason: String
    ) throws {
        losses.add(stream.source.stream.source, bytes: bytes, reason: reason)
        try close(stream)
        let first = checkpoint.position
        let (end, overflow) = first.addingReportingOverflow(bytes ?? 0)
        let header = bare(
            .gap, stream, PositionRange(first: first, end: overflow ? first : end),
            gap: BlockHeader.Gap(lines: nil, bytes: bytes, reason: reason.cut(to: Limits.labelBytes)))
        try queue.append(EncodedBlock(header: header, frame: FrameBuffer()))
        noteAppended(stream)
    }

    /// Counts what rules did to a block, and says in the archive what they left out of it.
    mutating func note(_ outcome: LineRuler.Outcome, of draft: BlockDraft, in stream: FollowedStream) throws {
        losses.add(stream.source.stream.source, outcome)
        let dropped = outcome.dropped
        guard dropped.lines > 0 else { return }
        let header = bare(
            .gap, stream, draft.positions,
            gap: BlockHeader.Gap(lines: dropped.lines, bytes: dropped.bytes, reason: BlockHeader.Gap.droppedByRule))
        try queue.append(EncodedBlock(header: header, frame: FrameBuffer()))
    }

    /// A heartbeat for each stream that has had no block for a while: it was read to this position, and there was no
    /// more.
    mutating func appendHeartbeats() throws {
        let now = ticks()
        guard queue.isEmpty, now - lastHeartbeats >= Self.heartbeatsEvery else { return }
        lastHeartbeats = now
        for stream in streams.values.filter({ $0.isSilent(since: now - Heartbeat.after) }).sorted() {
            guard queue.isEmpty else { return }
            let position = stream.durable.position
            let header = bare(.heartbeat, stream, PositionRange(first: position, end: position))
            try queue.append(EncodedBlock(header: header, frame: FrameBuffer()))
            noteAppended(stream)
        }
    }

    private func bare(
        _ kind: BlockKind, _ stream: FollowedStream, _ positions: PositionRange, gap: BlockHeader.Gap? = nil
    ) -> BlockHeader {
        let now = clock()
        return BlockHeader(
            kind: kind, stream: stream.source.stream, labels: settings.labels(of: stream),
            generation: stream.source.generation, positions: positions, leastTime: now, greatestTime: now,
            received: now, gap: gap)
    }
}

extension FollowedStream: Comparable {
    fileprivate func isSilent(since time: Nanoseconds) -> Bool {
        lastTold <= time && group != nil && count == 0 && appended == nil && !isEnded
    }

    static func == (left: FollowedStream, right: FollowedStream) -> Bool { left === right }
    static func < (left: FollowedStream, right: FollowedStream) -> Bool { left.source < right.source }
}

extension String {
    /// Its beginning, in at most that many bytes of UTF-8.
    fileprivate func cut(to bytes: Int) -> String {
        guard utf8.count > bytes else { return self }
        var short = prefix(bytes)
        while short.utf8.count > bytes { short.removeLast() }
        return String(short)
    }
}
