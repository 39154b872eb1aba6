import ArchiveTypes

/// A zone as `TZ` describes it (POSIX.1-2024, 8.3), with the hours of RFC 9636, 3.3.1: `CET-1CEST,M3.5.0,M10.5.0/3`.
struct PosixZone {
    private let standard: Int32
    private var daylight: Daylight?

    private struct Daylight {
        var offset: Int32
        var start: Rule
        var end: Rule
    }

    /// A day of each year and seconds of local time after its midnight.
    private struct Rule {
        enum Day {
            /// `Jn`: 1 to 365, without February 29.
            case julian(Int)
            /// `n`: 0 to 365, with it.
            case ordinal(Int)
            /// `Mm.w.d`: the last such weekday for week 5.
            case weekday(month: Int, week: Int, day: Int)
        }
        var day: Day
        var seconds: Int
    }

    /// Nil for text that is not of this form, the empty one included.
    init?(_ text: [UInt8]) {
        var scanner = PosixZoneScanner(text)
        guard scanner.skipName(), let west = scanner.time(hours: 24) else { return nil }
        standard = Int32(-west)
        if scanner.isAtEnd { return }
        guard scanner.skipName() else { return nil }
        var offset = standard + 3600
        if scanner.next != UInt8(ascii: ","), !scanner.isAtEnd {
            guard let west = scanner.time(hours: 24) else { return nil }
            offset = Int32(-west)
        }
        // POSIX leaves the rules of a zone without any to the system; the usual ones are those of the United States.
        if scanner.isAtEnd { scanner = PosixZoneScanner(Array(",M3.2.0,M11.1.0".utf8)) }
        guard let start = Self.rule(&scanner), let end = Self.rule(&scanner), scanner.isAtEnd else { return nil }
        daylight = Daylight(offset: offset, start: start, end: end)
    }

    var rules: TimeZoneRules { TimeZoneRules(before: standard, changes: changes) }

    /// The changes of 1970 to 2200.
    var changes: [TimeZoneRules.Change] {
        guard let daylight else { return [] }
        let all = (1970...2200).flatMap { year in
            [
                TimeZoneRules.Change(
                    at: Self.seconds(daylight.start, year) - Int64(standard), offset: daylight.offset),
                TimeZoneRules.Change(
                    at: Self.seconds(daylight.end, year) - Int64(daylight.offset), offset: standard),
            ]
        }
        return all.sorted { $0.at < $1.at }
    }

    private static func rule(_ scanner: inout PosixZoneScanner) -> Rule? {
        guard scanner.skip(","), let day = self.day(&scanner) else { return nil }
        guard scanner.skip("/") else { return Rule(day: day, seconds: 2 * 3600) }
        return scanner.time(hours: 167).map { Rule(day: day, seconds: $0) }
    }

    private static func day(_ scanner: inout PosixZoneScanner) -> Rule.Day? {
        if scanner.skip("M") {
            guard let month = scanner.number(), 1...12 ~= month, scanner.skip("."), let week = scanner.number(),
                1...5 ~= week, scanner.skip("."), let day = scanner.number(), 0...6 ~= day
            else { return nil }
            return .weekday(month: month, week: week, day: day)
        }
        let julian = scanner.skip("J")
        guard let number = scanner.number(), (julian ? 1...365 : 0...365) ~= number else { return nil }
        return julian ? .julian(number) : .ordinal(number)
    }

    /// Local seconds since 1970 at which the rule takes hold in a year.
    private static func seconds(_ rule: Rule, _ year: Int) -> Int64 {
        let newYear = CivilTime.day(ofYear: year, month: 1, day: 1)
        let day: Int
        switch rule.day {
        case .ordinal(let number): day = newYear + number
        case .julian(let number):
            let leap = CivilTime.day(ofYear: year, month: 3, day: 1) - newYear == 60
            day = newYear + number - (leap && number >= 60 ? 0 : 1)
        case .weekday(let month, let week, let weekday):
            let first = CivilTime.day(ofYear: year, month: month, day: 1)
            let next = month == 12
                ? CivilTime.day(ofYear: year + 1, month: 1, day: 1) : CivilTime.day(ofYear: year, month: month + 1, day: 1)
            // 1970-01-01 was a Thursday.
            let distance = (weekday - (first + 4) % 7 + 7) % 7
            let wanted = first + distance + 7 * (week - 1)
            day = wanted < next ? wanted : wanted - 7
        }
        return Int64(day) * 86400 + Int64(rule.seconds)
    }
}

/// Reads the words of a POSIX zone.
private struct PosixZoneScanner {
    private let text: [UInt8]
    private var position = 0

    init(_ text: [UInt8]) { self.text = text }

    var isAtEnd: Bool { position >= text.count }
    var next: UInt8? { isAtEnd ? nil : text[position] }

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    /// Three letters or more, or anything in `<` and `>`.
    mutating func skipName() -> Bool {
        if skip("<") {
            while let byte = next, byte != UInt8(ascii: ">") { position += 1 }
            return skip(">")
        }
        let start = position
        while let byte = next, (byte | 0x20) &- 0x61 < 26 { position += 1 }
        return position - start >= 3
    }

    mutating func number() -> Int? {
        let start = position
        var value = 0
        while let byte = next, byte &- 0x30 < 10, position - start < 4 {
            value = value * 10 + Int(byte &- 0x30)
            position += 1
        }
        return position > start ? value : nil
    }

    /// `[+|-]hh[:mm[:ss]]` in seconds.
    mutating func time(hours limit: Int) -> Int? {
        let negative = skip("-")
        if !negative { _ = skip("+") }
        guard let hours = number(), hours <= limit else { return nil }
        var seconds = hours * 3600
        for unit in [60, 1] where skip(":") {
            guard let value = number(), value < 60 else { return nil }
            seconds += value * unit
        }
        return negative ? -seconds : seconds
    }
}
