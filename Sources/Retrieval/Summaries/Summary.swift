package import ArchiveTypes
import ChunkFormat

/// How much there is of something, as the index tells.
package struct Summary: Sendable, Hashable {
    /// Least and greatest event time, both included; nil where there are no lines.
    package private(set) var times: ClosedRange<Nanoseconds>?
    /// The agent's clock when it read the last of it.
    package private(set) var received: Nanoseconds = .min
    package private(set) var blocks = 0
    package private(set) var lines: UInt64 = 0
    /// Bytes of lines, and what they take in the store with their headers.
    package private(set) var rawBytes: UInt64 = 0
    package private(set) var storedBytes: UInt64 = 0
    /// Blocks that say that lines were lost.
    package private(set) var gaps = 0

    package init() {}

    mutating func add(_ piece: Piece) {
        let block = piece.row.block
        let times = block.leastTime...max(block.leastTime, block.greatestTime)
        self.times =
            self.times.map { min($0.lowerBound, times.lowerBound)...max($0.upperBound, times.upperBound) } ?? times
        received = max(received, block.received)
        blocks += 1
        // A part of a block counts by its share of the positions.
        let share = block.positions.count == 0 ? 1 : Double(piece.show.count) / Double(block.positions.count)
        lines += UInt64((Double(block.lineCount) * share).rounded())
        rawBytes += UInt64((Double(block.rawLength) * share).rounded())
        storedBytes += block.length
    }

    mutating func addGap(received time: Nanoseconds) {
        gaps += 1
        received = max(received, time)
    }
}
