import ObjectStore

/// Holds tasks until it is opened, and tells those who wait for it how many it holds.
package final class Gate: Sendable {
    private struct State: Sendable {
        var lastNumber: UInt64 = 0
        var held: [UInt64: CheckedContinuation<Bool, Never>] = [:]
        var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Guarded(State())

    package init() {}

    /// Waits until the gate is opened; false where the task was cancelled before.
    package func pass() async -> Bool {
        let number = state.withLock { state in
            state.lastNumber += 1
            return state.lastNumber
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { hold($0, number) }
        } onCancel: {
            state.withLock { $0.held.removeValue(forKey: number) }?.resume(returning: false)
        }
    }

    private func hold(_ continuation: CheckedContinuation<Bool, Never>, _ number: UInt64) {
        let (isHeld, ready) = state.withLock { state in
            if Task.isCancelled { return (false, [CheckedContinuation<Void, Never>]()) }
            state.held[number] = continuation
            let ready = state.watchers.filter { $0.count <= state.held.count }.map(\.continuation)
            state.watchers.removeAll { $0.count <= state.held.count }
            return (true, ready)
        }
        if !isHeld { continuation.resume(returning: false) }
        for watcher in ready { watcher.resume() }
    }

    /// Lets all go on that are held.
    package func open() {
        let held = state.withLock { state in
            defer { state.held = [:] }
            return state.held.values
        }
        for continuation in held { continuation.resume(returning: true) }
    }

    package func waitUntilHeld(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let isReady = state.withLock { state in
                if state.held.count < count { state.watchers.append((count, continuation)) }
                return state.held.count >= count
            }
            if isReady { continuation.resume() }
        }
    }
}
