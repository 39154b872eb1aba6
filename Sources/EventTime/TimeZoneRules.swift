package import ArchiveTypes

/// Offsets from UTC of a zone, for every time.
package struct TimeZoneRules: Sendable, Hashable {
    /// Seconds since 1970 from which the offset of the same index holds, ascending; the first holds from ever.
    private let starts: [Int64]
    /// Seconds east of UTC; neighbours differ.
    private let offsets: [Int32]

    package static let utc = TimeZoneRules(fixed: 0)

    /// Always `seconds` east of UTC.
    package init(fixed seconds: Int32) { self.init(before: seconds, changes: []) }

    /// `before` holds until the first change. `changes` ascend by time; later ones at or before an earlier are dropped.
    init(before: Int32, changes: [Change]) {
        var starts = [Int64.min]
        var offsets = [before]
        for change in changes where change.at > (starts.last ?? .min) && change.offset != offsets.last {
            starts.append(change.at)
            offsets.append(change.offset)
        }
        self.starts = starts
        self.offsets = offsets
    }

    struct Change: Hashable {
        /// Seconds since 1970.
        var at: Int64
        /// Seconds east of UTC from then on.
        var offset: Int32
    }

    /// Seconds east of UTC at a time.
    package func utcOffset(at time: Nanoseconds) -> Int32 { offsets[span(at: Self.seconds(time))] }

    /// Seconds east of UTC when clocks in the zone show `local`, given as if it were UTC. When clocks were turned back, an
    /// hour comes twice: `later` chooses the second. An hour that was skipped is taken with the offset before the change,
    /// with `later` after it (as PEP 495 of Python has it).
    package func utcOffset(atLocal local: Nanoseconds, later: Bool = false) -> Int32 {
        let seconds = Self.seconds(local)
        // No offset reaches two days: the search can begin there.
        var index = span(at: seconds - 2 * 86400)
        while index + 1 < starts.count {
            let (before, after) = (offsets[index], offsets[index + 1])
            guard seconds >= starts[index + 1] + Int64(later ? min(before, after) : max(before, after)) else { break }
            index += 1
        }
        return offsets[index]
    }

    /// The times around `time` at which the offset of `time` is the only one that a clock in the zone can have been read
    /// with; empty where that does not hold for `time` itself.
    func unambiguous(around time: Nanoseconds) -> Range<Nanoseconds> {
        let index = span(at: Self.seconds(time))
        var from = Nanoseconds.min
        var to = Nanoseconds.max
        if index > 0 {
            from = (starts[index] + Int64(max(0, offsets[index - 1] - offsets[index]))) * .perSecond
        }
        if index + 1 < starts.count {
            to = (starts[index + 1] - Int64(max(0, offsets[index] - offsets[index + 1]))) * .perSecond
        }
        return from <= time && time < to ? from..<to : time..<time
    }

    private static func seconds(_ time: Nanoseconds) -> Int64 { time.flooredDivision(by: .perSecond).quotient }

    /// The index of the offset that holds at `seconds`.
    private func span(at seconds: Int64) -> Int {
        var low = 0
        var high = starts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= seconds { low = middle } else { high = middle }
        }
        return low
    }
}

/// A zone that cannot be had.
package struct TimeZoneError: Error, Hashable, CustomStringConvertible {
    package var zone: String
    package var reason: String

    package var description: String {
        "time zone \"\(zone)\": \(reason); give a name such as Europe/Paris, UTC, or an offset such as +02:00"
    }
}
