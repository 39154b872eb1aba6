import ArchiveTypes
import ChunkFormat

/// Whether a frame of rows can hold wanted ones, from its fence alone.
struct FenceFilter: Sendable {
    private let kind: IndexKind
    private let times: TimeRange
    /// What the keys of wanted rows begin with, without the hour of the time index; any of these. Empty: anything.
    private let prefixes: [[UInt8]]

    private static let greatestPrefixCount = 1000

    init(_ kind: IndexKind, _ query: BlockQuery) {
        self.kind = kind
        times = query.times
        let all = query.hosts.flatMap { Self.prefixes($0, query.sources) }
        prefixes = all.count <= Self.greatestPrefixCount && !all.contains([]) ? all : []
    }

    /// A source narrows the range of keys only below one host.
    private static func prefixes(_ host: Glob, _ sources: [Glob]) -> [[UInt8]] {
        var start = escaped(host.prefix)
        guard host.literal != nil else { return [start] }
        start.append(IndexText.tab)
        guard !sources.isEmpty else { return [start] }
        return sources.map { source in
            start + escaped(source.prefix) + (source.literal == nil ? [] : [IndexText.tab])
        }
    }

    private static func escaped(_ bytes: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        IndexText.appendText(String(decoding: bytes, as: UTF8.self), to: &text)
        return text
    }

    func canMatch(_ fence: IndexFence) -> Bool {
        guard times.overlaps(least: fence.least, greatest: fence.greatest) else { return false }
        if prefixes.isEmpty { return true }
        guard kind == .time else {
            return prefixes.contains { Self.spans(fence.firstKey[...], fence.lastKey[...], $0) }
        }
        let (first, last) = (fence.firstKey, fence.lastKey)
        guard first.count >= IndexRow.hourLength, last.count >= IndexRow.hourLength,
            first[..<IndexRow.hourLength] == last[..<IndexRow.hourLength]
        else { return true }
        return prefixes.contains { Self.spans(first[IndexRow.hourLength...], last[IndexRow.hourLength...], $0) }
    }

    /// Whether keys that begin with `prefix` can lie from `first` to `last`.
    private static func spans(_ first: ArraySlice<UInt8>, _ last: ArraySlice<UInt8>, _ prefix: [UInt8]) -> Bool {
        let endsBefore = last.lexicographicallyPrecedes(prefix) && !last.starts(with: prefix)
        let beginsAfter = prefix.lexicographicallyPrecedes(first) && !first.starts(with: prefix)
        return !endsBefore && !beginsAfter
    }
}
