import Glibc

/// The command line.
struct Options {
    static let usage = """
        usage: loggen --kind KIND --bytes N [--seed S] [--host H] [--start T] [--rate RECORDS/S]   to standard output
               loggen --mix --bytes N [--seed S] [--start T] --directory D          a fixed mix of kinds, one file a kind
               loggen --fleet [--hosts 50] --bytes N [--seed S] [--start T] --directory D      a day of JSON lines a host
        KIND: nginx json java syslog postgres klog hdfs python; N: 1000, 64KiB, 256MiB, 1GiB; T: 2025-03-14T09:26:53Z
        The same options give the same bytes.
        """

    enum Shape { case one, mix, fleet }

    var shape = Shape.one
    var kind: Kind?
    var bytes = 0
    var seed: UInt64 = 1
    var host = "web-01"
    /// 2025-03-14T00:00:00Z, in nanoseconds since 1970.
    var start: Int64 = 1_741_910_400_000_000_000
    var rate: Double?
    var hosts = 50
    var directory: String?

    init(_ arguments: [String]) {
        var rest = arguments[...]
        while let name = rest.popFirst() {
            switch name {
            case "--help", "-h":
                print(Options.usage)
                exit(0)
            case "--mix": shape = .mix
            case "--fleet": shape = .fleet
            default:
                guard let value = rest.popFirst() else {
                    fail("\(name) needs a value, or is not an option\n\(Options.usage)")
                }
                set(name, value)
            }
        }
        guard bytes > 0 else { fail("--bytes is missing\n\(Options.usage)") }
        guard shape == .one ? kind != nil : directory != nil else {
            fail("\(shape == .one ? "--kind" : "--directory") is missing\n\(Options.usage)")
        }
    }

    private mutating func set(_ name: String, _ value: String) {
        switch name {
        case "--kind":
            kind = Kind.all.first { $0.name == value }
            if kind == nil { fail("there is no kind \(value)\n\(Options.usage)") }
        case "--bytes": bytes = Options.size(value)
        case "--seed": seed = UInt64(value) ?? Options.wrong(name, value)
        case "--host": host = value
        case "--start": start = Options.time(value)
        case "--rate": rate = Double(value).flatMap { $0 > 0 ? $0 : nil } ?? Options.wrong(name, value)
        case "--hosts": hosts = Int(value).flatMap { $0 > 0 ? $0 : nil } ?? Options.wrong(name, value)
        case "--directory": directory = value
        default: fail("there is no option \(name)\n\(Options.usage)")
        }
    }

    private static func wrong<Value>(_ name: String, _ value: String) -> Value { fail("\(name) cannot be \(value)") }

    private static func size(_ text: String) -> Int {
        let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
        for (unit, factor) in units where text.hasSuffix(unit) {
            return (Int(text.dropLast(unit.count)) ?? wrong("--bytes", text)) * factor
        }
        return Int(text) ?? wrong("--bytes", text)
    }

    /// `YYYY-MM-DDThh:mm:ssZ`
    private static func time(_ text: String) -> Int64 {
        let numbers = text.split(whereSeparator: { !$0.isNumber }).map { Int32($0) ?? -1 }
        guard numbers.count == 6, text.hasSuffix("Z") else { return wrong("--start", text) }
        var parts = tm()
        (parts.tm_year, parts.tm_mon, parts.tm_mday) = (numbers[0] - 1900, numbers[1] - 1, numbers[2])
        (parts.tm_hour, parts.tm_min, parts.tm_sec) = (numbers[3], numbers[4], numbers[5])
        return Int64(timegm(&parts)) * 1_000_000_000
    }
}
