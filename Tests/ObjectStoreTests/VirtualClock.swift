import ObjectStore
import Testing

/// A clock that moves only when told, or, when `isEager`, whenever somebody sleeps: to the end of that sleep.
final class VirtualClock: Clock, Sendable {
    struct Instant: InstantProtocol {
        var offset: Duration

        func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        func duration(to other: Instant) -> Duration { other.offset - offset }
        static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    private struct Sleeper: Sendable {
        var number: Int
        var deadline: Instant
        var continuation: CheckedContinuation<Bool, Never>
    }

    private struct State: Sendable {
        var now = Instant(offset: .zero)
        var lastNumber = 0
        var sleepers: [Sleeper] = []
        var sleeps: [Duration] = []
    }

    private let state = Guarded(State())
    private let isEager: Bool

    init(isEager: Bool = false) { self.isEager = isEager }

    var now: Instant { state.withLock { $0.now } }
    var minimumResolution: Duration { .nanoseconds(1) }
    /// How long everybody has asked to sleep, in order.
    var sleeps: [Duration] { state.withLock { $0.sleeps } }
    var sleeperCount: Int { state.withLock { $0.sleepers.count } }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let number = state.withLock { state in
            state.lastNumber += 1
            return state.lastNumber
        }
        let isOver = await withTaskCancellationHandler {
            await withCheckedContinuation { begin(Sleeper(number: number, deadline: deadline, continuation: $0)) }
        } onCancel: {
            let sleeper = state.withLock { state -> Sleeper? in
                guard let index = state.sleepers.firstIndex(where: { $0.number == number }) else { return nil }
                return state.sleepers.remove(at: index)
            }
            sleeper?.continuation.resume(returning: false)
        }
        if !isOver { throw CancellationError() }
    }

    private func begin(_ sleeper: Sleeper) {
        let isOver = state.withLock { state -> Bool? in
            if Task.isCancelled { return false }
            state.sleeps.append(state.now.duration(to: sleeper.deadline))
            if isEager { state.now = max(state.now, sleeper.deadline) }
            if sleeper.deadline <= state.now { return true }
            state.sleepers.append(sleeper)
            return nil
        }
        if let isOver { sleeper.continuation.resume(returning: isOver) }
    }

    func advance(by duration: Duration) {
        let woken = state.withLock { state in
            state.now = state.now.advanced(by: duration)
            defer { state.sleepers.removeAll { $0.deadline <= state.now } }
            return state.sleepers.filter { $0.deadline <= state.now }
        }
        for sleeper in woken { sleeper.continuation.resume(returning: true) }
    }
}

/// Returns when `condition` holds; records an issue when it does not for two minutes.
func until(_ what: String, _ condition: @Sendable () -> Bool) async {
    let end = ContinuousClock.now + .seconds(120)
    while !condition() {
        guard ContinuousClock.now < end else {
            Issue.record("waited in vain until \(what)")
            return
        }
        await Task.yield()
    }
}
