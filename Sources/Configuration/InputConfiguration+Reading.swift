import ArchiveTypes
import Patterns

extension InputConfiguration {
    private static let kinds = ["files", "syslog", "journal", "stdin"] + LaterFeatures.inputKinds

    static func list(reading root: inout SectionReader) -> [InputConfiguration] {
        let inputs = root.sections("inputs").compactMap(input)
        checkSources(inputs, root)
        return inputs
    }

    private static func input(_ section: SectionReader) -> InputConfiguration? {
        var section = section
        let mentioned = kinds.filter(section.mentions)
        if mentioned.count != 1, section.keysInFile.allSatisfy(kinds.contains) {
            let reason = mentioned.isEmpty ? "the input has no kind" : "the input has \(mentioned.count) kinds"
            section.report(nil, InvalidValue(reason, hint: "write one of \(kinds.joined(separator: ", "))"))
        }
        let inputs = mentioned.compactMap { input($0, &section) }
        section.finish(alsoKnown: kinds)
        return inputs.first
    }

    private static func input(_ kind: String, _ section: inout SectionReader) -> InputConfiguration? {
        switch kind {
        case "files": return .files(FilesInput(reading: section.section(kind)))
        case "syslog": return SyslogInput(reading: section.section(kind)).map(InputConfiguration.syslog)
        case "journal": return .journal(JournalInput(reading: section.section(kind)))
        case "stdin": return .stdin(StandardInput(reading: section.section(kind)))
        default:
            LaterFeatures.input(kind, reading: &section)
            return nil
        }
    }
}

extension FilesInput {
    init(reading section: SectionReader) {
        var section = section
        include = section.scalars("include", Self.includePattern).map(\.value)
        if include.isEmpty, !section.mentions("include") {
            section.report(nil, InvalidValue("include is missing", hint: "write include: [\"/var/log/**/*.log\"]"))
        }
        exclude = section.scalars("exclude", Self.pattern).map(\.value)
        labels = Self.labels(&section)
        timezone = section.timeZone()
        start = section.scalar("start", default: .beginning, Self.start)
        ignoreOlder = section.scalar("ignore_older", DurationText.parse)?.value
        drop = section.scalars("drop", Self.expression).map(\.value)
        format = section.scalar("format", default: .auto, Self.format)
        redact = section.sections("redact").compactMap(Redaction.init)
        section.finish()
    }

    fileprivate static func expression(_ text: String) throws(InvalidValue) -> String {
        guard !text.isEmpty else { throw InvalidValue("an empty expression matches every line") }
        do throws(PatternError) { _ = try LinePattern(text) } catch { throw InvalidValue("\(error)") }
        return text
    }

    private static func pattern(_ text: String) throws(InvalidValue) -> String {
        guard !text.isEmpty, !text.utf8.contains(0) else { throw InvalidValue("the pattern is empty") }
        return text
    }

    private static func includePattern(_ text: String) throws(InvalidValue) -> String {
        guard try pattern(text).hasPrefix("/") else {
            throw InvalidValue(
                "\(text.quoted) is not an absolute path", hint: "begin it with /, as in /var/log/**/*.log")
        }
        return text
    }

    private static func start(_ text: String) throws(InvalidValue) -> Start {
        guard let start = Start(rawValue: text) else {
            throw InvalidValue("\(text.quoted) is not a place to start", hint: "write beginning or end")
        }
        return start
    }

    private static func format(_ text: String) throws(InvalidValue) -> Format {
        guard let format = Format(rawValue: text) else {
            throw InvalidValue(
                "\(text.quoted) is not a format of lines", hint: "write auto, plain, cri (Kubernetes) or docker")
        }
        return format
    }

    static func labels(_ section: inout SectionReader) -> Labels {
        let texts = section.texts("labels")
        guard let labels = Labels(texts.map { (key: $0.key, value: $0.value) }) else {
            section.report(
                "labels",
                InvalidValue(
                    "too many or too long labels",
                    hint: "at most \(Limits.labels), of \(Limits.labelBytes) bytes a key or value"))
            return .none
        }
        return labels
    }
}

extension FilesInput.Redaction {
    fileprivate init?(reading section: SectionReader) {
        var section = section
        let pattern = section.scalar("pattern", FilesInput.expression)?.value
        mask = section.scalar("with", default: "***") { (text) throws(InvalidValue) in
            guard !text.isEmpty else { throw InvalidValue("there is nothing to mask with", hint: "write ***") }
            return text
        }
        if pattern == nil, !section.mentions("pattern") {
            section.report(
                nil, InvalidValue("pattern is missing", hint: "write {pattern: \"password=\\\\S+\", with: \"***\"}"))
        }
        section.finish()
        guard let pattern else { return nil }
        self.pattern = pattern
    }
}

/// Names of time zones.
package enum TimeZoneName {
    /// An IANA name that `isKnown`, `UTC`, or `+HH:MM`.
    package static func parse(_ text: String, isKnown: (String) -> Bool) throws(InvalidValue) -> String {
        var scanner = TextScanner(text)
        if scanner.utcOffset() != nil, scanner.isAtEnd { return text }
        let isName = text.utf8.allSatisfy {
            PercentEncoding.isUnreserved($0) || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "+")
        }
        guard !text.isEmpty, isName, !text.contains(".."), text.first != "/", text == "UTC" || isKnown(text) else {
            throw InvalidValue(
                "\(text.quoted) is not a known time zone", hint: "write one like Europe/Paris, UTC or +01:00")
        }
        return text
    }
}
