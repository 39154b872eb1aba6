import ArchiveTypes
import ChunkFormat
import EventTime
import Glibc
import Inputs
import Spool

/// One generation of received lines on its way to blocks. Positions are byte offsets in what was ever received for it.
struct ReceivedStream {
    /// In the write-ahead log.
    let number: UInt64
    let logged: LoggedStream
    var block: ReceivedBlock
    /// Where the lines that went to blocks end.
    private(set) var end: UInt64
    /// Where the synced blocks end.
    var synced: UInt64
    /// When its last line came.
    private(set) var lastReceived: Nanoseconds
    /// The same in ticks.
    private(set) var lastHeard: Nanoseconds
    /// When it last had a block or a heartbeat, in ticks.
    var lastTold: Nanoseconds
    /// What its input needs to go on at `end`, where it can be read again.
    var cursor: [UInt8]?
    /// Whether the line that goes to blocks last is still to be ended.
    var isInsideLine = false

    init(
        _ number: UInt64, _ logged: LoggedStream, labels: Labels, zone: TimeZoneRules, at end: UInt64, now: Nanoseconds,
        ticks: Nanoseconds
    ) {
        self.number = number
        self.logged = logged
        self.end = end
        synced = end
        lastReceived = now
        lastHeard = ticks
        lastTold = ticks
        block = ReceivedBlock(
            BlockCutter(
                stream: logged.source.stream, labels: labels, generation: logged.source.generation,
                timer: LineTimer(zone: zone, reference: now)))
    }

    /// The next piece of `lines`, which begin at `end`: whole lines of at most `limit` bytes, or a longer one.
    func piece(of lines: ArraySlice<UInt8>, limit: Int) -> Piece {
        let count = Self.wholeLines(lines, limit: limit)
        return Piece(
            first: end, count: count, startsInsideLine: isInsideLine,
            endsInsideLine: lines[lines.startIndex + count - 1] != 0x0A, isLast: false)
    }

    /// Adds the piece that `piece` described.
    mutating func append(_ piece: Piece, _ lines: ArraySlice<UInt8>, received: Nanoseconds, ticks: Nanoseconds) {
        block.append(piece, lines, ticks: ticks)
        isInsideLine = piece.endsInsideLine
        lastReceived = received
        lastHeard = ticks
        end = piece.positions.end
    }

    /// Lines up to `position` are lost: what follows is the beginning of a line, as far as one knows.
    mutating func skip(to position: UInt64) {
        end = position
        isInsideLine = false
    }

    private static func wholeLines(_ lines: ArraySlice<UInt8>, limit: Int) -> Int {
        guard lines.count > limit else { return lines.count }
        return lines.withUnsafeBytes { bytes in
            var count = limit
            while count > 0, bytes[count - 1] != 0x0A { count -= 1 }
            // One line alone is longer than a block: it gets a block of its own.
            return count > 0 ? count : (bytes[limit...].firstIndex(of: 0x0A).map { $0 + 1 } ?? bytes.count)
        }
    }
}
