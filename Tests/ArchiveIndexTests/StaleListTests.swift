import ArchiveIndex
import ArchiveTypes
import ChunkFormat
import ObjectStore
import TestSupport
import Testing

/// Shows index objects in its first listings that are gone.
private struct StaleStore: ObjectStore {
    let base: MemoryStore
    let gone: [ListPage.Entry]
    let listings: Guarded<Int>

    var name: String { base.name }
    var capabilities: StoreCapabilities { base.capabilities }

    func list(prefix: String, after: String?, limit: Int) async throws(StoreError) -> ListPage {
        var page = try await base.list(prefix: prefix, after: after, limit: limit)
        let isStale = listings.withLock { left in
            guard prefix == KeyLayout.index, left > 0 else { return false }
            left -= 1
            return true
        }
        if isStale { page.entries = gone }
        return page
    }

    func put(_ key: String, _ body: ObjectBody) async throws(StoreError) -> PutResult { try await base.put(key, body) }
    func get(_ key: String, _ range: ObjectRange) async throws(StoreError) -> ObjectData {
        try await base.get(key, range)
    }
    func size(_ key: String) async throws(StoreError) -> UInt64 { try await base.size(key) }
    func delete(_ key: String) async throws(StoreError) { try await base.delete(key) }
}

@Suite struct StaleListTests {
    @Test(arguments: [1, 2, 100]) func missedIndexObject(staleListings: Int) async throws {
        var archive = SimulatedArchive(seed: 51)
        for _ in 0..<4 { try archive.archive(blocks: 3) }
        archive.clock.advance(by: 3 * .perHour)
        _ = try await archive.indexer.update()
        let before = try await archive.reader.plan(.everything)
        let gone = archive.indexKeys.map {
            ListPage.Entry(key: $0, size: UInt64(archive.store.objects[$0]?.count ?? 0))
        }
        for key in archive.indexKeys { archive.store.set(key, nil) }

        let stale = StaleStore(base: archive.store, gone: gone, listings: Guarded(staleListings))
        let plan = try await IndexReader(store: stale, logger: SimulatedArchive.logger).plan(.everything)
        #expect(plan.blocks == before.blocks && plan.incomplete.isEmpty)
        #expect(plan.warnings.isEmpty == (staleListings == 1), "the first miss only means to list again")
        #expect(plan.steps.restarts >= min(staleListings, 2) && plan.steps.manifestsRead == 4)
    }
}
