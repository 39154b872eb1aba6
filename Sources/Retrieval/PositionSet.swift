import ArchiveTypes

/// Positions as ranges that grow together: little memory for however many blocks, since these abut.
struct PositionSet: Sendable {
    /// Ascending, without overlap, not touching.
    private(set) var ranges: [PositionRange] = []

    /// Adds `range` and returns the parts of it that were not there.
    @discardableResult
    mutating func insert(_ range: PositionRange) -> [PositionRange] {
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].end < range.first { low = middle + 1 } else { high = middle }
        }
        var end = low
        var joined = range
        var next = range.first
        var added: [PositionRange] = []
        while end < ranges.count, ranges[end].first <= range.end {
            if next < ranges[end].first { added.append(PositionRange(first: next, end: ranges[end].first)) }
            next = max(next, ranges[end].end)
            joined = PositionRange(first: min(joined.first, ranges[end].first), end: max(joined.end, ranges[end].end))
            end += 1
        }
        if next < range.end { added.append(PositionRange(first: next, end: range.end)) }
        ranges.replaceSubrange(low..<end, with: [joined])
        return added
    }
}
