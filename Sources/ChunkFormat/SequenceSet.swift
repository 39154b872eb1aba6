/// A set of sequence numbers, as ranges: a writer's sequences have few gaps.
package struct SequenceSet: Sendable, Hashable {
    /// Ascending; no two touch.
    package private(set) var ranges: [ClosedRange<UInt64>] = []

    package init() {}

    package mutating func insert(_ value: UInt64) { insert(value...value) }

    package func contains(_ value: UInt64) -> Bool {
        let index = firstIndex(endingAtLeast: value)
        return index < ranges.count && ranges[index].contains(value)
    }

    package func contains(_ other: SequenceSet) -> Bool {
        other.ranges.allSatisfy { range in
            let index = firstIndex(endingAtLeast: range.lowerBound)
            return index < ranges.count && ranges[index].lowerBound <= range.lowerBound
                && range.upperBound <= ranges[index].upperBound
        }
    }

    package func union(_ other: SequenceSet) -> SequenceSet {
        var result = self
        for range in other.ranges { result.insert(range) }
        return result
    }

    package mutating func insert(_ range: ClosedRange<UInt64>) {
        var (low, high) = (range.lowerBound, range.upperBound)
        let start = firstIndex(endingAtLeast: low == 0 ? 0 : low - 1)
        var end = start
        while end < ranges.count, high == .max || ranges[end].lowerBound <= high + 1 {
            low = min(low, ranges[end].lowerBound)
            high = max(high, ranges[end].upperBound)
            end += 1
        }
        ranges.replaceSubrange(start..<end, with: CollectionOfOne(low...high))
    }

    /// Index of the first range that does not end before `value`.
    private func firstIndex(endingAtLeast value: UInt64) -> Int {
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < value { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
