package import ArchiveTypes

/// Durations with units: `5s`, `90s`, `5m`, `2h`, `30d`, `1w`, and combinations from large to small, `1h30m`.
package enum DurationText {
    private static let units = [
        Unit(name: "w", factor: 7 * .perDay), Unit(name: "d", factor: .perDay), Unit(name: "h", factor: .perHour),
        Unit(name: "m", factor: .perMinute), Unit(name: "s", factor: .perSecond), Unit(name: "ms", factor: 1_000_000),
        Unit(name: "us", factor: 1000), Unit(name: "ns", factor: 1),
    ]

    /// Nanoseconds, never negative.
    package static func parse(_ text: String) throws(InvalidValue) -> Nanoseconds {
        var rest = text[...]
        var sum: Nanoseconds = 0
        var lastFactor = Nanoseconds.max
        repeat {
            guard let (digits, name, after) = splitNumber(rest) else { throw notADuration(text) }
            let unit = try unit(name, after: digits, in: text)
            guard unit.factor < lastFactor else { throw notADuration(text) }
            guard let part = multiply(digits, by: unit.factor),
                case let (total, false) = sum.addingReportingOverflow(part)
            else { throw InvalidValue("\(text.quoted) is longer than 292 years") }
            (sum, lastFactor, rest) = (total, unit.factor, after)
        } while !rest.isEmpty
        return sum
    }

    static func isDuration(_ text: String) -> Bool {
        do {
            _ = try parse(text)
            return true
        } catch {
            return false
        }
    }

    /// A text that `parse` reads as exactly `duration`, which is not negative; days are its largest unit.
    package static func text(_ duration: Nanoseconds) -> String {
        guard duration > 0 else { return "0s" }
        var rest = duration
        return units.dropFirst().reduce(into: "") { text, unit in
            let (count, remainder) = rest.quotientAndRemainder(dividingBy: unit.factor)
            if count > 0 { text += "\(count)\(unit.name)" }
            rest = remainder
        }
    }

    private static func unit(
        _ name: Substring, after digits: Substring, in text: String
    ) throws(InvalidValue) -> Unit {
        guard !name.isEmpty else {
            throw InvalidValue(
                "\(text.quoted) has no unit", hint: "write \(digits)s, \(digits)m, \(digits)h or \(digits)d")
        }
        guard let unit = units.first(where: { $0.name == name }) else {
            throw InvalidValue(
                "\(String(name).quoted) is not a unit of time", hint: "units are ms, s, m, h, d and w, as in 1h30m")
        }
        return unit
    }

    private static func notADuration(_ text: String) -> InvalidValue {
        InvalidValue("\(text.quoted) is not a duration", hint: "write whole numbers and units, as in 90s or 1h30m")
    }
}
