import Glibc

/// Threads for calls that block (file I/O, fsync), so that the cooperative pool's few threads need not.
///
/// Threads start when there is work and no idle one, up to a fixed number, and stay. Work is taken up in order.
package final class BlockingPool: Sendable {
    /// The process's own, for calls that do not hang. What may hang (a network's disk) has a pool of its own.
    package static let shared = BlockingPool(workers: 8)

    private let queue: WorkQueue

    package init(workers: Int) {
        precondition(workers > 0, "a pool without threads never works")
        queue = WorkQueue(limit: workers)
    }

    deinit { queue.close() }

    /// Runs `work` on a thread of the pool.
    ///
    /// `work` is given a way to ask whether the task has been cancelled since; long work should ask now and then.
    /// - Returns: what `work` returned; nil where the task was cancelled before a thread took it up.
    package func run<Value: Sendable, Failure: Error>(
        _ work: @escaping @Sendable (_ cancellation: BlockingCancellation) throws(Failure) -> Value
    ) async throws(Failure) -> Value? {
        let item = WorkItem<Result<Value, Failure>> { cancellation in
            do throws(Failure) { return .success(try work(cancellation)) } catch { return .failure(error) }
        }
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if item.begin(continuation) { queue.submit(item) }
            }
        } onCancel: {
            item.cancel()
        }
        return try result?.get()
    }
}

/// Whether the task that waits for a piece of work has been cancelled.
package struct BlockingCancellation: Sendable {
    fileprivate let flag: Guarded<Bool>

    package var isCancelled: Bool { flag.withLock { $0 } }
}

private protocol Runnable: AnyObject, Sendable {
    func run()
}

/// One call: whoever removes the continuation, a worker or the canceller, decides what becomes of it.
private final class WorkItem<Answer: Sendable>: Runnable {
    private let work: @Sendable (BlockingCancellation) -> Answer
    private let cancellation = BlockingCancellation(flag: Guarded(false))
    private let continuation = Guarded<CheckedContinuation<Answer?, Never>?>(nil)

    init(_ work: @escaping @Sendable (BlockingCancellation) -> Answer) { self.work = work }

    /// False where it is cancelled already: then the continuation has been resumed.
    func begin(_ continuation: CheckedContinuation<Answer?, Never>) -> Bool {
        self.continuation.withLock { $0 = continuation }
        // A cancellation before the line above found nothing to resume; one after it is the canceller's to answer.
        if cancellation.isCancelled { take()?.resume(returning: nil) }
        return !cancellation.isCancelled
    }

    func run() {
        guard let continuation = take() else { return }
        continuation.resume(returning: work(cancellation))
    }

    func cancel() {
        cancellation.flag.withLock { $0 = true }
        take()?.resume(returning: nil)
    }

    private func take() -> CheckedContinuation<Answer?, Never>? {
        continuation.withLock { held in
            defer { held = nil }
            return held
        }
    }
}

/// What the threads share. It outlives the pool until the last thread has seen that it is closed.
private final class WorkQueue: Sendable {
    private struct State: Sendable {
        var items = Fifo<any Runnable>()
        var threads = 0
        var idle = 0
        var isClosed = false
    }

    private let state = Guarded(State())
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    func submit(_ item: any Runnable) {
        let wantsThread = state.withLock { state in
            state.items.append(item)
            guard state.idle < state.items.count, state.threads < limit else { return false }
            state.threads += 1
            return true
        }
        if !wantsThread { return state.wakeOne() }
        if !startThread() { giveUpThread() }
    }

    func close() {
        state.withLock { $0.isClosed = true }
        state.wakeAll()
    }

    /// Where the system allows no thread at all, the caller's has to do the work: slow is better than never.
    private func giveUpThread() {
        let isAlone = state.withLock { state in
            state.threads -= 1
            return state.threads == 0
        }
        guard isAlone else { return state.wakeOne() }
        while let item = state.withLock({ $0.items.popFirst() }) { item.run() }
    }

    private func startThread() -> Bool {
        var attributes = pthread_attr_t()
        guard pthread_attr_init(&attributes) == 0 else { return false }
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        return withSignalsBlocked {
            var thread = pthread_t()
            let reference = Unmanaged.passRetained(self)
            let status = pthread_create(
                &thread, &attributes,
                { argument in
                    guard let argument else { return nil }
                    Unmanaged<WorkQueue>.fromOpaque(argument).takeRetainedValue().work()
                    return nil
                }, reference.toOpaque())
            if status != 0 { reference.release() }
            return status == 0
        }
    }

    /// A new thread inherits the mask: signals go to threads that expect them.
    private func withSignalsBlocked(_ body: () -> Bool) -> Bool {
        var all = sigset_t()
        var before = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        return body()
    }

    private func work() {
        while let item = next() { item.run() }
    }

    /// Waits for an item; nil when the queue is closed and empty.
    private func next() -> (any Runnable)? {
        state.withLock { $0.idle += 1 }
        return state.wait { state -> (any Runnable)?? in
            let item = state.items.popFirst()
            guard item != nil || state.isClosed else { return nil }
            state.idle -= 1
            return .some(item)
        }
    }
}
