package import ArchiveTypes
package import EventTime

/// Gives the records of a container's log the times of what they belong to, and says of each block how it joins its
/// neighbours. One a generation, carried from block to block.
///
/// A record goes on with the line before it on its stream where that does not end its line, lies at most
/// `mostBytes` behind the line's first byte, and has a time at most `mostTime` away from the line's; it takes the line's
/// time. A line goes on with the record (the stack trace) before it on its stream where it is indented, blank or begins
/// with a closing bracket, and came at most `mostPause` after the line before it; it takes the record's time. So what
/// belongs together has one time, in the index as in answers.
package struct WrappedTimes: Sendable {
    package let kind: LineWrapping
    /// Where the next block begins, if it goes on; nil before the first.
    private var position: UInt64?
    private var lines: [OpenLine?] = [nil, nil]
    private var records: [Record?] = [nil, nil]
    /// The time of the last line.
    private var last: Nanoseconds?
    private var table = LineTable()

    private static let mostBytes: UInt64 = 8 << 20
    private static let mostTime: Nanoseconds = .perMinute
    private static let mostPause: Nanoseconds = .perSecond

    private struct OpenLine {
        var time: Nanoseconds
        var first: UInt64

        func reaches(_ time: Nanoseconds, at position: UInt64) -> Bool {
            position - first <= mostBytes && self.time.isNear(time, within: mostTime)
        }
    }

    private struct Record {
        var time: Nanoseconds
        /// When its last line was written.
        var last: Nanoseconds
    }

    package init(_ kind: LineWrapping) { self.kind = kind }

    package struct Outcome {
        package var times: LineTimes
        package var least: Nanoseconds
        package var greatest: Nanoseconds
        package var wrapping: BlockWrapping
    }

    /// - Parameters:
    ///   - lines: the block's bytes, of which the first has the position `first`.
    ///   - scan: their times by their own words.
    ///   - startsInsideLine: the first line goes on from the block before.
    package mutating func take(
        _ lines: UnsafeRawBufferPointer, at first: UInt64, _ scan: LineScan, startsInsideLine: Bool
    ) throws(MalformedBytes) -> Outcome {
        try scan.times.read(lines, startsInsideLine: startsInsideLine, into: &table)
        var wrapping = BlockWrapping(kind)
        if let position, position != first { (self.lines, records, last) = ([nil, nil], [nil, nil], nil) }
        wrapping.isBeginningUnknown = position == nil && first > 0
        close(before: scan.leastTime, at: first)
        wrapping.openBefore = self.lines.map { $0?.time }
        let changed = adjust(lines, first, startsInsideLine: startsInsideLine, &wrapping)
        wrapping.openAfter = self.lines.map { $0 != nil }
        position = first + UInt64(lines.count)
        last = table.times.last
        var outcome = Outcome(times: scan.times, least: scan.leastTime, greatest: scan.greatestTime, wrapping: wrapping)
        if changed { describe(lines, startsInsideLine: startsInsideLine, &outcome) }
        // Whoever asks for the time of the line gets the blocks in which it may go on.
        for time in wrapping.openBefore.compactMap({ $0 }) {
            outcome.least = min(outcome.least, time)
            outcome.greatest = max(outcome.greatest, time)
        }
        return outcome
    }

    /// Begins a generation that goes on where another ended. Lines that do not end there stay as they are: a line lies in
    /// one generation.
    package mutating func goOn(after previous: WrappedTimes) {
        if previous.kind == kind { records = previous.records }
    }

    /// Learns what is open from lines before the first block: those of them that are looked at again after a restart.
    package mutating func prime(
        _ lines: UnsafeRawBufferPointer, at first: UInt64, _ scan: LineScan
    ) throws(MalformedBytes) {
        try scan.times.read(lines, startsInsideLine: false, into: &table)
        var wrapping = BlockWrapping(kind)
        _ = adjust(lines, first, startsInsideLine: false, &wrapping)
        last = table.times.last
    }

    /// Forgets lines that nothing in a block can go on with.
    private mutating func close(before least: Nanoseconds, at position: UInt64) {
        for index in lines.indices {
            guard let line = lines[index] else { continue }
            let isPast = least > line.time && !line.time.isNear(least, within: Self.mostTime)
            if position - line.first > Self.mostBytes || isPast {
                lines[index] = nil
            }
        }
    }

    /// Whether any time is another now.
    private mutating func adjust(
        _ bytes: UnsafeRawBufferPointer, _ first: UInt64, startsInsideLine: Bool, _ wrapping: inout BlockWrapping
    ) -> Bool {
        var changed = false
        var start = 0
        for index in table.ends.indices {
            let end = Int(table.ends[index])
            defer { start = end }
            let own = table.times[index]
            var time = own
            if index == 0, startsInsideLine {
                time = last ?? own
            } else {
                let stop = end > start && bytes[end - 1] == 0x0A ? end - 1 : end
                let line = UnsafeRawBufferPointer(rebasing: bytes[start..<stop])
                if let record = kind.record(line) {
                    time = self.time(of: record, line, own: own, at: first + UInt64(start), &wrapping)
                }
            }
            if time != own {
                table.times[index] = time
                changed = true
            }
        }
        return changed
    }

    @inline(__always)
    private mutating func time(
        of record: WrappedRecord, _ line: UnsafeRawBufferPointer, own: Nanoseconds, at position: UInt64,
        _ wrapping: inout BlockWrapping
    ) -> Nanoseconds {
        let stream = record.stream.index
        if let open = lines[stream] {
            wrapping.joins = true
            if !record.isPartial || !open.reaches(own, at: position) { lines[stream] = nil }
            if open.reaches(own, at: position) {
                records[stream]?.last = own
                return open.time
            }
        }
        var time = own
        if let before = records[stream], kind.looksContinued(line, record),
            before.time.isNear(own, within: Self.mostTime),
            before.last.isNear(own, within: Self.mostPause)
        {
            time = before.time
            records[stream]?.last = own
        } else {
            records[stream] = Record(time: own, last: own)
        }
        if record.isPartial {
            wrapping.joins = true
            lines[stream] = OpenLine(time: time, first: position)
        }
        return time
    }

    private func describe(_ lines: UnsafeRawBufferPointer, startsInsideLine: Bool, _ outcome: inout Outcome) {
        var uses: [TimeFormatUse] = []
        if case .format(let use) = outcome.times { uses = [use] }
        outcome.times = LineTimes.describing(table.times, of: lines, startsInsideLine: startsInsideLine, by: uses)
        outcome.least = table.times.min() ?? outcome.least
        outcome.greatest = table.times.max() ?? outcome.greatest
    }
}

extension LineWrapping {
    /// Whether a line looks as if it went on with what was said before.
    @inline(__always)
    fileprivate func looksContinued(_ line: UnsafeRawBufferPointer, _ record: WrappedRecord) -> Bool {
        guard let first = record.content.first else { return true }
        if self == .docker, line[first] == UInt8(ascii: "\\") {
            return line[first + 1] == UInt8(ascii: "t") || line[first + 1] == UInt8(ascii: "n")
        }
        return line[first].opensContinuation
    }
}

extension UInt8 {
    /// Lines that begin so, and empty ones, go on with the line before them where nothing better tells.
    package var opensContinuation: Bool {
        switch self {
        case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "}"), UInt8(ascii: ")"),
            UInt8(ascii: "]"):
            true
        default: false
        }
    }
}

extension Nanoseconds {
    fileprivate func isNear(_ other: Nanoseconds, within distance: Nanoseconds) -> Bool {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return !overflow && difference.magnitude <= distance.magnitude
    }
}
