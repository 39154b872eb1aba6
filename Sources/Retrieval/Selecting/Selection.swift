package import ArchiveTypes
import ChunkFormat
package import Patterns

/// Which lines a question is about. All conditions must hold.
package struct Selection: Sendable {
    package var range: TimeRange
    /// One of these must fit the host; none: every host.
    package var hosts: [Glob]
    /// As `hosts`, for the source.
    package var sources: [Glob]
    package var labels: [Labels.Pair]
    package var generation: Generation?
    package var text: TextCondition
    /// Select whole records by `text`: a line and the lines after it that have no time of their own. A record is
    /// selected when a line of it matches and none of its lines holds a text of `exclude`.
    package var wholeRecords: Bool

    package init(
        range: TimeRange = .all, hosts: [Glob] = [], sources: [Glob] = [], labels: [Labels.Pair] = [],
        generation: Generation? = nil, text: TextCondition = .none, wholeRecords: Bool = false
    ) {
        self.range = range
        self.hosts = hosts
        self.sources = sources
        self.labels = labels
        self.generation = generation
        self.text = text
        self.wholeRecords = wholeRecords
    }

    /// What the index is asked.
    func query(_ kinds: Set<BlockKind>) -> BlockQuery {
        BlockQuery(
            times: range, hosts: hosts, sources: sources, labels: labels, generation: generation, kinds: kinds)
    }
}

/// What the bytes of a line, without its newline, must look like.
package struct TextCondition: Sendable {
    /// All must occur.
    package var match: [[UInt8]]
    /// None may occur.
    package var exclude: [[UInt8]]
    package var pattern: LinePattern?

    /// Empty texts say nothing and are left out.
    package init(match: [[UInt8]] = [], exclude: [[UInt8]] = [], pattern: LinePattern? = nil) {
        // The longest is the rarest, more often than not: what fails first saves the rest.
        self.match = match.filter { !$0.isEmpty }.sorted { $0.count > $1.count }
        self.exclude = exclude.filter { !$0.isEmpty }
        self.pattern = pattern
    }

    package static let none = TextCondition()

    package var isNone: Bool { match.isEmpty && exclude.isEmpty && pattern == nil }
}
