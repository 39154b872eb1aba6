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

    /// Buckets of `width` (at least 1) that cover `range`; wider where there would be too many. They begin at whole
    /// multiples of their width by the clocks of a place `offset` east of UTC, so that histograms can be compared.
    package init(_ range: TimeRange, width: Nanoseconds, offset: Nanoseconds = 0) {
        let least = Self.span(range.from, range.to) / Nanoseconds(Self.greatestCount - 1) + 1
        self.width = max(width, least)
        start = Self.multiple(of: self.width, notAfter: range.from, offset: offset)
        let span = Self.span(start, range.to)
        buckets = Array(repeating: Bucket(), count: span == 0 ? 0 : Int((span - 1) / self.width) + 1)
    }

    private static func span(_ from: Nanoseconds, _ to: Nanoseconds) -> Nanoseconds {
        let (difference, overflow) = to.subtractingReportingOverflow(from)
        return overflow ? .max : max(0, difference)
    }

    private static func multiple(
        of width: Nanoseconds, notAfter time: Nanoseconds, offset: Nanoseconds
    ) -> Nanoseconds {
        let (local, isFar) = time.addingReportingOverflow(offset)
        guard !isFar else { return time }
        let (start, isBeforeAll) = time.subtractingReportingOverflow(local.flooredDivision(by: width).remainder)
        return isBeforeAll ? time : start
    }

    /// Widths that clocks and calendars divide by.
    private static let evenWidths: [Nanoseconds] = {
        let fractions = (0..<9).flatMap { power -> [Nanoseconds] in
            let unit = (0..<power).reduce(Nanoseconds(1)) { unit, _ in unit * 10 }
            return [unit, 2 * unit, 5 * unit]
        }
        let parts: [Nanoseconds] = [1, 2, 5, 10, 15, 30]
        let hours: [Nanoseconds] = [1, 2, 3, 6, 12, 24, 48]
        return fractions + parts.map { $0 * .perSecond } + parts.map { $0 * .perMinute } + hours.map { $0 * .perHour }
    }()

    /// The least even width, past two days whole weeks, of which about `count` cover `range`.
    package static func evenWidth(of range: TimeRange, count: Int) -> Nanoseconds {
        let least = span(range.from, range.to) / Nanoseconds(max(1, count)) + 1
        if let width = evenWidths.first(where: { $0 >= least }) { return width }
        let week = 7 * Nanoseconds.perDay
        return (least / week + 1) * week
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
