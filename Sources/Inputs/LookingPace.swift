import Glibc

/// When to look at everything, where changes are told: at once when names changed, and otherwise as often as looking
/// costs little. The shares are of one processor.
struct LookingPace {
    private let changes: any ChangeSource
    /// Something happened that only a look at everything can tell.
    var isAllDue = true
    private var isCovered = false
    private var started: (wall: Int64, cpu: Int64) = (0, 0)
    private var ended: Int64 = 0
    private var cost: Int64 = 0

    /// Looking at everything without a reason takes a hundredth, with one a twentieth.
    private static let idleShare: Int64 = 100
    private static let busyShare: Int64 = 20
    private static let leastPause: Int64 = 2_000_000_000
    private static let mostPause: Int64 = 30_000_000_000

    init(_ changes: any ChangeSource) { self.changes = changes }

    /// What changed since the last call.
    mutating func takeChanges() -> [FileChange] {
        guard let changes = changes.take() else {
            isAllDue = true
            return []
        }
        return changes
    }

    /// Whether everything is to be looked at now.
    var isDue: Bool {
        let pause = Self.now(CLOCK_MONOTONIC) - ended
        if isAllDue { return pause >= cost * Self.busyShare }
        return pause >= min(Self.mostPause, max(isCovered ? Self.leastPause : 0, cost * Self.idleShare))
    }

    /// What is told from now on is not seen by the look that begins.
    mutating func willLook() {
        started = (Self.now(CLOCK_MONOTONIC), Self.now(CLOCK_THREAD_CPUTIME_ID))
        isAllDue = false
    }

    mutating func cover(_ folders: Set<RawPath>) { isCovered = changes.cover(folders) }

    mutating func hasLooked() {
        ended = Self.now(CLOCK_MONOTONIC)
        cost = Self.now(CLOCK_THREAD_CPUTIME_ID) - started.cpu
    }

    private static func now(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
