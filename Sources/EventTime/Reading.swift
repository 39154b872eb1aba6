import ArchiveTypes

/// A format and what it leaves open.
struct Reading: Sendable, Hashable {
    var format = TimeFormat.none
    /// 0 for formats that assume no zone.
    var utcOffset: Int32 = 0
    /// 0 for formats that are not yearless.
    var year: Int32 = 0
}

/// A line's time, and the reading that gives it.
struct ResolvedTime {
    var time: Nanoseconds
    var reading: Reading
    /// What `reading` gives is right as long as it lies in here; beyond, it has to be resolved. May be empty.
    var window: Range<Nanoseconds>
}

/// Finds out what lines leave open, for one block: year and offset from UTC.
struct TimeResolver {
    let zone: TimeZoneRules
    let plausible: PlausibleTimes
    /// A line without a year is of the latest one that puts it at or before this.
    let latestYearless: Nanoseconds

    private static let leapYear: Int32 = 2024
    /// Between February 29ths lie up to eight years.
    private static let yearsTried: Int32 = 9

    /// `reference`: when the lines were there already.
    init(zone: TimeZoneRules, received: Nanoseconds, reference: Nanoseconds) {
        self.zone = zone
        plausible = PlausibleTimes(received: received)
        latestYearless = min(reference.addingClamped(Limits.eventTimeLead), plausible.latest)
    }

    /// The time of a line by `format`; nil where it gives none that is plausible. `previous` is the time of the line before.
    func resolve(
        _ line: Bytes, _ stop: Bytes, by format: TimeFormat, after previous: Nanoseconds
    ) -> ResolvedTime? {
        guard format.isYearless else { return resolve(line, stop, Reading(format: format), after: previous) }
        guard format.time(of: line, stop, utcOffset: 0, year: Self.leapYear).time != .noTime else { return nil }
        let newest = Int32(CivilTime(latestYearless).year) + 1
        for year in stride(from: newest, to: newest - 1 - Self.yearsTried, by: -1) {
            let reading = Reading(format: format, year: year)
            if let found = resolve(line, stop, reading, after: previous), found.time <= latestYearless { return found }
        }
        return nil
    }

    private func resolve(
        _ line: Bytes, _ stop: Bytes, _ reading: Reading, after previous: Nanoseconds
    ) -> ResolvedTime? {
        let (local, assumedZone) = reading.format.time(of: line, stop, utcOffset: 0, year: reading.year)
        guard local != .noTime else { return nil }
        var reading = reading
        var time = local
        if assumedZone {
            reading.utcOffset = utcOffset(atLocal: local, after: previous)
            time = local.addingClamped(-Nanoseconds(reading.utcOffset) * .perSecond)
        } else if reading.format.mayAssumeZone {
            reading.utcOffset = zone.utcOffset(at: local)
        }
        return plausible.contains(time) ? ResolvedTime(time: time, reading: reading, window: window(of: reading, time)) : nil
    }

    /// Where no line has shown the year or the offset yet: all times, if the reading depends on neither, else none.
    func windowOfAll(_ reading: Reading) -> Range<Nanoseconds> {
        reading.format.mayAssumeZone ? 0..<0 : plausible.earliest..<plausible.latest + 1
    }

    /// When clocks are turned back, the first of two possible times, unless the line before shows that it has passed.
    private func utcOffset(atLocal local: Nanoseconds, after previous: Nanoseconds) -> Int32 {
        let first = zone.utcOffset(atLocal: local)
        let second = zone.utcOffset(atLocal: local, later: true)
        guard first > second else { return first }
        let disorder = 30 * Nanoseconds.perMinute
        return local.addingClamped(-Nanoseconds(first) * .perSecond) < previous.addingClamped(-disorder) ? second : first
    }

    private func window(of reading: Reading, _ time: Nanoseconds) -> Range<Nanoseconds> {
        var window = plausible.earliest..<plausible.latest + 1
        if reading.format.mayAssumeZone { window = window.clamped(to: zone.unambiguous(around: time)) }
        guard reading.format.isYearless else { return window }
        return window.clamped(to: latestYearless.addingClamped(-365 * .perDay + 1)..<latestYearless + 1)
    }
}

extension Nanoseconds {
    /// The sum, or the end of the range that it leaves.
    func addingClamped(_ other: Nanoseconds) -> Nanoseconds {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }
}
