/// Nanoseconds since 1970-01-01T00:00:00Z, without leap seconds. 64 bits reach from 1677 to 2262.
package typealias Nanoseconds = Int64

extension Nanoseconds {
    package static let perSecond: Nanoseconds = 1_000_000_000
    package static let perMinute: Nanoseconds = 60 * perSecond
    package static let perHour: Nanoseconds = 3600 * perSecond
    package static let perDay: Nanoseconds = 24 * perHour
}

/// Times from `from` (included) to `to` (not included).
package struct TimeRange: Sendable, Hashable {
    package var from: Nanoseconds
    package var to: Nanoseconds

    package init(from: Nanoseconds, to: Nanoseconds) {
        self.from = from
        self.to = to
    }

    /// All times that there are. `Int64.max` itself is not a time that any line can have.
    package static let all = TimeRange(from: .min, to: .max)

    package func contains(_ time: Nanoseconds) -> Bool { from <= time && time < to }

    /// Whether a block whose lines lie from `least` to `greatest` (both included) can hold a line of this range.
    package func overlaps(least: Nanoseconds, greatest: Nanoseconds) -> Bool { least < to && greatest >= from }
}

/// A date and time of day in the proleptic Gregorian calendar, UTC.
package struct CivilTime: Sendable, Hashable {
    package var year: Int
    package var month: Int
    package var day: Int
    package var hour: Int
    package var minute: Int
    package var second: Int
    package var nanosecond: Int

    package init(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0, nanosecond: Int = 0)
    {
        self.year = year
        self.month = month
        self.day = day
        self.hour = hour
        self.minute = minute
        self.second = second
        self.nanosecond = nanosecond
    }

    package init(_ time: Nanoseconds) {
        let (days, rest) = time.flooredDivision(by: .perDay)
        (year, month, day) = Self.date(ofDay: Int(days))
        let seconds = Int(rest / .perSecond)
        hour = seconds / 3600
        minute = seconds / 60 % 60
        second = seconds % 60
        nanosecond = Int(rest % .perSecond)
    }

    /// Wraps on years that 64 bits of nanoseconds cannot reach: callers bound the year first.
    package var nanoseconds: Nanoseconds {
        let seconds = Self.day(ofYear: year, month: month, day: day) &* 86400 &+ hour &* 3600 &+ minute &* 60 &+ second
        return Int64(seconds) &* .perSecond &+ Int64(nanosecond)
    }

    /// Days since 1970-01-01 (Howard Hinnant, "chrono-compatible low-level date algorithms", days_from_civil).
    package static func day(ofYear year: Int, month: Int, day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719468
    }

    /// The inverse of `day(ofYear:month:day:)` (civil_from_days of the same source).
    package static func date(ofDay day: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = day + 719468
        let era = (shifted >= 0 ? shifted : shifted - 146096) / 146097
        let dayOfEra = shifted - era * 146097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    /// Reads exactly `YYYY-MM-DDTHH:MM:SS.NNNNNNNNNZ`, the form of `rfc3339(_:)` that manifests use.
    package init?(rfc3339Nanoseconds text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 30 else { return nil }
        let punctuation: [(Int, Character)] = [
            (4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":"), (19, "."), (29, "Z"),
        ]
        guard punctuation.allSatisfy({ bytes[$0.0] == $0.1.asciiValue }) else { return nil }
        func value(_ range: Range<Int>) -> Int? {
            range.reduce(Int?.some(0)) { sum, index in
                guard let sum, 0x30...0x39 ~= bytes[index] else { return nil }
                return sum * 10 + Int(bytes[index] - 0x30)
            }
        }
        guard let year = value(0..<4), let month = value(5..<7), let day = value(8..<10), let hour = value(11..<13),
            let minute = value(14..<16), let second = value(17..<19), let nanosecond = value(20..<29),
            1677...2262 ~= year, 1...12 ~= month, 1...31 ~= day, hour < 24, minute < 60, second < 60
        else { return nil }
        self.init(
            year: year, month: month, day: day, hour: hour, minute: minute, second: second, nanosecond: nanosecond)
        // Neither a February 30th nor what 64 bits of nanoseconds cannot reach.
        guard CivilTime(nanoseconds) == self else { return nil }
    }

    /// RFC 3339 with `fractionDigits` (0 to 9) and the given offset from UTC in seconds, `Z` for 0.
    package static func rfc3339(_ time: Nanoseconds, fractionDigits: Int = 9, offset: Int = 0) -> String {
        let civil = CivilTime(time &+ Int64(offset) &* .perSecond)
        var text = "\(pad(civil.year, 4))-\(pad(civil.month, 2))-\(pad(civil.day, 2))T"
        text += "\(pad(civil.hour, 2)):\(pad(civil.minute, 2)):\(pad(civil.second, 2))"
        if fractionDigits > 0 { text += "." + pad(civil.nanosecond, 9).prefix(fractionDigits) }
        guard offset != 0 else { return text + "Z" }
        let minutes = abs(offset) / 60
        return text + (offset < 0 ? "-" : "+") + pad(minutes / 60, 2) + ":" + pad(minutes % 60, 2)
    }

    private static func pad(_ value: Int, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}

extension FixedWidthInteger {
    /// Quotient rounded towards minus infinity, and the remainder, which is never negative. `divisor` is positive.
    package func flooredDivision(by divisor: Self) -> (quotient: Self, remainder: Self) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}

/// An hour of UTC, as object keys name it: `YYYY-MM-DD/HH`.
package struct Hour: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Hours since 1970-01-01T00Z.
    package var number: Int

    package init(number: Int) { self.number = number }

    package init(containing time: Nanoseconds) { number = Int(time.flooredDivision(by: .perHour).quotient) }

    /// The years whose every hour has its nanoseconds in 64 bits.
    package static let years = 1678...2261

    /// Reads `YYYY-MM-DD/HH` of one of `years`; nil for anything else.
    package init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        guard bytes.count == 13, bytes[4] == 0x2D, bytes[7] == 0x2D, bytes[10] == 0x2F else { return nil }
        func value(_ range: Range<Int>) -> Int? {
            range.reduce(Int?.some(0)) { sum, index in
                guard let sum, 0x30...0x39 ~= bytes[index] else { return nil }
                return sum * 10 + Int(bytes[index] - 0x30)
            }
        }
        guard let year = value(0..<4), let month = value(5..<7), let day = value(8..<10), let hour = value(11..<13),
            Self.years ~= year, 1...12 ~= month, 1...31 ~= day, hour < 24
        else { return nil }
        number = CivilTime.day(ofYear: year, month: month, day: day) * 24 + hour
        guard description == text else { return nil }
    }

    package var description: String {
        let text = CivilTime.rfc3339(start, fractionDigits: 0)
        return text.prefix(10) + "/" + text.dropFirst(11).prefix(2)
    }

    package var start: Nanoseconds { Int64(number) * .perHour }
    package var end: Nanoseconds { start + .perHour }

    package static func < (left: Hour, right: Hour) -> Bool { left.number < right.number }
}
