import ObjectStore
import TestSupport
import Testing

/// What other tests rely on when they inject faults.
@Suite struct FaultyStoreTests {
    private let memory = MemoryStore()

    @Test func faultsBefallWhatTheyAreFor() async throws {
        let store = FaultyStore(memory, faults: [Fault(.error(.full), on: .put, keyPrefix: "b/", .nth(2))])
        _ = try await store.put("b/1", body([1]))
        _ = try await store.put("a/1", body([1]))
        let error = await failure { () async throws(StoreError) in _ = try await store.put("b/2", body([1])) }
        #expect(error?.kind == .full)
        _ = try await store.put("b/3", body([1]))
        #expect(memory.objects.keys.sorted() == ["a/1", "b/1", "b/3"])
        #expect(store.requests.map(\.description) == ["PUT b/1", "PUT a/1", "PUT b/2", "PUT b/3"])
        store.add(Fault(.error(.transient)))
        #expect(await failure { () async throws(StoreError) in try await store.delete("a/1") }?.kind == .transient)
        store.heal()
        try await store.delete("a/1")
    }

    @Test func aDoneRequestCanBeAnsweredWithAnError() async throws {
        let store = FaultyStore(memory, faults: [Fault(.doneButError(.transient), on: .put)])
        _ = await failure { () async throws(StoreError) in _ = try await store.put("a", body([1])) }
        #expect(memory.objects["a"] == [1])
    }

    @Test func bytesAreDamagedOnTheWay() async throws {
        let bytes = [UInt8](repeating: 0, count: 1000)
        let store = FaultyStore(
            memory, faults: [Fault(.corrupted, on: .get, .nth(1)), Fault(.truncated(by: 10), on: .get)])
        _ = try await store.put("a", body(bytes))
        let corrupted = try await store.get("a", .whole).bytes
        #expect(corrupted.count == 1000 && corrupted.reduce(0) { $0 + $1.nonzeroBitCount } == 1)
        let truncated = try await store.get("a", .whole)
        #expect(truncated.bytes.count == 990 && truncated.objectSize == 1000)
        store.add(Fault(.truncated(by: 1), on: .put))
        _ = try await store.put("b", body(bytes))
        #expect(memory.objects["b"]?.count == 999)
    }

    @Test func listingsCanBeStale() async throws {
        let store = FaultyStore(memory, faults: [Fault(.stale(lacking: 2), on: .list, .nth(1))])
        for key in ["c", "a", "b"] { _ = try await store.put(key, body([])) }
        #expect(try await store.list(prefix: "", after: nil, limit: 10).entries.map(\.key) == ["c"])
        #expect(try await store.list(prefix: "", after: nil, limit: 10).entries.map(\.key) == ["a", "b", "c"])
    }

    @Test func heldRequestsWaitForReleaseOrCancellation() async throws {
        let store = FaultyStore(memory, faults: [Fault(.held, on: .put)])
        let put = Task { try await store.put("a", body([1])) }
        await store.waitUntilHeld(1)
        #expect(memory.objects.isEmpty)
        store.release()
        #expect(try await put.value.outcome == .created)
        let cancelled = Task {
            await failure { () async throws(StoreError) in _ = try await store.put("b", body([1])) }
        }
        await store.waitUntilHeld(1)
        cancelled.cancel()
        #expect(await cancelled.value?.kind == .cancelled)
        #expect(memory.objects["b"] == nil)
    }

    @Test func theSeedDecidesChance() async throws {
        func outcomes(_ seed: UInt64) async -> [Bool] {
            let store = FaultyStore(MemoryStore(), faults: [Fault(.error(.transient), .chance(0.5))], seed: seed)
            var outcomes: [Bool] = []
            for _ in 0..<64 {
                do { outcomes.append(try await store.put("a", body([])).outcome == .created) } catch {
                    outcomes.append(false)
                }
            }
            return outcomes
        }
        #expect(await outcomes(1) == outcomes(1))
        #expect(await outcomes(1) != outcomes(2))
    }
}
