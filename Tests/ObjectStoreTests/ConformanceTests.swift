import ObjectStore
import TestSupport
import Testing

/// Every store and every decorator passes the same suite.
@Suite struct ConformanceTests {
    private let strict = StoreConformance.Expectations(preventsOverwrite: true, checksDigests: true)

    @Test(arguments: StoreConformance.Check.allCases)
    func directory(_ check: StoreConformance.Check) async throws {
        try await withTemporaryDirectory { path in
            let store = try DirectoryStore(path: path + "/store", name: "directory", create: true)
            try await StoreConformance(store: store, expecting: .init(preventsOverwrite: true)).run(check)
            #expect(names(in: path + "/store/.firn-tmp") == [], "temporary files are left")
        }
    }

    /// File bodies are copied where they cannot be linked.
    @Test(arguments: [StoreConformance.Check.fileBodies, .roundTripsOfAnySize, .listingInOrder])
    func directoryInMemory(_ check: StoreConformance.Check) async throws {
        try await withTemporaryDirectory(in: "/dev/shm") { path in
            let store = try DirectoryStore(path: path, name: "shm", create: false)
            try await StoreConformance(store: store, expecting: .init(preventsOverwrite: true)).run(check)
        }
    }

    @Test(arguments: StoreConformance.Check.allCases)
    func memory(_ check: StoreConformance.Check) async throws {
        try await StoreConformance(store: MemoryStore(), expecting: strict).run(check)
    }

    @Test(arguments: StoreConformance.Check.allCases)
    func carelessMemory(_ check: StoreConformance.Check) async throws {
        let store = MemoryStore(behaviour: .init(overwrites: true, checksDigests: false))
        try await StoreConformance(store: store, expecting: .init(preventsOverwrite: false)).run(check)
    }

    @Test(arguments: StoreConformance.Check.allCases)
    func limited(_ check: StoreConformance.Check) async throws {
        try await StoreConformance(store: LimitedStore(MemoryStore(), concurrency: 2), expecting: strict).run(check)
    }

    @Test(arguments: StoreConformance.Check.allCases)
    func timeout(_ check: StoreConformance.Check) async throws {
        let store = TimeoutStore(MemoryStore(), timeout: .seconds(300), leastBytesPerSecond: 1000)
        try await StoreConformance(store: store, expecting: strict).run(check)
    }

    @Test(arguments: StoreConformance.Check.allCases)
    func metered(_ check: StoreConformance.Check) async throws {
        try await StoreConformance(store: MeteredStore(MemoryStore(), meter: StoreMeter()), expecting: strict).run(
            check)
    }

    @Test(arguments: StoreConformance.Check.allCases)
    func faultless(_ check: StoreConformance.Check) async throws {
        try await StoreConformance(store: FaultyStore(MemoryStore()), expecting: strict).run(check)
    }

    /// A third of all requests fails before or after it is done; retries hide it. Where a PUT fails after it was
    /// done, its repetition finds the object held.
    @Test(arguments: StoreConformance.Check.allCases.filter { !answersTellWhoCreated.contains($0) })
    func retrying(_ check: StoreConformance.Check) async throws {
        let faults = [Fault(.error(.transient), .chance(0.2)), Fault(.doneButError(.transient), .chance(0.2))]
        var policy = RetryPolicy()
        policy.attempts = 100
        policy.deadline = .seconds(1_000_000)
        let store = RetryingStore(
            FaultyStore(MemoryStore(), faults: faults, seed: 5), policy: policy,
            budget: RetryBudget(share: 100, reserve: 1_000_000), clock: VirtualClock(isEager: true))
        try await StoreConformance(store: store, expecting: strict).run(check)
    }

    private static let answersTellWhoCreated: [StoreConformance.Check] = [
        .roundTripsOfAnySize, .fileBodies, .deletion, .sixteenPutsAtOnce, .puttingOtherBytes,
    ]

    /// All of them, as they are meant to be stacked, on a real directory.
    @Test(arguments: StoreConformance.Check.allCases)
    func stacked(_ check: StoreConformance.Check) async throws {
        try await withTemporaryDirectory { path in
            let directory = try DirectoryStore(path: path, name: "stack", create: true)
            let metered = MeteredStore(directory, meter: StoreMeter())
            let store = RetryingStore(TimeoutStore(LimitedStore(metered, concurrency: 4), timeout: .seconds(300)))
            #expect(store.name == "stack" && store.capabilities == directory.capabilities)
            try await StoreConformance(store: store, expecting: .init(preventsOverwrite: true, keysToList: 300)).run(
                check)
        }
    }
}
