import ArchiveTypes
import Glibc

/// The machine's clock and zone.
enum Clock {
    static func now() -> Nanoseconds {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) &* .perSecond &+ Int64(time.tv_nsec)
    }

    /// Seconds east of UTC that local clocks show at `time`.
    static func utcOffset(at time: Nanoseconds) -> Int {
        var seconds = time_t(time.flooredDivision(by: .perSecond).quotient)
        var local = tm()
        return localtime_r(&seconds, &local) == nil ? 0 : local.tm_gmtoff
    }
}
