import ArchiveTypes
import EventTime

/// Writes RFC 3339 times quickly: the text up to the minute is kept from one time to the next.
struct TimeText {
    private let zone: TimeZoneRules
    private let fractionDigits: Int
    private var minute: Nanoseconds = .min
    /// `YYYY-MM-DDTHH:MM:` and after the fraction `Z` or an offset; the parts between are written each time.
    private(set) var bytes: [UInt8] = []
    private static let secondsAt = 17

    init(zone: TimeZoneRules, fractionDigits: Int) {
        self.zone = zone
        self.fractionDigits = fractionDigits
    }

    /// Makes `bytes` the text of `time`.
    mutating func set(_ time: Nanoseconds) {
        let (newMinute, rest) = time.flooredDivision(by: .perMinute)
        if newMinute != minute {
            let offset = Int(zone.utcOffset(at: newMinute &* .perMinute))
            let text = CivilTime.rfc3339(newMinute &* .perMinute, fractionDigits: fractionDigits, offset: offset)
            bytes = Array(text.utf8)
            minute = newMinute
        }
        let (seconds, fraction) = Int(rest).quotientAndRemainder(dividingBy: Int(Nanoseconds.perSecond))
        bytes[Self.secondsAt] = UInt8(ascii: "0") + UInt8(seconds / 10)
        bytes[Self.secondsAt + 1] = UInt8(ascii: "0") + UInt8(seconds % 10)
        setFraction(fraction)
    }

    private mutating func setFraction(_ nanoseconds: Int) {
        var rest = nanoseconds
        for digit in stride(from: 8, through: 0, by: -1) {
            if digit < fractionDigits { bytes[Self.secondsAt + 3 + digit] = UInt8(ascii: "0") + UInt8(rest % 10) }
            rest /= 10
        }
    }
}
