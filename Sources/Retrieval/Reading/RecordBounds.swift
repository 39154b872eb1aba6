import ArchiveTypes
import ChunkFormat
import EventTime

/// Which lines of a block begin a record, and which go on with the one before them: those without a time of their own.
struct RecordBounds {
    /// The record of each line, counted from 0; ascending by at most 1.
    private var numbers: [UInt32] = []
    private var firstContinues = false

    /// For answers that do not ask for records: each line is one.
    static let none = RecordBounds()

    private init() {}

    /// - Parameter times: how the block's times stand in its header.
    init(_ block: borrowing BlockLines, times: LineTimes?) throws(MalformedBytes) {
        var probe = OwnTimeProbe(times)
        numbers.reserveCapacity(block.count)
        var number: UInt32 = 0
        for line in 0..<block.count {
            let isLike = line > 0 ? block.times[line] == block.times[line - 1] : true
            let start = line == 0 ? 0 : Int(block.ends[line - 1])
            var continues = isLike
            if isLike { continues = try !probe.beginsRecord(block.bytes[start..<Int(block.ends[line])]) }
            if line == 0 { firstContinues = continues } else if !continues { number += 1 }
            numbers.append(number)
        }
    }

    /// Whether the line belongs to the record of the line before it, which for the first line is in the block before.
    func continues(_ line: Int) -> Bool {
        guard !numbers.isEmpty else { return false }
        return line == 0 ? firstContinues : numbers[line] == numbers[line - 1]
    }

    func number(_ line: UInt32) -> UInt32 { numbers.isEmpty ? line : numbers[Int(line)] }

    /// The records within `lines`, one after the other.
    func forEach(in lines: Range<Int>, _ body: (Range<Int>) -> Void) {
        var start = lines.lowerBound
        while start < lines.upperBound {
            var end = start + 1
            while end < lines.upperBound, continues(end) { end += 1 }
            body(start..<end)
            start = end
        }
    }
}

/// Tells whether a line has a time of its own: reads it as a block by itself, whose lines would otherwise have a time
/// that no line can have. Where the times are a column, or the lines have none, indentation tells.
private struct OwnTimeProbe {
    private let times: LineTimes?
    private var table = LineTable()
    private static let none = Nanoseconds.min

    init(_ times: LineTimes?) {
        guard case .format(var use) = times, !use.format.hasPrefix("none.") else {
            self.times = nil
            return
        }
        use.exceptions = []
        use.carry = Self.none
        self.times = .format(use)
    }

    mutating func beginsRecord(_ line: ArraySlice<UInt8>) throws(MalformedBytes) -> Bool {
        guard let times else { return !Self.looksContinued(line) }
        let found = try line.withBytes { (bytes) throws(MalformedBytes) in
            try times.read(bytes, startsInsideLine: false, into: &table)
            return table.times.first
        }
        return found != Self.none
    }

    /// Blank or indented lines, and what closes an indented block.
    private static func looksContinued(_ line: ArraySlice<UInt8>) -> Bool {
        line.first?.opensContinuation ?? false
    }
}
