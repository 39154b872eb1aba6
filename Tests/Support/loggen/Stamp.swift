/// How a kind of log writes its times.
enum StampStyle {
    /// `2025-03-14T09:26:53.589Z`
    case rfc3339
    /// `2025-03-14 09:26:53,589`
    case comma
    /// `2025-03-14 09:26:53.589 UTC`
    case postgres
    /// `14/Mar/2025:09:26:53 +0000`
    case commonLog
    /// `Mar 14 09:26:53`
    case syslog
    /// `0314 09:26:53.589793`
    case klog
    /// `250314 092653`
    case hdfs
}

/// Writes times in one style; the text of a second is made once.
struct Stamp {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    private let style: StampStyle
    private var second: Int64 = .min
    private var text: [UInt8] = []

    init(_ style: StampStyle) { self.style = style }

    /// `time` is in nanoseconds since 1970, UTC.
    mutating func append(_ time: Int64, to output: inout Output) {
        if time / 1_000_000_000 != second { setSecond(time / 1_000_000_000) }
        text.withUnsafeBufferPointer { if let base = $0.baseAddress { output.append(base, $0.count) } }
        let nanoseconds = UInt64(time - second * 1_000_000_000)
        switch style {
        case .rfc3339:
            output.append(decimal: nanoseconds / 1_000_000, digits: 3)
            output.append(UInt8(ascii: "Z"))
        case .comma: output.append(decimal: nanoseconds / 1_000_000, digits: 3)
        case .postgres:
            output.append(decimal: nanoseconds / 1_000_000, digits: 3)
            for byte in " UTC".utf8 { output.append(byte) }
        case .klog: output.append(decimal: nanoseconds / 1000, digits: 6)
        case .commonLog, .syslog, .hdfs: break
        }
    }

    private mutating func setSecond(_ value: Int64) {
        second = value
        let (year, month, day) = Stamp.date(ofDay: value / 86_400)
        let inDay = value % 86_400
        let (hour, minute, rest) = (Stamp.two(inDay / 3600), Stamp.two(inDay / 60 % 60), Stamp.two(inDay % 60))
        let dashed = "\(year)-\(Stamp.two(month))-\(Stamp.two(day))"
        let name = Stamp.months[Int(month) - 1]
        let whole =
            switch style {
            case .rfc3339: "\(dashed)T\(hour):\(minute):\(rest)."
            case .comma: "\(dashed) \(hour):\(minute):\(rest),"
            case .postgres: "\(dashed) \(hour):\(minute):\(rest)."
            case .commonLog: "\(Stamp.two(day))/\(name)/\(year):\(hour):\(minute):\(rest) +0000"
            case .syslog: "\(name) \(day < 10 ? " " : "")\(day) \(hour):\(minute):\(rest)"
            case .klog: "\(Stamp.two(month))\(Stamp.two(day)) \(hour):\(minute):\(rest)."
            case .hdfs: "\(Stamp.two(year % 100))\(Stamp.two(month))\(Stamp.two(day)) \(hour)\(minute)\(rest)"
            }
        text = Array(whole.utf8)
    }

    private static func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }

    /// The date of a day since 1970-01-01 (Howard Hinnant, `civil_from_days`), for days from 1970 on.
    private static func date(ofDay day: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = day + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }
}
