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
    package let pace = Pace()

    /// - Parameter clock: monotonic, in nanoseconds.
    package init(
        name: String, store: any ObjectStore, price: Double? = nil,
        clock: @escaping @Sendable () -> Int64 = MonotonicClock.now
    ) {
        self.name = name
        self.store = store
        self.price = price
        breaker = CircuitBreaker(clock: clock)
    }
}

/// How fast a store answers: a moving average of the time of a request, in nanoseconds.
package final class Pace: Sendable {
    private struct State {
        var mean: Double?
        var deviation = 0.0
    }

    private let state = Mutex(State())

    /// Requests of an unknown store are expected to take as long.
    private static let unknown = 50e6

    /// As TCP estimates round trips (RFC 6298).
    func took(_ nanoseconds: Int64) {
        let time = Double(max(0, nanoseconds))
        state.withLock { state in
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

    /// What is later than this is late.
    var late: Double { state.withLock { ($0.mean ?? Self.unknown) + 4 * max($0.deviation, 5e6) } }
}
