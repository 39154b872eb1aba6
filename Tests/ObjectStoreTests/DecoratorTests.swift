import ObjectStore
import TestSupport
import Testing

@Suite struct RetryingStoreTests {
    private func policy(attempts: Int = 6, deadline: Duration = .seconds(600)) -> RetryPolicy {
        var policy = RetryPolicy()
        policy.attempts = attempts
        policy.deadline = deadline
        return policy
    }

    private func failing(_ kind: StoreError.Kind, retryAfter: Double? = nil, _ when: Fault.When = .always)
        -> FaultyStore
    {
        FaultyStore(MemoryStore(), faults: [Fault(.error(kind, retryAfter: retryAfter), on: .put, when)])
    }

    @Test func succeedsAfterFailures() async throws {
        let faulty = failing(.transient, .upTo(3))
        let clock = VirtualClock(isEager: true)
        let meter = StoreMeter()
        let store = RetryingStore(faulty, policy: policy(), meter: meter, clock: clock)
        #expect(try await store.put("a", body([1])).outcome == .created)
        #expect(faulty.requests.count == 4)
        #expect(clock.sleeps.count == 3)
        #expect(meter.snapshot[.put].retries == 3)
    }

    @Test func aSuccessThatNobodyHeardOfIsHeldAlready() async throws {
        let faulty = FaultyStore(MemoryStore(), faults: [Fault(.doneButError(.transient), on: .put, .nth(1))])
        let store = RetryingStore(faulty, clock: VirtualClock(isEager: true))
        #expect(try await store.put("a", body([1])).outcome == .alreadyHeld)
    }

    @Test(arguments: [0, 0.5, 0.999_999])
    func waitsAreFullJitterBelowADoublingCeiling(random: Double) async {
        let clock = VirtualClock(isEager: true)
        let store = RetryingStore(failing(.transient), policy: policy(attempts: 12), clock: clock, random: { random })
        let error = await failure { () async throws(StoreError) in _ = try await store.put("a", body([1])) }
        #expect(error?.kind == .transient)
        #expect(error?.reason == "injected: transient (after 12 attempts)")
        let ceilings = [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000, 10_000]
        #expect(clock.sleeps == ceilings.map { .milliseconds($0) * random })
    }

    @Test func retryAfterIsALowerBound() async throws {
        let clock = VirtualClock(isEager: true)
        let faulty = failing(.transient, retryAfter: 7, .upTo(2))
        let store = RetryingStore(faulty, policy: policy(), clock: clock, random: { 0.5 })
        _ = try await store.put("a", body([1]))
        #expect(clock.sleeps == [.milliseconds(7050), .milliseconds(7100)])
    }

    @Test func aRetryAfterBeyondTheDeadlineIsNotWaitedFor() async throws {
        let clock = VirtualClock(isEager: true)
        let faulty = failing(.transient, retryAfter: 3600)
        let store = RetryingStore(faulty, policy: policy(), clock: clock)
        let error = await failure { () async throws(StoreError) in _ = try await store.put("a", body([1])) }
        #expect(error?.retryAfter == 3600, "whoever holds the backlog may want to know")
        #expect(faulty.requests.count == 1 && clock.sleeps == [])
    }

    @Test func noAttemptBeginsAfterTheDeadline() async throws {
        let clock = VirtualClock(isEager: true)
        let faulty = failing(.transient, retryAfter: 10)
        let policy = policy(attempts: 100, deadline: .seconds(35))
        let store = RetryingStore(faulty, policy: policy, clock: clock, random: { 0 })
        let error = await failure { () async throws(StoreError) in _ = try await store.put("a", body([1])) }
        #expect(error?.kind == .transient)
        #expect(faulty.requests.count == 4, "at 0, 10, 20 and 30 seconds")
    }

    @Test(arguments: [
        (StoreError.Kind.notFound, 1), (.rangeNotSatisfiable, 1), (.configuration, 1), (.rejected, 1), (.cancelled, 1),
        (.full, 1), (.corrupt, 2), (.transient, 6),
    ])
    func whatCannotHelpIsNotTried(_ kind: StoreError.Kind, attempts: Int) async throws {
        let faulty = failing(kind)
        let store = RetryingStore(faulty, clock: VirtualClock(isEager: true))
        let error = await failure { () async throws(StoreError) in _ = try await store.put("a", body([1])) }
        #expect(error?.kind == kind)
        #expect(faulty.requests.count == attempts)
    }

    @Test func theBudgetBoundsRetriesOfAllTogether() async throws {
        let faulty = failing(.transient)
        let budget = RetryBudget(share: 0.25, reserve: 10)
        let clock = VirtualClock(isEager: true)
        let stores = (0..<2).map { _ in RetryingStore(faulty, policy: policy(), budget: budget, clock: clock) }
        for number in 0..<100 {
            _ = await failure { () async throws(StoreError) in _ = try await stores[number % 2].put("a", body([1])) }
        }
        // A full bucket at the beginning, to which the first payment adds nothing; then a quarter of a token a request.
        let retries = faulty.requests.count - 100
        #expect(retries == 34, "10 and a quarter of 99")
    }

    @Test func cancellationEndsAWait() async throws {
        let clock = VirtualClock()
        let faulty = failing(.transient)
        let store = RetryingStore(faulty, policy: policy(), clock: clock, random: { 0.5 })
        let task = Task { await failure { () async throws(StoreError) in _ = try await store.put("a", body([1])) } }
        await until("it waits") { clock.sleeperCount == 1 }
        task.cancel()
        let error = await task.value
        #expect(error?.kind == .cancelled && error?.store == "memory" && error?.operation == "PUT a")
        #expect(faulty.requests.count == 1)
    }
}

@Suite struct LimitedStoreTests {
    @Test func soManyAtOnceAndInOrder() async throws {
        let faulty = FaultyStore(MemoryStore(), faults: [Fault(.held)])
        let permits = AsyncSemaphore(permits: 3)
        let store = LimitedStore(faulty, permits: permits)
        var tasks: [Task<Void, any Error>] = []
        for number in 0..<10 {
            tasks.append(Task { _ = try await store.put("key-\(number)", body([1])) })
            if number < 3 { await faulty.waitUntilHeld(number + 1) }
            await until("task \(number) has come") { permits.waiting == max(0, number - 2) }
        }
        #expect(faulty.requests.count == 3)
        for batch in [3, 3, 3, 1] {
            await faulty.waitUntilHeld(batch)
            faulty.release()
        }
        for task in tasks { try await task.value }
        let order = faulty.requests.map(\.key)
        // Within a batch the released tasks run in any order.
        for first in [0, 3, 6] {
            #expect(Set(order[first..<first + 3]) == Set((first..<first + 3).map { "key-\($0)" }))
        }
    }

    @Test func cancellationInTheQueue() async throws {
        let faulty = FaultyStore(MemoryStore(), faults: [Fault(.held)])
        let store = LimitedStore(faulty, concurrency: 1)
        let first = Task { try await store.put("first", body([1])) }
        await faulty.waitUntilHeld(1)
        let second = Task {
            await failure { () async throws(StoreError) in _ = try await store.put("second", body([1])) }
        }
        second.cancel()
        #expect(await second.value?.kind == .cancelled)
        first.cancel()
        _ = await first.result
        faulty.heal()
        #expect(try await store.put("third", body([1])).outcome == .created, "no permit was lost")
        #expect(faulty.requests.map(\.key) == ["first", "third"])
    }
}

@Suite struct TimeoutStoreTests {
    @Test func aRequestThatHangsIsGivenUp() async throws {
        let faulty = FaultyStore(MemoryStore(), faults: [Fault(.held)])
        let clock = VirtualClock()
        let store = TimeoutStore(faulty, timeout: .seconds(30), clock: clock)
        let task = Task { await failure { () async throws(StoreError) in _ = try await store.get("a", .whole) } }
        await faulty.waitUntilHeld(1)
        await until("the timer runs") { clock.sleeperCount == 1 }
        clock.advance(by: .seconds(29))
        #expect(clock.sleeperCount == 1)
        clock.advance(by: .seconds(1))
        let error = await task.value
        #expect(error?.kind == .transient && error?.operation == "GET a")
        #expect(error?.reason.contains("30") == true)
    }

    /// Where the store does not even notice cancellation: a thread in the kernel, for example.
    @Test func whoHangsDeafIsNotWaitedFor() async throws {
        let clock = VirtualClock()
        let deaf = DeafStore()
        let store = TimeoutStore(deaf, timeout: .seconds(30), clock: clock)
        let task = Task { await failure { () async throws(StoreError) in try await store.delete("a") } }
        await until("the timer runs") { clock.sleeperCount == 1 }
        clock.advance(by: .seconds(30))
        #expect(await task.value?.kind == .transient)
        let cancelled = Task { await failure { () async throws(StoreError) in try await store.delete("a") } }
        await until("the timer runs") { clock.sleeperCount == 1 }
        cancelled.cancel()
        #expect(await cancelled.value?.kind == .cancelled)
        deaf.end()
    }

    @Test func largeBodiesHaveMoreTime() async throws {
        let faulty = FaultyStore(MemoryStore(), faults: [Fault(.held)])
        let clock = VirtualClock()
        let store = TimeoutStore(faulty, timeout: .seconds(10), leastBytesPerSecond: 1000, clock: clock)
        let large = body([UInt8](repeating: 0, count: 5000))
        let task = Task { await failure { () async throws(StoreError) in _ = try await store.put("a", large) } }
        await until("the timer runs") { clock.sleeperCount == 1 }
        #expect(clock.sleeps == [.seconds(15)])
        task.cancel()
        #expect(await task.value?.kind == .cancelled)
    }

    @Test func anAnswerInTimeStopsTheTimer() async throws {
        let clock = VirtualClock()
        let store = TimeoutStore(MemoryStore(), timeout: .seconds(30), clock: clock)
        _ = try await store.put("a", body([1]))
        await until("no timer runs") { clock.sleeperCount == 0 }
        let error = await failure { () async throws(StoreError) in _ = try await store.get("b", .whole) }
        #expect(error?.kind == .notFound)
    }
}

/// Answers nothing until `end`, cancelled or not.
private final class DeafStore: StoreDecorator {
    let base: any ObjectStore = MemoryStore()
    private let waiting = Guarded<[CheckedContinuation<Void, Never>]>([])

    func perform<Answer: Sendable>(
        _ request: StoreRequest,
        _ call: nonisolated(nonsending) @escaping @Sendable () async throws(StoreError) -> Answer
    ) async throws(StoreError) -> Answer {
        await withCheckedContinuation { continuation in waiting.withLock { $0.append(continuation) } }
        return try await call()
    }

    func end() {
        let all = waiting.withLock { $0 }
        for continuation in all { continuation.resume() }
    }
}

@Suite struct MeteredStoreTests {
    @Test func countsRequestsBytesErrorsAndTime() async throws {
        let clock = VirtualClock()
        let faulty = FaultyStore(MemoryStore(), faults: [Fault(.held, on: .get, .nth(1))])
        let meter = StoreMeter()
        let store = MeteredStore(faulty, meter: meter, clock: clock)
        _ = try await store.put("a", body([1, 2, 3, 4, 5]))
        _ = try await store.put("a", body([1, 2, 3, 4, 5]))
        let before = meter.snapshot
        let slow = Task { try await store.get("a", .whole) }
        await faulty.waitUntilHeld(1)
        clock.advance(by: .seconds(3))
        faulty.release()
        #expect(try await slow.value.bytes.count == 5)
        _ = try await store.get("a", .bytes(offset: 1, length: 2))
        _ = await failure { () async throws(StoreError) in _ = try await store.get("b", .whole) }
        _ = try await store.list(prefix: "", after: nil, limit: 10)
        _ = try await store.size("a")
        try await store.delete("a")
        let figures = meter.snapshot
        #expect(figures[.put].requests == 2 && figures[.put].bytesSent == 10 && figures[.put].bytesReceived == 0)
        #expect(
            figures[.get].requests == 3 && figures[.get].bytesReceived == 7 && figures[.get].errors == [.notFound: 1])
        #expect(figures[.get].latencySum == .seconds(3) && figures[.get].latencyMax == .seconds(3))
        #expect(figures[.list].requests == 1 && figures[.size].requests == 1 && figures[.delete].requests == 1)
        let since = figures - before
        #expect(since[.put].requests == 0 && since[.put].bytesSent == 0)
        #expect(since.total.requests == 6 && since.total.bytesReceived == 7 && since.total.errorCount == 1)
        #expect((figures - figures).total.errors == [:])
    }
}
