package import ArchiveTypes

package struct HostSummary: Sendable, Hashable {
    package var host: String
    package var sources: Int
    package var summary: Summary
}

package struct SourceSummary: Sendable, Hashable {
    package var stream: StreamID
    package var generations: Int
    package var summary: Summary
}

package struct ChunkSummary: Sendable, Hashable {
    /// The chunk's key.
    package var chunk: String
    package var streams: Int
    package var summary: Summary
}

/// Summaries with what the index could not tell.
package struct Summaries<Item: Sendable>: Sendable {
    /// In the order of their names.
    package var items: [Item]
    package var shortfall: Shortfall
    package var warnings: [String]
}
