import ArchiveTypes

/// Reads the pieces of dates and times from the front of a text. What does not match leaves the scanner where it was.
struct TextScanner {
    private var rest: Substring

    init(_ text: String) { rest = text[...] }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func take(_ character: Character) -> Bool {
        guard rest.first == character else { return false }
        rest.removeFirst()
        return true
    }

    /// All ASCII digits that come next, where they are enough.
    mutating func digits(atLeast count: Int) -> Substring? {
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        guard digits.count >= count else { return nil }
        rest.removeFirst(digits.count)
        return digits
    }

    /// A number of exactly `count` digits within `range`.
    private mutating func number(_ count: Int, _ range: ClosedRange<Int>) -> Int? {
        let digits = rest.prefix(count)
        guard digits.count == count, digits.allSatisfy({ $0.isASCII && $0.isNumber }), let value = Int(digits),
            range ~= value
        else { return nil }
        rest.removeFirst(count)
        return value
    }

    /// `.` or `,` and up to 9 digits, in nanoseconds.
    mutating func fraction() -> Nanoseconds? {
        var ahead = self
        guard ahead.take(".") || ahead.take(","), let digits = ahead.digits(atLeast: 1), digits.count <= 9,
            let value = Int64(digits + String(repeating: "0", count: 9 - digits.count))
        else { return nil }
        self = ahead
        return value
    }

    /// `YYYY-MM-DD`, as its midnight in UTC; years that 64 bits of nanoseconds hold with room.
    mutating func date() -> Nanoseconds? {
        var ahead = self
        guard let year = ahead.number(4, 1678...2261), ahead.take("-"), let month = ahead.number(2, 1...12),
            ahead.take("-"), let day = ahead.number(2, 1...31)
        else { return nil }
        let midnight = CivilTime(year: year, month: month, day: day).nanoseconds
        guard CivilTime(midnight).day == day else { return nil }
        self = ahead
        return midnight
    }

    /// `HH:MM[:SS[.fraction]]`, since midnight. A leap second counts as the second after it.
    mutating func timeOfDay() -> Nanoseconds? {
        var ahead = self
        guard let hour = ahead.number(2, 0...23), ahead.take(":"), let minute = ahead.number(2, 0...59) else {
            return nil
        }
        var time = Int64(hour) * .perHour + Int64(minute) * .perMinute
        if ahead.take(":") {
            guard let second = ahead.number(2, 0...60) else { return nil }
            time += Int64(second) * .perSecond + (ahead.fraction() ?? 0)
        }
        self = ahead
        return time
    }

    /// `Z` or `+HH:MM`, in seconds east of UTC.
    mutating func utcOffset() -> Int? {
        if take("Z") || take("z") { return 0 }
        var ahead = self
        let isWest = ahead.take("-")
        guard isWest || ahead.take("+"), let hours = ahead.number(2, 0...23), ahead.take(":"),
            let minutes = ahead.number(2, 0...59)
        else { return nil }
        self = ahead
        return (hours * 3600 + minutes * 60) * (isWest ? -1 : 1)
    }
}
