package import ArchiveTypes
import Threads

/// Lines on their way from the threads that receive them to the one that makes them durable. Whoever puts waits while it
/// is full: then sockets are not read, and senders wait in turn.
package final class Intake: Sendable {
    private let state = Monitor(State())
    private let capacity: Int

    private struct State {
        var waiting: [Received] = []
        var cost = 0
        var isClosed = false
    }

    /// - Parameter capacity: bytes, with what lines of an origin cost besides, at which `put` waits.
    package init(capacity: Int = 1 << 20) { self.capacity = capacity }

    /// - Returns: false, having taken nothing, once the intake is closed.
    package func put(_ received: [Received]) -> Bool {
        guard !received.isEmpty else { return !state.read { $0.isClosed } }
        let cost = received.reduce(0) { $0 + $1.cost }
        return state.wait { state -> Bool? in
            if state.isClosed { return false }
            guard state.cost == 0 || state.cost + cost <= capacity else { return nil }
            state.waiting += received
            state.cost += cost
            return true
        }
    }

    /// All that waits, as soon as there is something; nothing after as many nanoseconds, or once the intake is closed and
    /// empty.
    package func take(atMost pause: Nanoseconds) -> [Received] {
        let taken = state.wait(atMost: pause) { state -> [Received]? in
            guard !state.waiting.isEmpty || state.isClosed else { return nil }
            defer {
                state.waiting = []
                state.cost = 0
            }
            return state.waiting
        }
        return taken ?? []
    }

    /// Nothing more is taken in; what waits can still be taken out.
    package func close() { state.update { $0.isClosed = true } }
}
