package import ObjectStore
import Synchronization
import Threads

/// One of the stores of an archive, and what is known of how it does.
package final class StoreMember: Sendable {
    /// As the configuration and the rules of chunks call it.
    package let name: String
    package let store: any ObjectStore
    /// What reading a GiB costs, in any unit; nil: nobody said, and speed decides.
    package let price: Double?
    package let breaker: CircuitBreaker
    package let pace: Pace

    /// - Parameters:
    ///   - pace: what is known of its speed; tests give one that is never late.
    ///   - clock: monotonic, in nanoseconds.
    package init(
        name: String, store: any ObjectStore, price: Double? = nil, pace: Pace = Pace(),
        clock: @escaping @Sendable () -> Int64 = MonotonicClock.now
    ) {
        self.name = name
        self.store = store
        self.price = price
        self.pace = pace
        breaker = CircuitBreaker(clock: clock)
    }
}

/// How fast a store answers: moving averages of the time until a small answer is there, and of the bytes a second of large
/// ones.
package final class Pace: Sendable {
    private struct State {
        /// Nanoseconds.
        var mean: Double?
        var deviation = 0.0
        /// Nanoseconds a byte.
        var slowness: Double?
    }

    private let state = Mutex(State())
    private let fixedLateness: Int64?

    /// - Parameter late: what takes longer than so many nanoseconds is late, whatever was seen; nil: as was seen.
    package init(late: Int64? = nil) { fixedLateness = late }

    /// A store that has not answered yet is expected to, within a quarter of a second and at 10 MB/s.
    private static let unknown = 250e6
    private static let unknownSlowness = 100.0
    /// Answers of less say something of the time of a request, others of the rate.
    private static let small = 64 << 10

    /// As TCP estimates round trips (RFC 6298).
    func took(_ nanoseconds: Int64, bytes: Int = 0) {
        let time = Double(max(0, nanoseconds))
        state.withLock { state in
            guard bytes < Self.small else {
                let slowness = max(0, time - (state.mean ?? 0)) / Double(bytes)
                state.slowness = state.slowness.map { $0 + (slowness - $0) / 4 } ?? slowness
                return
            }
            guard let mean = state.mean else {
                (state.mean, state.deviation) = (time, time / 2)
                return
            }
            state.deviation += (abs(time - mean) - state.deviation) / 4
            state.mean = mean + (time - mean) / 8
        }
    }

    /// What a request takes on average.
    var expected: Double { state.withLock { $0.mean ?? Self.unknown } }

    /// What takes longer than so many nanoseconds is late.
    func late(bytes: Int) -> Int64 {
        if let fixedLateness { return fixedLateness }
        return state.withLock { state in
            let first = (state.mean ?? Self.unknown) + 4 * max(state.deviation, 5e6)
            return Int64(first + 3 * Double(bytes) * (state.slowness ?? Self.unknownSlowness))
        }
    }
}
