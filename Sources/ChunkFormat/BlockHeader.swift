package import ArchiveTypes
package import EventTime

/// What a block holds.
package enum BlockKind: UInt8, Sendable, Hashable, CaseIterable {
    /// Lines: a header and a zstd frame.
    case lines = 1
    /// Lines that were lost: a header alone, with the reason.
    case gap = 2
    /// No lines: "read to this position at this time". A header alone.
    case heartbeat = 3
}

/// The self-description of a block: the content of the skippable frame before its lines.
package struct BlockHeader: Sendable, Hashable {
    package var kind: BlockKind
    package var stream: StreamID
    package var labels: Labels
    package var generation: Generation
    /// Positions of the block's bytes in its generation. A gap whose extent is unknown, and a heartbeat: empty.
    package var positions: PositionRange
    /// Newlines, and one more for a last line without one.
    package var lineCount: UInt32
    /// Decompressed bytes: for files `positions.count`, or fewer where rules of the input left lines out (a gap over the
    /// same positions says how many).
    package var rawLength: UInt64
    /// Length of the zstd frame that follows, 0 where none does.
    package var storedLength: UInt64
    /// XXH64 of the zstd frame.
    package var storedChecksum: UInt64
    /// XXH64 of the lines, as zstd's own content checksum computes it (which keeps the lower 32 bits).
    package var rawChecksum: UInt64
    /// Least and greatest event time of the lines, both included. For a gap and a heartbeat: the time
    /// of notice, twice; of gaps that were joined, the first and the last one.
    package var leastTime: Nanoseconds
    package var greatestTime: Nanoseconds
    /// The agent's clock when it read the last line.
    package var received: Nanoseconds
    /// Of lines only.
    package var times: LineTimes?
    /// The first line goes on from the block before it.
    package var continuesBefore: Bool
    /// The last line goes on in the block after it.
    package var continuesAfter: Bool
    /// Length of the chunk file that was known to be synced when this block was written: damage below it is damage.
    package var durableLength: UInt64
    package var gap: Gap?
    /// Of lines that a container runtime wrapped.
    package var wrapping: BlockWrapping?

    package struct Gap: Sendable, Hashable {
        /// Lines lost, where they could be counted.
        package var lines: UInt64?
        /// Bytes lost, where they could be counted.
        package var bytes: UInt64?
        /// A clause for people: `file deleted before it was read`.
        package var reason: String

        /// The reason of a gap over lines that were left out because somebody asked for that. A block with what is left
        /// has the same positions.
        package static let droppedByRule = "dropped by rule"

        package init(lines: UInt64?, bytes: UInt64?, reason: String) {
            self.lines = lines
            self.bytes = bytes
            self.reason = reason
        }
    }

    package init(
        kind: BlockKind, stream: StreamID, labels: Labels, generation: Generation, positions: PositionRange,
        lineCount: UInt32 = 0, rawLength: UInt64 = 0, storedLength: UInt64 = 0, storedChecksum: UInt64 = 0,
        rawChecksum: UInt64 = 0, leastTime: Nanoseconds, greatestTime: Nanoseconds, received: Nanoseconds,
        times: LineTimes? = nil, continuesBefore: Bool = false, continuesAfter: Bool = false,
        durableLength: UInt64 = 0, gap: Gap? = nil, wrapping: BlockWrapping? = nil
    ) {
        self.kind = kind
        self.stream = stream
        self.labels = labels
        self.generation = generation
        self.positions = positions
        self.lineCount = lineCount
        self.rawLength = rawLength
        self.storedLength = storedLength
        self.storedChecksum = storedChecksum
        self.rawChecksum = rawChecksum
        self.leastTime = leastTime
        self.greatestTime = greatestTime
        self.received = received
        self.times = times
        self.continuesBefore = continuesBefore
        self.continuesAfter = continuesAfter
        self.durableLength = durableLength
        self.gap = gap
        self.wrapping = wrapping
    }
}
