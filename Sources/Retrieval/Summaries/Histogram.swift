package import ArchiveTypes

/// Lines over time.
package struct Histogram: Sendable, Hashable {
    package struct Bucket: Sendable, Hashable {
        package var lines: UInt64 = 0
        package var bytes: UInt64 = 0
    }

    /// Where the first bucket begins, and how long each is.
    package let start: Nanoseconds
    package let width: Nanoseconds
    package private(set) var buckets: [Bucket]

    /// At most this many: more than any screen shows.
    package static let greatestCount = 100_000

    /// Buckets of `width` (at least 1) that cover `range`; wider where there would be too many.
    package init(_ range: TimeRange, width: Nanoseconds) {
        let (difference, overflow) = range.to.subtractingReportingOverflow(range.from)
        let span = overflow ? Nanoseconds.max : max(0, difference)
        start = range.from
        self.width = max(1, width, span / Nanoseconds(Self.greatestCount) + 1)
        buckets = Array(repeating: Bucket(), count: span == 0 ? 0 : Int((span - 1) / self.width) + 1)
    }

    /// The bucket of a time; nil outside.
    package func index(_ time: Nanoseconds) -> Int? {
        guard time >= start else { return nil }
        let (distance, overflow) = time.subtractingReportingOverflow(start)
        guard !overflow, distance / width < buckets.count else { return nil }
        return Int(distance / width)
    }

    mutating func add(_ time: Nanoseconds, lines: UInt64, bytes: UInt64) {
        guard let index = index(time) else { return }
        buckets[index].lines += lines
        buckets[index].bytes += bytes
    }

    /// Spreads over the buckets between two times what is not known better.
    mutating func spread(_ times: ClosedRange<Nanoseconds>, lines: UInt64, bytes: UInt64) {
        let first = index(max(start, times.lowerBound)) ?? 0
        let last = index(times.upperBound) ?? buckets.count - 1
        guard first <= last else { return }
        let count = UInt64(last - first + 1)
        for index in first...last {
            let position = UInt64(index - first)
            buckets[index].lines += lines * (position + 1) / count - lines * position / count
            buckets[index].bytes += bytes * (position + 1) / count - bytes * position / count
        }
    }
}
