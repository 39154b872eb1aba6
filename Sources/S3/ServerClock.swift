import ArchiveTypes
import Synchronization

/// This machine's clock, corrected by what the server's `Date` says once a signature has been refused for its time.
final class ServerClock: Sendable {
    private let local: @Sendable () -> Nanoseconds
    private let offset = Atomic<Int64>(0)

    /// Servers accept 15 minutes; what is off by less than this is not the reason for a refusal.
    private static let tolerance = 2 * Nanoseconds.perMinute

    init(_ local: @escaping @Sendable () -> Nanoseconds) { self.local = local }

    var now: Nanoseconds { local() &+ offset.load(ordering: .relaxed) }

    /// Whether `date` differs so much from `signed`, the time of the refused signature, that another try is worthwhile.
    func correct(by date: Nanoseconds, signed: Nanoseconds) -> Bool {
        guard (date &- signed).magnitude > UInt64(Self.tolerance) else { return false }
        offset.store(date &- local(), ordering: .relaxed)
        return true
    }
}
