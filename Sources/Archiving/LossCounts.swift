/// What was not archived as it was since the agent began, in all and by source.
package struct LossCounts: Sendable, Hashable {
    package struct Count: Codable, Sendable, Hashable {
        /// Gap blocks.
        package var gaps: UInt64 = 0
        /// Bytes, of those of which it is known how many they were.
        package var bytes: UInt64 = 0
        /// Lines and bytes that rules left out, and lines that they masked something in.
        package var droppedLines: UInt64 = 0
        package var droppedBytes: UInt64 = 0
        package var redactedLines: UInt64 = 0
        /// The gaps by their reason.
        package var reasons: [String: Gaps] = [:]

        package struct Gaps: Codable, Sendable, Hashable {
            package var gaps: UInt64 = 0
            package var bytes: UInt64 = 0
        }

        /// Reasons that are told apart: more are counted together.
        private static let mostReasons = 16

        package init() {}

        fileprivate mutating func add(bytes: UInt64?, _ reason: String) {
            gaps += 1
            self.bytes += bytes ?? 0
            let name = reasons.count < Self.mostReasons || reasons[reason] != nil ? reason : "other"
            reasons[name, default: Gaps()].gaps += 1
            reasons[name, default: Gaps()].bytes += bytes ?? 0
        }
    }

    package private(set) var total = Count()
    package private(set) var bySource: [String: Count] = [:]

    /// Sources that are counted by name; the archive's gap blocks name all of them.
    private static let mostSources = 1024

    package init() {}

    mutating func add(_ source: String, bytes: UInt64?, reason: String) {
        update(source) { $0.add(bytes: bytes, reason) }
    }

    mutating func add(_ source: String, _ outcome: LineRuler.Outcome) {
        guard outcome.dropped.lines > 0 || outcome.redactedLines > 0 else { return }
        update(source) { count in
            count.droppedLines += outcome.dropped.lines
            count.droppedBytes += outcome.dropped.bytes
            count.redactedLines += outcome.redactedLines
        }
    }

    private mutating func update(_ source: String, _ change: (inout Count) -> Void) {
        change(&total)
        guard bySource.count < Self.mostSources || bySource[source] != nil else { return }
        change(&bySource[source, default: Count()])
    }
}
