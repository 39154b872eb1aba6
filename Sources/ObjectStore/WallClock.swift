package import ArchiveTypes
import Glibc

package enum WallClock {
    /// The machine's clock now.
    package static func now() -> Nanoseconds {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Nanoseconds(time.tv_sec) * .perSecond + Nanoseconds(time.tv_nsec)
    }
}
