/// Permits for tasks, handed out in the order of asking. A cancelled task leaves the queue at once.
package final class AsyncSemaphore: Sendable {
    private struct State: Sendable {
        var available: Int
        var nextTicket: UInt64 = 0
        /// Tickets in the order of asking; those of cancelled tasks stay until their turn.
        var queue = Fifo<UInt64>()
        var waiting: [UInt64: CheckedContinuation<Bool, Never>] = [:]
    }

    private let state: Guarded<State>

    /// `permits` may be 0: then somebody must `release` before anybody goes on.
    package init(permits: Int) {
        precondition(permits >= 0, "a semaphore cannot begin with a debt")
        state = Guarded(State(available: permits))
    }

    /// How many tasks wait for a permit.
    package var waiting: Int { state.withLock { $0.waiting.count } }

    /// Waits for a permit, which the caller must give back by `release`.
    package func acquire() async throws(CancellationError) {
        let ticket = state.withLock { state in
            state.nextTicket += 1
            return state.nextTicket
        }
        let granted = await withTaskCancellationHandler {
            await withCheckedContinuation { enqueue($0, ticket) }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: ticket) }?.resume(returning: false)
        }
        guard granted else { throw CancellationError() }
    }

    /// The task's flag is set before its cancellation handler runs, so a handler that ran before this found nothing to
    /// remove, and this sees the flag.
    private func enqueue(_ continuation: CheckedContinuation<Bool, Never>, _ ticket: UInt64) {
        let granted = state.withLock { state -> Bool? in
            if Task.isCancelled { return false }
            if state.available > 0 {
                state.available -= 1
                return true
            }
            state.queue.append(ticket)
            state.waiting[ticket] = continuation
            return nil
        }
        if let granted { continuation.resume(returning: granted) }
    }

    /// Gives a permit back: to the task that has waited longest, if any.
    package func release() {
        let next = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            while let ticket = state.queue.popFirst() {
                if let continuation = state.waiting.removeValue(forKey: ticket) { return continuation }
            }
            state.available += 1
            return nil
        }
        next?.resume(returning: true)
    }
}
