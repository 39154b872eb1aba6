package import ArchiveTypes
import Glibc

extension LineTimes {
    /// Splits `lines`, the bytes of a block, and gives each line its time. Replaces what `table` holds; at an error its
    /// content is unspecified.
    ///
    /// By a format, a line takes the time that the format gives it, if that is plausible: at or after
    /// `Limits.earliestEventTime`, and at most `Limits.eventTimeLead` after the use's `received`. An exception for the line
    /// goes before that. Otherwise it takes the time of the line before it; the first line takes `carry`. A first line
    /// that goes on from the block before (`startsInsideLine`) is not looked at. The last line may lack its newline.
    package func read(
        _ lines: UnsafeRawBufferPointer, startsInsideLine: Bool, into table: inout LineTable
    ) throws(MalformedBytes) {
        table.ends.removeAll(keepingCapacity: true)
        table.times.removeAll(keepingCapacity: true)
        guard lines.count <= UInt32.max else { throw MalformedBytes("a block of \(lines.count) bytes is too long", at: 0) }
        switch self {
        case .column(let bytes): try Self.read(column: bytes, lines, into: &table)
        case .format(let use): try use.read(lines, startsInsideLine: startsInsideLine, into: &table)
        }
    }

    private static func read(
        column: [UInt8], _ lines: UnsafeRawBufferPointer, into table: inout LineTable
    ) throws(MalformedBytes) {
        var reader = ByteReader(column)
        var time: Nanoseconds = 0
        var line = LineCursor(lines)
        while line.advance() {
            time &+= try reader.readSignedVarint()
            table.ends.append(line.endOffset)
            table.times.append(time)
        }
        guard reader.isAtEnd else { throw MalformedBytes("the column of times has more lines than the block", at: reader.offset) }
    }
}

extension TimeFormatUse {
    fileprivate func read(
        _ lines: UnsafeRawBufferPointer, startsInsideLine: Bool, into table: inout LineTable
    ) throws(MalformedBytes) {
        guard let known = TimeFormat(rawValue: format) else {
            throw MalformedBytes("time format \(format) is unknown: read with a later version", at: 0)
        }
        guard utcOffset.magnitude <= LineTimes.greatestOffset.magnitude else {
            throw MalformedBytes("offset from UTC \(utcOffset) is impossible", at: 0)
        }
        var reading = FormatReading(lines: lines, use: self, startsInsideLine: startsInsideLine)
        swap(&reading.table, &table)
        let unread = known.parse(utcOffset: utcOffset, year: year, by: &reading)
        swap(&reading.table, &table)
        guard unread == 0 else { throw MalformedBytes("\(unread) exceptions are for lines that the block lacks", at: 0) }
    }
}

/// Reads a block's lines by one parser. The result counts the exceptions whose lines did not come.
private struct FormatReading: ParserUser {
    let lines: UnsafeRawBufferPointer
    let use: TimeFormatUse
    let startsInsideLine: Bool
    var table = LineTable()

    mutating func use(_ parser: some LineParser) -> Int {
        var parser = parser
        let plausible = PlausibleTimes(received: use.received)
        var line = LineCursor(lines)
        parser.enter(until: line.end)
        var time = use.carry
        var looks = !startsInsideLine
        var exception = 0
        var exceptionLine = use.exceptions.first?.line ?? .max
        var index: UInt32 = 0
        while line.advance() {
            let read = looks ? parser.time(line.start, line.stop) : .noTime
            looks = true
            if plausible.contains(read) { time = read }
            if index == exceptionLine, exception < use.exceptions.count {
                time = use.exceptions[exception].time
                exception += 1
                exceptionLine = exception < use.exceptions.count ? use.exceptions[exception].line : .max
            }
            table.ends.append(line.endOffset)
            table.times.append(time)
            index &+= 1
        }
        return use.exceptions.count - exception
    }
}
