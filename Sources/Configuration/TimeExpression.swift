package import ArchiveTypes

/// Points in time as people type them: RFC 3339, `2026-11-22`, `2026-11-22 18:00`, `18:00` (today), `-2h` (before now),
/// `now`, `today`, `yesterday`, Unix seconds.
package enum TimeExpression {
    /// - Parameters:
    ///   - now: the current time.
    ///   - utcOffset: seconds east of UTC that the local zone has at a point in time; times without a zone are local.
    /// - Returns: of a local time that occurs twice (clocks set back) the first; of one that never occurs (clocks set
    ///   forward) the time that the clock showed instead.
    package static func parse(
        _ text: String, now: Nanoseconds, utcOffset: @escaping (Nanoseconds) -> Int
    ) throws(InvalidValue) -> Nanoseconds {
        let zone = LocalZone(utcOffset: utcOffset)
        switch text {
        case "now": return now
        case "today": return zone.instant(of: zone.date(of: now))
        case "yesterday": return zone.instant(of: zone.date(of: now) - .perDay)
        default: break
        }
        if text.first == "-" { return try before(now, text) }
        if let seconds = try unixSeconds(text) { return seconds }
        return try calendarTime(text, today: zone.date(of: now), zone: zone)
    }

    private static func before(_ now: Nanoseconds, _ text: String) throws(InvalidValue) -> Nanoseconds {
        let (time, overflow) = now.subtractingReportingOverflow(try DurationText.parse(String(text.dropFirst())))
        guard !overflow else { throw InvalidValue("\(text.quoted) lies before all times there are") }
        return time
    }

    /// Nil where `text` is not a plain number.
    private static func unixSeconds(_ text: String) throws(InvalidValue) -> Nanoseconds? {
        var scanner = TextScanner(text)
        guard let digits = scanner.digits(atLeast: 1) else { return nil }
        let fraction = scanner.fraction() ?? 0
        guard scanner.isAtEnd else { return nil }
        if digits.count == 8, let date = datedDigits(digits) {
            throw InvalidValue("\(text.quoted) could be a date or Unix seconds", hint: "write \(date)")
        }
        guard let seconds = multiply(digits, by: .perSecond),
            case let (time, false) = seconds.addingReportingOverflow(fraction)
        else {
            throw InvalidValue("\(text.quoted) is too large for Unix seconds", hint: "leave out milliseconds and less")
        }
        return time
    }

    /// `20261122` as `2026-11-22`, where that is a date of this century or the last.
    private static func datedDigits(_ digits: Substring) -> String? {
        let text = "\(digits.prefix(4))-\(digits.dropFirst(4).prefix(2))-\(digits.suffix(2))"
        var scanner = TextScanner(text)
        guard let date = scanner.date(), 1900...2100 ~= CivilTime(date).year else { return nil }
        return text
    }

    private static func calendarTime(
        _ text: String, today: Nanoseconds, zone: LocalZone
    ) throws(InvalidValue) -> Nanoseconds {
        var scanner = TextScanner(text)
        if let time = scanner.timeOfDay() {
            guard scanner.isAtEnd else { throw notATime(text) }
            return zone.instant(of: today + time)
        }
        guard let date = scanner.date() else { throw notATime(text) }
        if scanner.isAtEnd { return zone.instant(of: date) }
        guard scanner.take("T") || scanner.take("t") || scanner.take(" "), let time = scanner.timeOfDay() else {
            throw notATime(text)
        }
        if scanner.isAtEnd { return zone.instant(of: date + time) }
        guard let offset = scanner.utcOffset(), scanner.isAtEnd else { throw notATime(text) }
        return date + time - Int64(offset) * .perSecond
    }

    private static func notATime(_ text: String) -> InvalidValue {
        InvalidValue(
            "\(text.quoted) is not a time",
            hint: DurationText.isDuration(text)
                ? "did you mean -\(text), before now?"
                : "write 2026-11-22T18:00:00Z, 2026-11-22, \"2026-11-22 18:00\", 18:00, -2h, now or Unix seconds")
    }
}

/// Local times by a function that gives a zone's offset at points in time.
private struct LocalZone {
    var utcOffset: (Nanoseconds) -> Int

    private func offset(at time: Nanoseconds) -> Nanoseconds { Int64(utcOffset(time)) * .perSecond }

    /// Midnight of the local date at `time`, as if local time were UTC.
    func date(of time: Nanoseconds) -> Nanoseconds {
        (time + offset(at: time)).flooredDivision(by: .perDay).quotient * .perDay
    }

    /// The point in time at which clocks show `local` (given as if local time were UTC).
    func instant(of local: Nanoseconds) -> Nanoseconds {
        let before = offset(at: local - .perDay)
        let after = offset(at: local + .perDay)
        let (first, second) = (local - before, local - after)
        if offset(at: first) == before { return offset(at: second) == after ? min(first, second) : first }
        return offset(at: second) == after ? second : first
    }
}
