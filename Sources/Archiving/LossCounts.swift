/// What could not be archived since the agent began, in all and by source.
package struct LossCounts: Sendable, Hashable {
    package struct Count: Codable, Sendable, Hashable {
        /// Gap blocks.
        package var gaps: UInt64 = 0
        /// Bytes, of those of which it is known how many they were.
        package var bytes: UInt64 = 0

        package init() {}

        fileprivate mutating func add(bytes: UInt64?) {
            gaps += 1
            self.bytes += bytes ?? 0
        }
    }

    package private(set) var total = Count()
    package private(set) var bySource: [String: Count] = [:]

    /// Sources that are counted by name; the archive's gap blocks name all of them.
    private static let mostSources = 1024

    package init() {}

    mutating func add(_ source: String, bytes: UInt64?) {
        total.add(bytes: bytes)
        guard bySource.count < Self.mostSources || bySource[source] != nil else { return }
        bySource[source, default: Count()].add(bytes: bytes)
    }
}
