import Glibc
import Threads

/// Nanoseconds since some moment, by clocks that nobody sets: of time, and of what this thread has computed.
package struct LookingTime: Sendable {
    package var wall: Int64
    package var processor: Int64

    package init(wall: Int64, processor: Int64) {
        self.wall = wall
        self.processor = processor
    }

    package static func now() -> LookingTime {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return LookingTime(
            wall: MonotonicClock.now(), processor: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }
}
