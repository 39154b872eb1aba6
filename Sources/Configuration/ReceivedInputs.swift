package import ArchiveTypes

/// Syslog messages that come to an address. Their host is their own, and their source is the same for all of them.
package struct SyslogInput: Sendable, Hashable {
    package var listen: SyslogAddress
    /// What streams are called.
    package var source: String
    package var labels: Labels
    /// The zone of times that name none; nil: the machine's.
    package var timezone: String?
    /// Longer messages become several lines.
    package var messageBytes: Int
    /// More are closed at once.
    package var maxConnections: Int
    /// PEM files, for TLS.
    package var certificate: String?
    package var key: String?
    /// Who signs the certificates that clients must have; nil: they need none.
    package var clientCA: String?
}

/// The entries of this machine's journal, each a line of JSON.
package struct JournalInput: Sendable, Hashable {
    /// Only those of these units; none: all.
    package var units: [String]
    /// Of the journal in this directory instead of the machine's own.
    package var directory: String?
    package var source: String
    package var labels: Labels
}

/// What comes to the agent's standard input.
package struct StandardInput: Sendable, Hashable {
    package var source: String
    package var labels: Labels
    package var timezone: String?
}

extension InputConfiguration {
    /// Inputs of one source share what belongs to it; where they would not, nobody could tell their lines apart.
    static func checkSources(_ inputs: [InputConfiguration], _ root: SectionReader) {
        var seen: [String: InputConfiguration] = [:]
        for input in inputs {
            guard let source = input.source else { continue }
            if let other = seen[source], !input.mayShareSource(with: other) {
                root.report(
                    "inputs",
                    InvalidValue(
                        "two inputs have the source \(source.quoted), with other labels or of another kind",
                        hint: "give one of them another source"))
            }
            seen[source] = input
        }
    }

    private var source: String? {
        switch self {
        case .files: nil
        case .syslog(let input): input.source
        case .journal(let input): input.source
        case .stdin(let input): input.source
        }
    }

    private func mayShareSource(with other: InputConfiguration) -> Bool {
        guard case .syslog(let one) = self, case .syslog(let two) = other else { return false }
        return one.labels == two.labels && one.timezone == two.timezone
    }
}

extension SyslogInput {
    init?(reading section: SectionReader) {
        var section = section
        let listen = section.scalar("listen", SyslogAddress.parse)
        if listen == nil, !section.mentions("listen") {
            section.report(
                nil, InvalidValue("listen is missing", hint: "write listen: \"tcp://127.0.0.1:5514\""))
        }
        source = section.source(default: "syslog")
        labels = FilesInput.labels(&section)
        timezone = section.timeZone()
        messageBytes = section.scalar("message_bytes", default: 32 << 10) { (text) throws(InvalidValue) in
            let bytes = try ByteSize.parse(text)
            guard 480...1 << 20 ~= bytes else {
                throw InvalidValue("\(text) is out of range", hint: "write a size from 480 to 1MiB")
            }
            return bytes
        }
        maxConnections = section.scalar("max_connections", default: 512) { (text) throws(InvalidValue) in
            try WholeNumber.parse(text, 1...65_536)
        }
        certificate = section.scalar("certificate", Self.file)?.value
        key = section.scalar("key", Self.file)?.value
        clientCA = section.scalar("client_ca", Self.file)?.value
        if case .tls = listen?.value, !section.mentions("certificate") || !section.mentions("key") {
            section.report(
                nil, InvalidValue("certificate or key is missing", hint: "name PEM files with certificate: and key:"))
        }
        section.finish()
        guard let listen else { return nil }
        self.listen = listen.value
    }

    private static func file(_ text: String) throws(InvalidValue) -> String {
        try DirectoryPath.normalized(text, relativeTo: nil)
    }
}

extension JournalInput {
    init(reading section: SectionReader) {
        var section = section
        units = section.scalars("units") { (text) throws(InvalidValue) in
            guard !text.isEmpty, text.first != "-" else { throw InvalidValue("\(text.quoted) is no unit") }
            return text
        }.map(\.value)
        directory =
            section.scalar("directory") { (text) throws(InvalidValue) in
                try DirectoryPath.normalized(text, relativeTo: nil)
            }?.value
        source = section.source(default: "journal")
        labels = FilesInput.labels(&section)
        section.finish()
    }
}

extension StandardInput {
    init(reading section: SectionReader) {
        var section = section
        source = section.source(default: "stdin")
        labels = FilesInput.labels(&section)
        timezone = section.timeZone()
        section.finish()
    }
}

extension SectionReader {
    mutating func source(default name: String) -> String {
        scalar("source", default: name) { (text) throws(InvalidValue) in
            guard 1...Limits.sourceBytes ~= text.utf8.count, !text.utf8.contains(0) else {
                throw InvalidValue("\(text.quoted) is no name of a source", hint: "write a word, as in source: \(name)")
            }
            return text
        }
    }

    mutating func timeZone() -> String? {
        let knowsTimeZone = reader.surroundings.knowsTimeZone
        return scalar("timezone") { (text) throws(InvalidValue) in
            try TimeZoneName.parse(text, isKnown: knowsTimeZone)
        }?.value
    }
}
