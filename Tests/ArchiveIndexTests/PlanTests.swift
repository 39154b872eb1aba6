import ArchiveIndex
import ArchiveTypes
import ChunkFormat
import ObjectStore
import TestSupport
import Testing

/// Plans equal a search through all manifests, whatever the state of the index.
@Suite struct PlanTests {
    private func check(_ archive: inout SimulatedArchive, _ note: Comment, queries: Int = 3) async throws {
        for _ in 0..<queries {
            let query = archive.query()
            let plan = try await archive.reader.plan(query)
            let expected = try archive.expected(query)
            let resolved = Duplicates.resolve(Array(expected))
            #expect(plan.blocks == resolved, note)
            #expect(plan.duplicates == expected.count - resolved.count, note)
            #expect(Set(plan.incomplete.map(\.object)) == archive.damagedManifests, note)
        }
    }

    @Test(arguments: UInt64(1)...8) func equalsBruteForce(seed: UInt64) async throws {
        var archive = SimulatedArchive(seed: seed, isRemote: seed.isMultiple(of: 2))
        for step in 0..<40 {
            let action = Int.random(in: 0..<14, using: &archive.random)
            let note: Comment = "seed \(seed), step \(step), action \(action)"
            try await take(action, &archive)
            try await check(&archive, note, queries: 2)
        }
        let report = try await archive.indexer.update()
        #expect(report.isComplete == archive.damagedManifests.isEmpty, "seed \(seed)")
        try await check(&archive, "seed \(seed), at the end", queries: 10)
    }

    private func take(_ action: Int, _ archive: inout SimulatedArchive) async throws {
        switch action {
        case 0...4: try archive.archive(blocks: Int.random(in: 1...6, using: &archive.random))
        case 5: archive.clock.advance(by: Int64.random(in: 0..<(3 * .perHour), using: &archive.random))
        case 6: archive.clock.advance(by: 7 * .perMinute)
        case 7...9: _ = try await archive.indexer.update()
        case 10: try archive.putAgain()
        case 11: try archive.archiveTakenSequence()
        case 12: damageIndex(&archive)
        default:
            if Int.random(in: 0..<3, using: &archive.random) == 0 {
                _ = try await archive.indexer.rebuild(fromChunks: false)
            } else {
                try damageManifest(&archive)
            }
        }
    }

    private func damageIndex(_ archive: inout SimulatedArchive) {
        guard let key = archive.indexKeys.randomElement(using: &archive.random) else { return }
        guard Bool.random(using: &archive.random), let size = archive.store.objects[key]?.count, size > 0 else {
            archive.store.set(key, nil)
            return
        }
        archive.flip(key, at: Int.random(in: 0..<size, using: &archive.random), bit: 3)
    }

    /// Damages a new one, or mends all.
    private func damageManifest(_ archive: inout SimulatedArchive) throws {
        let damaged = archive.damagedManifests
        for key in damaged { archive.flip(key, at: 20, bit: 1) }
        guard damaged.isEmpty else { return }
        let before = Set(archive.store.objects.keys)
        try archive.archive(blocks: 2)
        for key in archive.store.objects.keys where !before.contains(key) { archive.flip(key, at: 20, bit: 1) }
    }

    @Test func mendedManifestIsFoundAgain() async throws {
        var archive = SimulatedArchive(seed: 31)
        for _ in 0..<5 { try archive.archive(blocks: 3) }
        let key = try #require(archive.store.objects.keys.sorted().first)
        archive.flip(key, at: 20, bit: 0)
        archive.clock.advance(by: 3 * .perHour)
        let first = try await archive.indexer.update()
        #expect(first.problems.map(\.object) == [key])
        try await check(&archive, "damaged")
        archive.flip(key, at: 20, bit: 0)
        try await check(&archive, "mended, not indexed")
        let second = try await archive.indexer.update()
        #expect(second.isComplete && second.manifestsRead == 1)
        let plan = try await archive.reader.plan(.everything)
        #expect(plan.steps.manifestsRead == 0)
        try await check(&archive, "mended and indexed")
        #expect(try await archive.indexer.update().objects.isEmpty)
    }

    @Test func damagedIndexIsWrittenAnewUnderAnotherName() async throws {
        var archive = SimulatedArchive(seed: 32)
        for _ in 0..<5 { try archive.archive(blocks: 3) }
        archive.clock.advance(by: 3 * .perHour)
        _ = try await archive.indexer.update()
        for key in archive.indexKeys { archive.flip(key, at: (archive.store.objects[key]?.count ?? 1) - 1, bit: 0) }
        let damaged = try await archive.reader.plan(.everything)
        #expect(damaged.incomplete.isEmpty && !damaged.warnings.isEmpty && damaged.steps.manifestsRead == 5)
        let report = try await archive.indexer.update()
        #expect(!report.objects.isEmpty && report.isComplete)
        let plan = try await archive.reader.plan(.everything)
        #expect(plan.warnings.isEmpty && plan.steps.manifestsRead == 0 && plan.blocks == damaged.blocks)
    }

    @Test func deletedIndexesAreRebuilt() async throws {
        var archive = SimulatedArchive(seed: 33)
        for _ in 0..<20 {
            try archive.archive(blocks: 4)
            archive.clock.advance(by: 25 * .perMinute)
            _ = try await archive.indexer.update()
        }
        let before = try await archive.reader.plan(.everything)
        for key in archive.indexKeys { archive.store.set(key, nil) }
        _ = try await archive.indexer.rebuild(fromChunks: false)
        let after = try await archive.reader.plan(.everything)
        #expect(after.blocks == before.blocks && after.steps.manifestsRead == 0)
        #expect(!after.steps.indexObjects.isEmpty)
    }

    @Test func twoIndexersAtOnce() async throws {
        var archive = SimulatedArchive(seed: 34)
        for round in 0..<12 {
            for _ in 0..<5 { try archive.archive(blocks: 3) }
            archive.clock.advance(by: 35 * .perMinute)
            let (one, other) = (archive.indexer, archive.indexer)
            async let first = one.update()
            async let second = other.update()
            #expect(try await first.isComplete)
            #expect(try await second.isComplete)
            try await check(&archive, "round \(round)")
        }
        #expect(archive.indexKeys.allSatisfy { $0.contains("-00-") }, "equal coverage made unequal objects")
    }

    @Test func hoursStayFewObjectsAndFewRequests() async throws {
        var archive = SimulatedArchive(seed: 35)
        let hours = 60
        for _ in 0..<hours {
            try archive.archive(blocks: 2)
            archive.clock.advance(by: .perHour)
            _ = try await archive.indexer.update()
        }
        try archive.archive(blocks: 1)
        let meter = StoreMeter()
        let reader = IndexReader(
            store: MeteredStore(archive.store, meter: meter), logger: SimulatedArchive.logger)
        let from = archive.clock.now - 50 * .perHour
        let query = BlockQuery(
            times: TimeRange(from: from, to: from + .perMinute), hosts: [Glob("web-1")],
            kinds: Set(BlockKind.allCases))
        let plan = try await reader.plan(query)
        #expect(plan.blocks == Duplicates.resolve(Array(try archive.expected(query))))
        let pages = (archive.indexKeys.count + 999) / 1000 + 1
        let figures = meter.snapshot
        #expect(figures[.list].requests == UInt64(pages))
        let sets = Set(plan.steps.indexObjects.compactMap { IndexObjectKey($0)?.name })
        #expect(sets.count <= SimulatedArchive.settings.liveSets + 1)
        #expect(plan.steps.manifestsRead <= 3)
        #expect(plan.steps.framesRead < plan.steps.frames / 2, "fences leave out what cannot match")
    }
}
