import ArchiveTypes

/// The times that lines may have: from `Limits.earliestEventTime` to `Limits.eventTimeLead` after the receive time, both
/// included. Other times count as none.
struct PlausibleTimes: Sendable {
    let earliest = Limits.earliestEventTime
    let latest: Nanoseconds

    init(received: Nanoseconds) {
        latest = min(received.addingClamped(Limits.eventTimeLead), .max - 1)
    }

    @inline(__always)
    func contains(_ time: Nanoseconds) -> Bool { time >= earliest && time <= latest }
}
