import Placement
import Synchronization
import Testing

@Suite struct CircuitBreakerTests {
    private final class Clock: Sendable {
        let now = Mutex<Int64>(1_000)
        func advance(_ seconds: Double) { now.withLock { $0 += Int64(seconds * 1e9) } }
    }

    private let clock = Clock()
    private func breaker() -> CircuitBreaker { CircuitBreaker { [clock] in clock.now.withLock { $0 } } }

    @Test func aWorkingStoreIsNeverHeldUp() {
        let breaker = breaker()
        for _ in 0..<100 {
            #expect(breaker.admit() == nil)
            breaker.succeeded()
        }
        #expect(!breaker.isOpen)
    }

    /// One request a pause, and the pause doubles from 1 s to 60 s.
    @Test func aFailingStoreIsTriedOnceAPauseThatGrows() {
        let breaker = breaker()
        breaker.failed()
        for pause in [1, 2, 4, 8, 16, 32, 60, 60, 60] as [Double] {
            #expect(breaker.isOpen)
            #expect(breaker.admit() == Int64(pause * 1e9))
            clock.advance(pause - 0.001)
            #expect(breaker.admit() == 1_000_000)
            clock.advance(0.001)
            #expect(breaker.admit() == nil)
            #expect(breaker.admit() != nil, "two at once after \(pause) s")
            breaker.failed()
        }
        clock.advance(60)
        #expect(breaker.admit() == nil)
        breaker.succeeded()
        #expect(!breaker.isOpen && breaker.admit() == nil && breaker.admit() == nil)
    }

    /// Failures of requests that were under way together count once.
    @Test func failuresTogetherAreOne() {
        let breaker = breaker()
        for _ in 0..<10 { breaker.failed() }
        #expect(breaker.admit() == 1_000_000_000)
    }

    @Test func aTryWithoutAnOutcomeLeavesRoomForAnother() {
        let breaker = breaker()
        breaker.failed()
        clock.advance(1)
        #expect(breaker.admit() == nil)
        breaker.abandoned()
        #expect(breaker.admit() == nil)
        breaker.failed()
        #expect(breaker.admit() == 2_000_000_000)
    }
}
