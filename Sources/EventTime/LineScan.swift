package import ArchiveTypes

/// What `LineTimer.scan` found: the lines of one block.
package struct LineScan: Sendable, Hashable {
    /// Bytes from the beginning that make the block: whole lines.
    package var byteCount: Int
    /// Newlines, and one more for a last line without one.
    package var lineCount: UInt32
    /// Least and greatest time of the lines, both included. Without lines both are the receive time.
    package var leastTime: Nanoseconds
    package var greatestTime: Nanoseconds
    /// Gives the same times again when the block's bytes are read.
    package var times: LineTimes

    package init(
        byteCount: Int, lineCount: UInt32, leastTime: Nanoseconds, greatestTime: Nanoseconds, times: LineTimes
    ) {
        self.byteCount = byteCount
        self.lineCount = lineCount
        self.leastTime = leastTime
        self.greatestTime = greatestTime
        self.times = times
    }
}
