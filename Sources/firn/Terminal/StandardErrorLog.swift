import ArchiveTypes
import Glibc
import Logging

/// Writes logs to standard error, one line each: time (UTC), level, what, and `key=value` in the order of the keys.
struct StandardErrorLog: LogHandler {
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var all = metadata.merging(metadataProvider?.get() ?? [:]) { _, new in new }
        all.merge(event.metadata ?? [:]) { _, new in new }
        let pairs = all.sorted { $0.key < $1.key }.map { " \($0.key)=\(Self.quoted("\($0.value)"))" }.joined()
        let time = CivilTime.rfc3339(Clock.now(), fractionDigits: 3)
        StandardError.write("\(time) \(event.level) \(HumanText.harmless("\(event.message)"))\(pairs)\n")
    }

    private static func quoted(_ value: String) -> String {
        let harmless = HumanText.harmless(value)
        return harmless.contains(" ") || harmless.isEmpty ? "\"\(harmless)\"" : harmless
    }
}
