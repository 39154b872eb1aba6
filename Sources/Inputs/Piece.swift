package import ArchiveTypes

/// Where a run of bytes lies in its generation, and how it begins and ends.
package struct Piece: Sendable, Hashable {
    /// The position of its first byte.
    package var first: UInt64
    /// Bytes.
    package var count: Int
    /// The first line goes on from the piece before.
    package var startsInsideLine: Bool
    /// The last line has no newline yet, and goes on in the piece after.
    package var endsInsideLine: Bool
    /// Nothing comes after it.
    package var isLast: Bool

    package init(first: UInt64, count: Int, startsInsideLine: Bool, endsInsideLine: Bool, isLast: Bool) {
        self.first = first
        self.count = count
        self.startsInsideLine = startsInsideLine
        self.endsInsideLine = endsInsideLine
        self.isLast = isLast
    }

    package var positions: PositionRange { PositionRange(first: first, end: first + UInt64(count)) }
}
