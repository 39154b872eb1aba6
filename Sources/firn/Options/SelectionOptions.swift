import ArchiveTypes
import ArgumentParser
import Configuration
import EventTime
import Patterns
import Retrieval

struct TimeOptions: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Lines from this time on: 2026-11-22T18:00:00Z, 2026-11-22, \"2026-11-22 18:00\", 18:00, -2h, now, Unix seconds.",
            valueName: "time"))
    var from: String?

    @Option(parsing: .unconditional, help: ArgumentHelp("Lines before this time, not included.", valueName: "time"))
    var to: String?

    @Option(help: ArgumentHelp("The time up to now: 90s, 15m, 2h, 7d, 1h30m.", valueName: "duration"))
    var last: String?

    @Flag(help: "Read and print times in UTC instead of the local zone.")
    var utc = false

    func validate() throws {
        guard last == nil || (from == nil && to == nil) else {
            throw ValidationError("--last excludes --from and --to; give one or the other")
        }
        _ = try range(now: Clock.now())
    }

    /// All times where none are given.
    func range(now: Nanoseconds) throws -> TimeRange {
        if let last {
            return TimeRange(from: now - (try OptionValue.parse("--last", last, DurationText.parse)), to: .max)
        }
        let range = TimeRange(from: try time("--from", from, now) ?? .min, to: try time("--to", to, now) ?? .max)
        guard range.from < range.to else {
            throw ValidationError("--from is not before --to; --from is included, --to is not")
        }
        return range
    }

    /// In which times are shown.
    var zone: TimeZoneRules { utc ? .utc : .local() }

    /// Seconds east of UTC in which a time is shown.
    func utcOffset(at time: Nanoseconds) -> Int { utc ? 0 : Clock.utcOffset(at: time) }

    private func time(_ option: String, _ text: String?, _ now: Nanoseconds) throws -> Nanoseconds? {
        guard let text else { return nil }
        return try OptionValue.parse(option, text) { (text) throws(InvalidValue) in
            try TimeExpression.parse(text, now: now, utcOffset: utcOffset)
        }
    }
}

/// `k=v`.
struct LabelArgument: ExpressibleByArgument {
    var pair: Labels.Pair

    init?(argument: String) {
        guard let equals = argument.firstIndex(of: "="), equals != argument.startIndex else { return nil }
        pair = Labels.Pair(
            key: String(argument[..<equals]), value: String(argument[argument.index(after: equals)...]))
    }
}

struct StreamOptions: ParsableArguments {
    @Option(
        name: .customLong("host"),
        help: ArgumentHelp("Hosts whose names fit, as in 'web-*'; repeatable.", valueName: "glob"))
    var hosts: [String] = []

    @Option(
        name: .customLong("source"),
        help: ArgumentHelp("Sources that fit, as in '/var/log/*'; repeatable. * passes / too.", valueName: "glob"))
    var sources: [String] = []

    @Option(
        name: .customLong("label"),
        help: ArgumentHelp("Lines with this label; repeatable, all must be there.", valueName: "k=v"))
    var labels: [LabelArgument] = []
}

struct TextOptions: ParsableArguments {
    @Option(
        name: .customLong("match"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Lines with this text in them; repeatable, all must occur.", valueName: "text"))
    var matches: [String] = []

    @Option(
        name: .customLong("exclude"), parsing: .unconditionalSingleValue,
        help: ArgumentHelp("Lines without this text; repeatable.", valueName: "text"))
    var exclusions: [String] = []

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Lines that this regular expression (PCRE) matches somewhere.", valueName: "re"))
    var regex: String?

    @Flag(help: "Select whole records: a line and its continuations, such as a stack trace.")
    var records = false

    func validate() throws { _ = try condition() }

    func condition() throws -> TextCondition {
        do {
            return TextCondition(
                match: matches.map { Array($0.utf8) }, exclude: exclusions.map { Array($0.utf8) },
                pattern: try regex.map { try LinePattern($0) })
        } catch {
            throw ValidationError("--regex: \(error)")
        }
    }
}
