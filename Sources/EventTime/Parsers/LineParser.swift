import ArchiveTypes

/// Reads the time of one line after the other by one frozen format. What it remembers between lines makes it quicker
/// and never changes an answer: a fresh parser gives the same time for every line.
protocol LineParser {
    /// Called once, before the first line: no line goes beyond `end`.
    mutating func enter(until end: Bytes)

    /// The time of the line from `line` to `end` (without its newline), or `noTime`.
    mutating func time(_ line: Bytes, _ end: Bytes) -> Nanoseconds

    /// Whether the last time given depends on the offset from UTC that the parser was made with.
    var assumedZone: Bool { get }
}

extension LineParser {
    @inline(__always)
    mutating func enter(until end: Bytes) {}
}

/// The first byte of a line, or of a part of it. Whoever reads has checked against the line's end.
typealias Bytes = UnsafePointer<UInt8>

extension Nanoseconds {
    /// Stands for "no time" in inner loops; never a line's time, since it lies before 1990.
    static let noTime: Nanoseconds = .min
}

extension UnsafePointer<UInt8> {
    /// 8 bytes as they stand, for comparing.
    @inline(__always)
    func word(_ offset: Int) -> UInt64 { UnsafeRawPointer(self + offset).loadUnaligned(as: UInt64.self) }

    @inline(__always)
    func isDigit(_ offset: Int) -> Bool { self[offset] &- 0x30 < 10 }

    /// The number that two decimal digits make, or -1.
    @inline(__always)
    func twoDigits(_ offset: Int) -> Int {
        let tens = self[offset] &- 0x30
        let units = self[offset + 1] &- 0x30
        return tens < 10 && units < 10 ? Int(tens) * 10 + Int(units) : -1
    }

    @inline(__always)
    func fourDigits(_ offset: Int) -> Int {
        let high = twoDigits(offset)
        let low = twoDigits(offset + 2)
        return high >= 0 && low >= 0 ? high * 100 + low : -1
    }

    /// The month that `Jan` to `Dec` name, or -1.
    func month(_ offset: Int) -> Int {
        switch (self[offset], self[offset + 1], self[offset + 2]) {
        case (0x4A, 0x61, 0x6E): 1
        case (0x46, 0x65, 0x62): 2
        case (0x4D, 0x61, 0x72): 3
        case (0x41, 0x70, 0x72): 4
        case (0x4D, 0x61, 0x79): 5
        case (0x4A, 0x75, 0x6E): 6
        case (0x4A, 0x75, 0x6C): 7
        case (0x41, 0x75, 0x67): 8
        case (0x53, 0x65, 0x70): 9
        case (0x4F, 0x63, 0x74): 10
        case (0x4E, 0x6F, 0x76): 11
        case (0x44, 0x65, 0x63): 12
        default: -1
        }
    }

    /// Past a `[` or `"` that may stand before a time.
    @inline(__always)
    func pastOpening(_ end: Bytes) -> Bytes { self < end && (self[0] == 0x5B || self[0] == 0x22) ? self + 1 : self }

    /// Past `<PRI>` of syslog (1 to 3 digits); the line's beginning where there is none.
    @inline(__always)
    func pastPriority(_ end: Bytes) -> Bytes {
        guard end - self >= 3, self[0] == 0x3C else { return self }
        var next = 1
        while next <= 3, self + next < end, isDigit(next) { next += 1 }
        return next > 1 && self + next < end && self[next] == 0x3E ? self + next + 1 : self
    }
}

extension UInt8 {
    var isBlank: Bool { self == 0x20 || self == 0x09 }
    var isLetterOrDigit: Bool { self &- 0x30 < 10 || (self | 0x20) &- 0x61 < 26 }
}

/// The pieces that formats share. Each is defined in `TimeFormat`, under the name in its comment.
enum Piece {
    /// The start of a minute of the calendar, or `noTime` for one that does not exist.
    static func minute(year: Int, month: Int, day: Int, hour: Int, minute: Int) -> Nanoseconds {
        guard 1970...2261 ~= year, 1...12 ~= month, day >= 1, day <= days(ofMonth: month, year: year),
            0..<24 ~= hour, 0..<60 ~= minute
        else { return .noTime }
        return CivilTime(year: year, month: month, day: day, hour: hour, minute: minute).nanoseconds
    }

    private static func days(ofMonth month: Int, year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// FRACTION: `.` or `,` and one digit or more. Moves `next` past it.
    @inline(__always)
    static func fraction(_ next: inout Bytes, _ end: Bytes) -> Nanoseconds {
        guard end - next >= 2, next[0] == 0x2E || next[0] == 0x2C, next.isDigit(1) else { return 0 }
        next += 1
        return digits(&next, end, firstWorth: 100_000_000)
    }

    /// Decimal digits whose first is worth `firstWorth` nanoseconds, and each after it a tenth of the one before.
    @inline(__always)
    static func digits(_ next: inout Bytes, _ end: Bytes, firstWorth: Nanoseconds) -> Nanoseconds {
        var worth = firstWorth
        var sum: Nanoseconds = 0
        if end - next >= 8, firstWorth == 100_000_000 {
            let eight = EightBytes(next)
            sum = Nanoseconds(eight.leading) &* 10
            next += eight.digitCount
            guard eight.digitCount == 8 else { return sum }
            worth = 1
        }
        while next < end, next.isDigit(0) {
            sum &+= Nanoseconds(next[0] &- 0x30) &* worth
            worth /= 10
            next += 1
        }
        return sum
    }

    /// ZONE: nanoseconds east of UTC, or `noTime` where none stands at `next`.
    @inline(__always)
    static func zone(_ next: Bytes, _ end: Bytes) -> Nanoseconds {
        guard next < end else { return .noTime }
        switch next[0] {
        case 0x5A, 0x7A: return end - next == 1 || !next[1].isLetterOrDigit ? 0 : .noTime
        case 0x2B, 0x2D: return numericZone(next, end, hoursAlone: true)
        case 0x20: return end - next >= 4 ? spacedZone(next + 1, end) : .noTime
        default: return .noTime
        }
    }

    private static func spacedZone(_ next: Bytes, _ end: Bytes) -> Nanoseconds {
        switch (next[0], next[1], next[2]) {
        case (0x2B, _, _), (0x2D, _, _): numericZone(next, end, hoursAlone: false)
        case (0x55, 0x54, 0x43), (0x47, 0x4D, 0x54):
            end - next == 3 || !next[3].isLetterOrDigit ? 0 : .noTime
        default: .noTime
        }
    }

    /// `+hh:mm`, `+hhmm`, and `+hh` where `hoursAlone`.
    private static func numericZone(_ next: Bytes, _ end: Bytes, hoursAlone: Bool) -> Nanoseconds {
        guard end - next >= 3 else { return .noTime }
        let hours = next.twoDigits(1)
        var minutes = 0
        var length = 3
        if end - next >= 6, next[3] == 0x3A, next.isDigit(4) {
            (minutes, length) = (next.twoDigits(4), 6)
        } else if end - next >= 5, next.isDigit(3) {
            (minutes, length) = (next.twoDigits(3), 5)
        } else if !hoursAlone {
            return .noTime
        }
        guard 0...14 ~= hours, minutes >= 0, minutes < 60, minutes % 15 == 0,
            end - next == length || !next.isDigit(length)
        else { return .noTime }
        let east = Nanoseconds(hours * 60 + minutes) * .perMinute
        return next[0] == 0x2B ? east : -east
    }

    /// UNIX: an integer of 10, 13, 16 or 19 digits that counts seconds, ms, us or ns, and a fraction.
    @inline(__always)
    static func unix(_ start: Bytes, _ end: Bytes, secondsAlone: Bool = false) -> Nanoseconds {
        var next = start
        let value = integer(&next, end)
        var unit: Nanoseconds
        switch next - start {
        case 10: unit = .perSecond
        case 13 where !secondsAlone: unit = 1_000_000
        case 16 where !secondsAlone: unit = 1000
        case 19 where !secondsAlone: unit = 1
        default: return .noTime
        }
        guard let whole = Nanoseconds(exactly: value) else { return .noTime }
        let (time, overflow) = whole.multipliedReportingOverflow(by: unit)
        guard !overflow, time < .max - .perSecond else { return .noTime }
        var fraction: Nanoseconds = 0
        if end - next >= 2, next[0] == 0x2E, next.isDigit(1) {
            next += 1
            unit /= 10
            fraction = digits(&next, end, firstWorth: unit)
        }
        return next == end || endsNumber(next[0]) ? time + fraction : .noTime
    }

    /// The number that at most 20 digits make, modulo 2^64. Moves `next` past them.
    @inline(__always)
    private static func integer(_ next: inout Bytes, _ end: Bytes) -> UInt64 {
        let start = next
        var value: UInt64 = 0
        if end - next >= 8 {
            let eight = EightBytes(next)
            guard eight.digitCount == 8 else { return 0 }
            value = eight.leading
            next += 8
        }
        while next < end, next.isDigit(0), next - start < 20 {
            value = value &* 10 &+ UInt64(next[0] &- 0x30)
            next += 1
        }
        return value
    }

    @inline(__always)
    private static func endsNumber(_ byte: UInt8) -> Bool {
        !byte.isLetterOrDigit && byte != 0x2D && byte != 0x2E && byte != 0x2F && byte != 0x5F
    }
}

/// The decimal digits that 8 bytes begin with, without a branch.
struct EightBytes {
    private let values: UInt64
    /// 0 to 8.
    let digitCount: Int

    @inline(__always)
    init(_ bytes: Bytes) {
        values = UInt64(littleEndian: bytes.word(0)) ^ 0x3030_3030_3030_3030
        // The highest bit of each byte that is no digit; a carry disturbs only bytes after the first of these.
        let others = ((values &+ 0x7676_7676_7676_7676) | values) & 0x8080_8080_8080_8080
        digitCount = others.trailingZeroBitCount >> 3
    }

    /// The number that the digits make, filled up with zeroes to 8 of them.
    @inline(__always)
    var leading: UInt64 {
        let digits = values & ~(UInt64.max << UInt64(digitCount * 8))
        // Pairs, then fours, then all eight.
        let pairs = digits &* 10 &+ (digits >> 8)
        let even = (pairs & 0x0000_00FF_0000_00FF) &* 0x000F_4240_0000_0064
        let odd = ((pairs >> 16) & 0x0000_00FF_0000_00FF) &* 0x0000_2710_0000_0001
        return (even &+ odd) >> 32
    }
}

/// The minute that a prefix of at most 16 bytes names, as last worked out: most lines repeat it.
struct MinuteCache {
    private var first: UInt64 = 0
    private var second: UInt64 = 0
    /// The minute's start, as the line says it.
    private(set) var minute: Nanoseconds = .noTime
    /// What else a format remembers with the minute: its year, where its seconds begin.
    private(set) var extra = 0

    @inline(__always)
    func holds(_ first: UInt64, _ second: UInt64) -> Bool {
        first == self.first && second == self.second && minute != .noTime
    }

    mutating func keep(_ first: UInt64, _ second: UInt64, minute: Nanoseconds, extra: Int = 0) {
        (self.first, self.second, self.minute, self.extra) = (first, second, minute, extra)
    }
}
