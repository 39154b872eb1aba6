import ArchiveTypes

/// A date and a time of day in fixed columns at the line's beginning: `klog.1`, `glog.1`, `hdfs.1`, `spark.1`,
/// `logcat.1` and `proxifier.1` differ only in where the numbers stand.
struct FixedColumns<Layout: ColumnLayout>: LineParser {
    private var cache = MinuteCache()
    private let year: Int
    private let offset: Nanoseconds
    var assumedZone: Bool { true }

    init(utcOffset: Int32, year: Int32) {
        self.year = Int(year)
        offset = Nanoseconds(utcOffset) * .perSecond
    }

    @inline(__always)
    mutating func time(_ line: Bytes, _ end: Bytes) -> Nanoseconds {
        guard end - line >= Layout.secondsAt + 2, Layout.opens(line) else { return .noTime }
        let first = line.word(Layout.skipped)
        let second = line.word(Layout.minuteEnds - 8)
        if !cache.holds(first, second) {
            guard learn(line, first, second) else { return .noTime }
        }
        let seconds = line.twoDigits(Layout.secondsAt)
        guard Layout.separates(line), 0...60 ~= seconds else { return .noTime }
        var next = line + Layout.secondsAt + 2
        guard Layout.closes(next, end) else { return .noTime }
        let time = cache.minute &+ Nanoseconds(seconds) &* .perSecond &+ Piece.fraction(&next, end)
        return next < end && next.isDigit(0) ? .noTime : time &- offset
    }

    @inline(never)
    private mutating func learn(_ line: Bytes, _ first: UInt64, _ second: UInt64) -> Bool {
        let minute = Layout.minute(line, year: year)
        guard minute != .noTime else { return false }
        cache.keep(first, second, minute: minute)
        return true
    }
}

/// Where the numbers of a `FixedColumns` stand, in bytes from the line's beginning.
protocol ColumnLayout {
    /// Bytes before the date.
    static var skipped: Int { get }
    /// Where the minute ends: 8 to 16 bytes after `skipped`.
    static var minuteEnds: Int { get }
    static var secondsAt: Int { get }
    /// What stands before the date is right.
    static func opens(_ line: Bytes) -> Bool
    /// What stands between minute and second is right.
    static func separates(_ line: Bytes) -> Bool
    /// What stands after the seconds is right.
    static func closes(_ next: Bytes, _ end: Bytes) -> Bool
    static func minute(_ line: Bytes, year: Int) -> Nanoseconds
}

extension ColumnLayout {
    @inline(__always)
    static func opens(_ line: Bytes) -> Bool { true }
    @inline(__always)
    static func separates(_ line: Bytes) -> Bool { line[secondsAt - 1] == 0x3A }
    @inline(__always)
    static func closes(_ next: Bytes, _ end: Bytes) -> Bool { true }

    @inline(__always)
    fileprivate static func opensAsLog(_ line: Bytes) -> Bool {
        line[0] == 0x49 || line[0] == 0x57 || line[0] == 0x45 || line[0] == 0x46
    }

    @inline(__always)
    fileprivate static func isFraction(_ next: Bytes, _ end: Bytes) -> Bool {
        end - next >= 2 && next[0] == 0x2E && next.isDigit(1)
    }

    /// 70 to 99 are of the last century.
    fileprivate static func century(_ year: Int) -> Int { year < 0 ? -1 : year + (year < 70 ? 2000 : 1900) }
}

/// `I0102 15:04:05.678901`
enum KlogLayout: ColumnLayout {
    static let skipped = 1
    static let minuteEnds = 11
    static let secondsAt = 12
    @inline(__always)
    static func opens(_ line: Bytes) -> Bool { opensAsLog(line) }
    @inline(__always)
    static func closes(_ next: Bytes, _ end: Bytes) -> Bool { isFraction(next, end) }

    static func minute(_ line: Bytes, year: Int) -> Nanoseconds {
        guard line[5] == 0x20, line[8] == 0x3A else { return .noTime }
        return Piece.minute(
            year: year, month: line.twoDigits(1), day: line.twoDigits(3), hour: line.twoDigits(6),
            minute: line.twoDigits(9))
    }
}

/// `I20240102 15:04:05.678901`
enum GlogLayout: ColumnLayout {
    static let skipped = 1
    static let minuteEnds = 15
    static let secondsAt = 16
    @inline(__always)
    static func opens(_ line: Bytes) -> Bool { opensAsLog(line) }
    @inline(__always)
    static func closes(_ next: Bytes, _ end: Bytes) -> Bool { isFraction(next, end) }

    static func minute(_ line: Bytes, year: Int) -> Nanoseconds {
        guard line[9] == 0x20, line[12] == 0x3A else { return .noTime }
        return Piece.minute(
            year: line.fourDigits(1), month: line.twoDigits(5), day: line.twoDigits(7), hour: line.twoDigits(10),
            minute: line.twoDigits(13))
    }
}

/// `081109 203615`
enum HDFSLayout: ColumnLayout {
    static let skipped = 0
    static let minuteEnds = 11
    static let secondsAt = 11
    @inline(__always)
    static func separates(_ line: Bytes) -> Bool { true }
    @inline(__always)
    static func closes(_ next: Bytes, _ end: Bytes) -> Bool { next == end || next[0] == 0x20 }

    static func minute(_ line: Bytes, year: Int) -> Nanoseconds {
        guard line[6] == 0x20 else { return .noTime }
        return Piece.minute(
            year: century(line.twoDigits(0)), month: line.twoDigits(2), day: line.twoDigits(4),
            hour: line.twoDigits(7), minute: line.twoDigits(9))
    }
}

/// `17/06/09 20:10:40`
enum SparkLayout: ColumnLayout {
    static let skipped = 0
    static let minuteEnds = 14
    static let secondsAt = 15

    static func minute(_ line: Bytes, year: Int) -> Nanoseconds {
        guard line[2] == 0x2F, line[5] == 0x2F, line[8] == 0x20, line[11] == 0x3A else { return .noTime }
        return Piece.minute(
            year: century(line.twoDigits(0)), month: line.twoDigits(3), day: line.twoDigits(6),
            hour: line.twoDigits(9), minute: line.twoDigits(12))
    }
}

/// `03-17 16:13:38.811`
enum LogcatLayout: ColumnLayout {
    static let skipped = 0
    static let minuteEnds = 11
    static let secondsAt = 12
    @inline(__always)
    static func closes(_ next: Bytes, _ end: Bytes) -> Bool { isFraction(next, end) }

    static func minute(_ line: Bytes, year: Int) -> Nanoseconds {
        guard line[2] == 0x2D, line[5] == 0x20, line[8] == 0x3A else { return .noTime }
        return Piece.minute(
            year: year, month: line.twoDigits(0), day: line.twoDigits(3), hour: line.twoDigits(6),
            minute: line.twoDigits(9))
    }
}

/// `[10.30 16:49:06]`
enum ProxifierLayout: ColumnLayout {
    static let skipped = 1
    static let minuteEnds = 12
    static let secondsAt = 13
    @inline(__always)
    static func opens(_ line: Bytes) -> Bool { line[0] == 0x5B }
    @inline(__always)
    static func closes(_ next: Bytes, _ end: Bytes) -> Bool { next < end && next[0] == 0x5D }

    static func minute(_ line: Bytes, year: Int) -> Nanoseconds {
        guard line[3] == 0x2E, line[6] == 0x20, line[9] == 0x3A else { return .noTime }
        return Piece.minute(
            year: year, month: line.twoDigits(1), day: line.twoDigits(4), hour: line.twoDigits(7),
            minute: line.twoDigits(10))
    }
}

/// `healthapp.1`: `20171224-0:7:20:444|`.
struct HealthApp: LineParser {
    private var date: UInt64 = 0
    private var midnight: Nanoseconds = .noTime
    private let offset: Nanoseconds
    var assumedZone: Bool { true }

    init(utcOffset: Int32) { offset = Nanoseconds(utcOffset) * .perSecond }

    @inline(__always)
    mutating func time(_ line: Bytes, _ end: Bytes) -> Nanoseconds {
        guard end - line >= 17, line[8] == 0x2D else { return .noTime }
        let word = line.word(0)
        if word != date || midnight == .noTime {
            let start = Piece.minute(
                year: line.fourDigits(0), month: line.twoDigits(4), day: line.twoDigits(6), hour: 0, minute: 0)
            guard start != .noTime else { return .noTime }
            (date, midnight) = (word, start)
        }
        var next = line + 9
        let hours = Self.number(&next, end, atMost: 2, then: 0x3A)
        let minutes = Self.number(&next, end, atMost: 2, then: 0x3A)
        let seconds = Self.number(&next, end, atMost: 2, then: 0x3A)
        let milliseconds = Self.number(&next, end, atMost: 3, then: 0x7C)
        guard 0..<24 ~= hours, 0..<60 ~= minutes, 0...60 ~= seconds, milliseconds >= 0 else { return .noTime }
        let ofDay = (hours &* 3600 &+ minutes &* 60 &+ seconds) &* 1000 &+ milliseconds
        return midnight &+ ofDay &* 1_000_000 &- offset
    }

    /// One digit to `digits` digits and the byte after them, or -1.
    @inline(__always)
    private static func number(_ next: inout Bytes, _ end: Bytes, atMost digits: Int, then byte: UInt8) -> Nanoseconds {
        var value: Nanoseconds = 0
        var count = 0
        while next < end, count < digits, next.isDigit(0) {
            value = value &* 10 &+ Nanoseconds(next[0] &- 0x30)
            count += 1
            next += 1
        }
        guard count > 0, next < end, next[0] == byte else { return -1 }
        next += 1
        return value
    }
}
