import ObjectStore
import TestSupport
import Testing

@Suite struct AsyncSemaphoreTests {
    @Test func permitsGoRoundInTheOrderOfAsking() async throws {
        let semaphore = AsyncSemaphore(permits: 1)
        let order = Guarded<[Int]>([])
        try await semaphore.acquire()
        var tasks: [Task<Void, any Error>] = []
        for number in 0..<50 {
            tasks.append(
                Task {
                    try await semaphore.acquire()
                    order.withLock { $0.append(number) }
                    semaphore.release()
                })
            await until("task \(number) waits") { semaphore.waiting == number + 1 }
        }
        semaphore.release()
        for task in tasks { try await task.value }
        #expect(order.withLock { $0 } == Array(0..<50))
    }

    @Test func cancelledTasksLeaveTheQueue() async throws {
        let semaphore = AsyncSemaphore(permits: 0)
        let cancelled = Task { try await semaphore.acquire() }
        await until("the first waits") { semaphore.waiting == 1 }
        let other = Task { try await semaphore.acquire() }
        await until("the second waits") { semaphore.waiting == 2 }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        #expect(semaphore.waiting == 1)
        semaphore.release()
        try await other.value
        let late = Task { try await semaphore.acquire() }
        await until("the third waits") { semaphore.waiting == 1 }
        late.cancel()
        await #expect(throws: CancellationError.self) { try await late.value }
        semaphore.release()
        try await semaphore.acquire()
        #expect(semaphore.waiting == 0, "the permit of nobody was not lost")
    }

    @Test func noPermitIsLostUnderCancellation() async throws {
        let semaphore = AsyncSemaphore(permits: 3)
        let inside = Guarded((now: 0, most: 0))
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<300 {
                group.addTask {
                    let task = Task {
                        try await semaphore.acquire()
                        inside.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
                        await Task.yield()
                        inside.withLock { $0.now -= 1 }
                        semaphore.release()
                    }
                    if number % 3 == 0 { task.cancel() }
                    // Cancelled or not is the same here.
                    _ = await task.result
                }
            }
        }
        #expect(inside.withLock { $0.now } == 0)
        #expect(inside.withLock { $0.most } <= 3)
        for _ in 0..<3 { try await semaphore.acquire() }
        #expect(semaphore.waiting == 0)
    }
}

@Suite struct BlockingPoolTests {
    @Test func asManyRunAtOnceAsThereAreThreads() async throws {
        let pool = BlockingPool(workers: 3)
        let running = Guarded(0)
        let isOpen = Guarded(false)
        await withTaskGroup(of: Int?.self) { group in
            for number in 0..<10 {
                group.addTask {
                    await pool.run { _ in
                        running.withLock { $0 += 1 }
                        isOpen.wait { $0 ? () : nil }
                        return number
                    }
                }
            }
            await until("three run") { running.withLock { $0 } == 3 }
            for _ in 0..<100 { await Task.yield() }
            #expect(running.withLock { $0 } == 3)
            isOpen.withLock { $0 = true }
            isOpen.wakeAll()
            let answers = await group.reduce(into: Set<Int?>()) { $0.insert($1) }
            #expect(answers == Set(0..<10))
        }
    }

    @Test func cancelledWorkThatWaitsIsNotDone() async throws {
        let pool = BlockingPool(workers: 1)
        let isOpen = Guarded(false)
        let hasBegun = Guarded(false)
        let first = Task {
            await pool.run { cancellation in
                hasBegun.withLock { $0 = true }
                isOpen.wait { $0 ? () : nil }
                return cancellation.isCancelled
            }
        }
        await until("the first runs") { hasBegun.withLock { $0 } }
        let second = Task { await pool.run { _ in Issue.record("cancelled work was done") } }
        second.cancel()
        #expect(await second.value == nil, "it does not wait for its turn")
        first.cancel()
        isOpen.withLock { $0 = true }
        isOpen.wakeAll()
        #expect(await first.value == true, "work under way goes on and can ask")
    }

    @Test func errorsComeThroughWithTheirType() async {
        struct Failure: Error, Equatable {}
        do throws(Failure) {
            _ = try await BlockingPool.shared.run { _ throws(Failure) -> Int in throw Failure() }
            Issue.record("succeeded")
        } catch { #expect(error == Failure()) }
    }
}

@Suite struct FifoTests {
    @Test func equalsAnArray() {
        var generator = SeededGenerator(seed: 3)
        var queue = Fifo<Int>()
        var model: [Int] = []
        for number in 0..<20_000 {
            if Bool.random(using: &generator) || number < 5000 {
                queue.append(number)
                model.append(number)
            } else {
                #expect(queue.popFirst() == (model.isEmpty ? nil : model.removeFirst()), "step \(number)")
            }
            #expect(queue.count == model.count, "step \(number)")
        }
    }
}
