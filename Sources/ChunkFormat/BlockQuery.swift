package import ArchiveTypes

/// What blocks are wanted. Hosts and sources: any of the patterns, all where there are none; labels: all that are given.
package struct BlockQuery: Sendable, Hashable {
    package var times: TimeRange
    package var hosts: [Glob]
    package var sources: [Glob]
    package var labels: [Labels.Pair]
    package var generation: Generation?
    package var kinds: Set<BlockKind>

    package init(
        times: TimeRange = .all, hosts: [Glob] = [], sources: [Glob] = [], labels: [Labels.Pair] = [],
        generation: Generation? = nil, kinds: Set<BlockKind> = [.lines]
    ) {
        self.times = times
        self.hosts = hosts
        self.sources = sources
        self.labels = labels
        self.generation = generation
        self.kinds = kinds
    }

    /// All blocks, gaps and heartbeats too.
    package static let everything = BlockQuery(kinds: Set(BlockKind.allCases))

    /// Whether the block can hold wanted lines.
    package func matches(_ block: BlockEntry) -> Bool {
        times.overlaps(least: block.leastTime, greatest: block.greatestTime)
            && Self.any(hosts, matches: block.stream.host) && Self.any(sources, matches: block.stream.source)
            && matches(generation: block.generation, kind: block.kind, labels: block.labels)
    }

    func matches(generation: Generation, kind: BlockKind, labels: Labels) -> Bool {
        (self.generation ?? generation) == generation && kinds.contains(kind)
            && self.labels.allSatisfy { labels[$0.key] == $0.value }
    }

    private static func any(_ patterns: [Glob], matches text: String) -> Bool {
        patterns.isEmpty || patterns.contains { $0.matches(text) }
    }
}
