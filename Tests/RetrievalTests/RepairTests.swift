import ArchiveIndex
import ArchiveTypes
import Checksums
import ChunkFormat
import Foundation
import Logging
import ObjectStore
import Placement
import Retrieval
import TestSupport
import Testing

/// An archive over several stores in memory, and what each of them should hold.
// What is not Sendable in it stays as it is while tasks share it.
private struct StoresFixture: @unchecked Sendable {
    let stores: [MemoryStore]
    let rule: PlacementRule
    let folder = TemporaryDirectory()
    let scratch: Scratch
    private(set) var archive: TestArchive
    private(set) var truth: [[String: [UInt8]]] = []

    init(_ rule: Redundancy.Rule, stores count: Int, chunks: Int, using generator: inout SeededGenerator) async throws {
        let now = TestArchive.sealed + 3 * .perHour
        let behaviour = MemoryStore.Behaviour(overwrites: Bool.random(using: &generator))
        stores = (0..<count).map { MemoryStore(name: "s\($0)", behaviour: behaviour, now: { now }) }
        self.rule = PlacementRule(rule, stores: stores.map { PlacementRule.Store($0.name) })
        scratch = try Scratch(in: folder.path)
        archive = try TestArchive()
        archive.rule = self.rule
        for store in stores { store.set(KeyLayout.archiveDescription, ArchiveDescription(archive: "main").encoded()) }
        for index in 0..<chunks {
            let life = try Fixtures.life(host: "h\(index)", lines: Int.random(in: 1...400, using: &generator))
            try archive.add(life, 0..<life.bytes.count)
            try await put(try #require(try archive.seal()))
        }
        _ = try await Indexer(store: united(), logger: Logger(label: "test")).update()
        remember()
    }

    mutating func remember() { truth = stores.map(\.objects) }

    /// Puts a chunk as an archiver does: parts first.
    func put(_ manifest: Manifest) async throws {
        let path = folder.path + "/chunk-\(manifest.chunk.name)"
        try Data(try #require(archive.store.objects[manifest.chunk.description])).write(to: URL(filePath: path))
        let parts = try ChunkParts.of(manifest, path: path, scratch: folder.path + "/parity", for: stores)
        for (part, name) in zip(parts.parts, manifest.description.redundancy.placement) {
            _ = try await stores.first { $0.name == name }?.put(part.key, part.body)
        }
        let object = try manifest.encoded()
        let key = manifest.key(hour: Hour(containing: TestArchive.sealed), object: object).description
        for store in stores { store.set(key, object) }
    }

    func members(_ wrap: (MemoryStore) -> any ObjectStore = { $0 }) -> [StoreMember] {
        stores.map { StoreMember(name: $0.name, store: wrap($0)) }
    }

    func united(_ rule: PlacementRule? = nil) -> RedundantStore {
        RedundantStore(members(), rule: rule ?? self.rule, archive: nil, isStrict: true)
    }

    func repair(
        deep: Bool = true, dryRun: Bool = false, to rule: PlacementRule? = nil,
        _ wrap: (MemoryStore) -> any ObjectStore = { $0 }
    ) async throws -> RepairReport {
        var settings = Repairer.Settings()
        (settings.isDeep, settings.isDryRun, settings.rule) = (deep, dryRun, rule)
        return try await Repairer(members(wrap), settings: settings, scratch: scratch).run()
    }

    func verify(
        deep: Bool = true, _ rule: PlacementRule? = nil, _ wrap: (MemoryStore) -> any ObjectStore = { $0 }
    ) async throws -> VerifyReport {
        try await ArchiveVerifier(
            members(wrap), united: united(rule), archive: nil, options: VerifyOptions(isDeep: deep), scratch: scratch
        ).run()
    }

    /// Damages objects of some stores. Firn.json is removed at most.
    func damage(_ damaged: some Sequence<Int>, using generator: inout SeededGenerator) {
        for store in damaged {
            if Int.random(in: 0..<4, using: &generator) == 0 {
                for key in truth[store].keys { stores[store].set(key, nil) }
                continue
            }
            for (key, bytes) in truth[store].sorted(by: { $0.key < $1.key }) {
                var bytes = bytes
                switch Int.random(in: 0..<5, using: &generator) {
                case 0: stores[store].set(key, nil)
                case 1:
                    bytes[Int.random(in: 0..<bytes.count, using: &generator)] ^=
                        1 << UInt8.random(in: 0..<8, using: &generator)
                    stores[store].set(key, bytes)
                case 2:
                    stores[store].set(key, Array(bytes.dropLast(Int.random(in: 1...bytes.count, using: &generator))))
                case 3 where key != KeyLayout.archiveDescription: stores[store].set(key, bytes + [0])
                default: break
                }
            }
        }
    }

    /// The number of the store that holds a shard.
    func holder(of shard: Int, _ manifest: Manifest) throws -> Int {
        let name = manifest.description.redundancy.placement[shard]
        return try #require(stores.firstIndex { $0.name == name })
    }

    /// Puts other bytes in a shard's place, with the trailer that belongs to them.
    func lie(_ shard: Int, of manifest: Manifest, using generator: inout SeededGenerator) throws {
        let key = try #require(ShardKey(manifest.chunk, index: shard))
        let store = stores[try holder(of: shard, manifest)]
        var payload = Array(try #require(store.objects[key.description]).dropLast(ShardTrailer.length))
        payload[Int.random(in: 0..<payload.count, using: &generator)] ^= 1
        let trailer = ShardTrailer(key: key, chunkDigest: manifest.sha256, payloadDigest: sha256(payload)).encoded()
        store.set(key.description, payload + trailer)
    }

    /// Nothing is there that never was, but what was damaged.
    func expectNothingNew(_ seed: UInt64) {
        for (store, truth) in zip(stores, truth) {
            #expect(store.objects.keys.allSatisfy { truth[$0] != nil }, "seed \(seed)")
        }
    }

    func expectTruth(_ seed: UInt64) {
        for (store, truth) in zip(stores, truth) {
            let held = store.objects
            let wrong = Set(held.keys).union(truth.keys).filter { held[$0] != truth[$0] }
            #expect(wrong.isEmpty, "seed \(seed): \(store.name): \(wrong.sorted().prefix(3))")
        }
    }
}

@Suite struct RepairTests {
    private static let rules: [(rule: Redundancy.Rule, stores: Int, tolerated: Int)] = [
        (.copies(3), 3, 2), (.copies(2), 4, 1), (.erasure(data: 2, parity: 1), 3, 1),
        (.erasure(data: 4, parity: 2), 6, 2), (.erasure(data: 3, parity: 2), 7, 2),
    ]

    private static var rounds: Int {
        ProcessInfo.processInfo.environment["FIRN_TEST_EFFORT"] == "long" ? 200 : 3
    }

    /// Whatever happens to as many stores as the rule tolerates: every byte comes back.
    @Test(arguments: rules.indices) func whatIsToleratedIsRestored(_ number: Int) async throws {
        let (rule, count, tolerated) = Self.rules[number]
        for _ in 0..<Self.rounds {
            let seed = UInt64.random(in: 0 ... .max)
            var generator = SeededGenerator(seed: seed)
            let fixture = try await StoresFixture(rule, stores: count, chunks: 4, using: &generator)
            #expect(try await fixture.verify().problems.isEmpty, "seed \(seed)")
            fixture.damage((0..<count).shuffled(using: &generator).prefix(tolerated), using: &generator)
            let isDamaged = zip(fixture.stores, fixture.truth).contains { $0.objects != $1 }
            #expect(try await fixture.verify().problems.isEmpty != isDamaged, "seed \(seed)")

            let before = fixture.stores.map(\.objects)
            let plan = try await fixture.repair(dryRun: true)
            #expect(fixture.stores.map(\.objects) == before, "seed \(seed)")
            let report = try await fixture.repair()
            #expect(report.problems.isEmpty, "seed \(seed): \(report.problems)")
            #expect(report.restored == plan.restored, "seed \(seed)")
            fixture.expectTruth(seed)
            #expect(try await fixture.repair().objects == 0, "seed \(seed)")
            let verified = try await fixture.verify()
            #expect(verified.problems.isEmpty && verified.verdicts == [.whole: 4], "seed \(seed): \(verified.problems)")
        }
    }

    /// One part more is gone than the rule tolerates: that is said, and all else is restored.
    @Test(arguments: rules.indices) func whatIsNotToleratedIsSaid(_ number: Int) async throws {
        let (rule, count, _) = Self.rules[number]
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        let fixture = try await StoresFixture(rule, stores: count, chunks: 4, using: &generator)
        let lost = try #require(fixture.archive.manifests.randomElement(using: &generator))
        let holders = fixture.stores.indices.filter { store in
            fixture.truth[store].keys.contains { $0.contains("\(lost.chunk.name)") }
        }.shuffled(using: &generator)
        for store in holders.prefix(rule.parts - rule.needed + 1) {
            for key in fixture.truth[store].keys where key.contains("\(lost.chunk.name)") {
                fixture.stores[store].set(key, nil)
            }
        }
        let emptied = try #require(holders.last)
        for key in fixture.truth[emptied].keys where !key.contains("\(lost.chunk.name)") {
            fixture.stores[emptied].set(key, nil)
        }
        let found = try await fixture.verify(deep: false)
        #expect(found.verdicts[.beyondRepair] == 1, "seed \(seed): \(found.verdicts)")
        let report = try await fixture.repair(deep: Bool.random(using: &generator))
        #expect(
            report.problems.contains { $0.key == lost.chunk.description && $0.reason.contains("beyond repair") },
            "seed \(seed): \(report.problems)")
        #expect(report.problems.allSatisfy { $0.key.contains("\(lost.chunk.name)") }, "seed \(seed)")
        for (store, truth) in zip(fixture.stores, fixture.truth) {
            let held = store.objects
            #expect(
                truth.allSatisfy { $0.key.contains("\(lost.chunk.name)") || held[$0.key] == $0.value }, "seed \(seed)")
        }
        fixture.expectNothingNew(seed)
    }

    /// Stores fail now and then, also after they did what was asked; runs are cut off; two run at the same time.
    @Test(arguments: rules.indices) func interruptedAndDoubledRunsEndWell(_ number: Int) async throws {
        let (rule, count, tolerated) = Self.rules[number]
        for _ in 0..<Self.rounds {
            let seed = UInt64.random(in: 0 ... .max)
            var generator = SeededGenerator(seed: seed)
            let fixture = try await StoresFixture(rule, stores: count, chunks: 4, using: &generator)
            fixture.damage((0..<count).shuffled(using: &generator).prefix(tolerated), using: &generator)
            let faults = [
                Fault(.error(.transient), on: .put, .chance(0.3)),
                Fault(.doneButError(.transient), on: .put, .chance(0.2)),
                Fault(.doneButError(.transient), on: .delete, .chance(0.3)),
                Fault(.error(.transient), on: .get, .chance(0.05)),
            ]
            let (stores, scratch) = (fixture.stores, fixture.scratch)
            for _ in 0..<4 {
                let seeds = (0..<2).map { _ in UInt64.random(in: 0 ... .max, using: &generator) }
                let cut = Int.random(in: 1...200, using: &generator)
                let runs = seeds.enumerated().map { index, seed in
                    let counter = RequestCounter(limit: index == 0 ? cut : .max)
                    let members = stores.map { store in
                        StoreMember(
                            name: store.name,
                            store: CuttingStore(FaultyStore(store, faults: faults, seed: seed), counter))
                    }
                    var settings = Repairer.Settings()
                    settings.isDeep = true
                    let repairer = Repairer(members, settings: settings, scratch: scratch)
                    let run = Task { try await repairer.run() }
                    counter.cut { run.cancel() }
                    return run
                }
                // Where one failed or was cut off, the next one goes on.
                for run in runs { _ = await run.result }
                fixture.expectNothingNew(seed)
            }
            let report = try await fixture.repair()
            #expect(report.problems.isEmpty, "seed \(seed): \(report.problems)")
            fixture.expectTruth(seed)
        }
    }

    /// A store that allows neither overwriting nor removing keeps what is damaged, and that is said.
    @Test func lockedObjectsAreLeftAndTold() async throws {
        var generator = SeededGenerator(seed: 11)
        let fixture = try await StoresFixture(.copies(3), stores: 3, chunks: 2, using: &generator)
        let locked = MemoryStore(name: "s0")
        for (key, bytes) in fixture.truth[0] { locked.set(key, bytes) }
        let damaged = try #require(fixture.archive.manifests.first?.chunk.description)
        let missing = try #require(fixture.archive.manifests.last?.chunk.description)
        locked.set(damaged, [1])
        locked.set(missing, nil)
        let report = try await fixture.repair { store in
            guard store.name == "s0" else { return store }
            return FaultyStore(locked, faults: [Fault(.error(.configuration), on: .delete)])
        }
        #expect(report.problems.contains { $0.key == damaged && $0.reason.contains("neither overwrites nor removes") })
        #expect(locked.objects[damaged] == [1])
        #expect(locked.objects[missing] == fixture.truth[0][missing])
    }

    /// What is being archived meanwhile is left alone.
    @Test func chunksWithoutManifestsAreLeftAlone() async throws {
        var generator = SeededGenerator(seed: 5)
        let fixture = try await StoresFixture(.copies(3), stores: 3, chunks: 2, using: &generator)
        let manifest = try #require(fixture.archive.manifests.first)
        for store in fixture.stores {
            for key in store.objects.keys where key.hasPrefix(KeyLayout.manifests) && key.contains("-0000000001-") {
                store.set(key, nil)
            }
        }
        fixture.stores[1].set(manifest.chunk.description, nil)
        let report = try await fixture.repair()
        #expect(report.objects == 0)
        #expect(fixture.stores[1].objects[manifest.chunk.description] == nil)
    }

    /// Shards whose bytes are others and whose trailers are right for those, beside an emptied store: the others tell which
    /// of them lie, as long as enough are left and one more.
    @Test func shardsThatLieAreFoundOut() async throws {
        for round in 0..<(4 * Self.rounds) {
            let seed = UInt64.random(in: 0 ... .max)
            var generator = SeededGenerator(seed: seed)
            let fixture = try await StoresFixture(
                .erasure(data: 4, parity: 2), stores: 6, chunks: 1, using: &generator)
            let shards = (0..<6).shuffled(using: &generator)
            let (liars, isEmptied) = round % 2 == 0 ? (shards.prefix(1), true) : (shards.prefix(round % 4), false)
            let manifest = try #require(fixture.archive.manifests.first)
            for shard in liars { try fixture.lie(shard, of: manifest, using: &generator) }
            let emptied = try #require(shards.last)
            if isEmptied {
                for (key, _) in fixture.truth[try fixture.holder(of: emptied, manifest)] {
                    fixture.stores[try fixture.holder(of: emptied, manifest)].set(key, nil)
                }
            }
            let found = try await fixture.verify()
            let damaged = Set(found.problems.filter { $0.kind == .damaged }.map(\.key))
            if liars.count == 3 {
                #expect(found.verdicts[.beyondRepair] == 1, "seed \(seed): \(found.verdicts)")
            } else {
                #expect(
                    damaged == Set(liars.compactMap { ShardKey(manifest.chunk, index: $0)?.description }),
                    "seed \(seed): \(found.problems)")
                let first = try await fixture.repair(deep: false)
                #expect(!isEmptied || first.objects > 0, "seed \(seed): \(first.problems)")
                #expect(try await fixture.repair().problems.isEmpty, "seed \(seed)")
                fixture.expectTruth(seed)
            }
        }
    }

    /// As where an agent put objects after one store was listed and before another was.
    @Test(arguments: rules.indices) func whatOneListingLacksIsAskedFor(_ number: Int) async throws {
        let (rule, count, _) = Self.rules[number]
        var generator = SeededGenerator(seed: UInt64(number))
        let fixture = try await StoresFixture(rule, stores: count, chunks: 3, using: &generator)
        for prefix in [KeyLayout.manifests, KeyLayout.chunks, KeyLayout.index] {
            let late = FaultyStore(fixture.stores[1], faults: [Fault(.stale(lacking: 2), on: .list)])
            for key in fixture.truth[1].keys.filter({ $0.hasPrefix(prefix) }).sorted().suffix(2) {
                let bytes = fixture.truth[1][key] ?? []
                fixture.stores[1].set(key, nil)
                _ = try await late.put(key, ObjectBody(content: .bytes(bytes), sha256: sha256(bytes)))
            }
            let listed = try await late.list(prefix: prefix, after: nil, limit: 1000)
            let held = fixture.truth[1].keys.count { $0.hasPrefix(prefix) }
            #expect(listed.entries.count < held || held == 0, "\(prefix)")
            let behind: (MemoryStore) -> any ObjectStore = { $0.name == "s1" ? late : $0 }
            let found = try await fixture.verify(deep: false, nil, behind)
            #expect(found.problems.isEmpty, "\(prefix): \(found.problems)")
            let repaired = try await fixture.repair(deep: false, behind)
            #expect(repaired.objects == 0 && repaired.problems.isEmpty, "\(prefix): \(repaired.problems)")
        }
    }

    /// A manifest that somebody made up, in force by its revision: nothing of the chunk is written or removed.
    @Test func manifestsThatContradictEachOtherLeaveTheChunkAlone() async throws {
        var generator = SeededGenerator(seed: 12)
        let fixture = try await StoresFixture(.copies(3), stores: 3, chunks: 2, using: &generator)
        var forged = try #require(fixture.archive.manifests.first)
        forged.revision = 2
        forged.length = 5
        forged.blocks = []
        let object = try forged.encoded()
        let key = forged.key(hour: Hour(containing: TestArchive.sealed), object: object).description
        for store in fixture.stores { store.set(key, object) }
        let before = fixture.stores.map(\.objects)
        for rule in [nil, PlacementRule(.erasure(data: 2, parity: 1), stores: fixture.rule.stores)] {
            let report = try await fixture.repair(to: rule)
            #expect(
                report.problems.contains { $0.key == forged.chunk.description && $0.reason.contains("contradict") },
                "\(report.problems)")
        }
        for (store, held) in zip(fixture.stores, before) {
            let now = store.objects
            #expect(held.allSatisfy { now[$0.key] == $0.value })
        }
        #expect(try await fixture.verify().problems.contains { $0.reason.contains("contradict") })
    }

    /// firn.json comes last: a store that could not be given all counts as down.
    @Test func anUnfinishedStoreGetsNoDescription() async throws {
        var generator = SeededGenerator(seed: 6)
        let fixture = try await StoresFixture(.copies(3), stores: 3, chunks: 3, using: &generator)
        for key in fixture.truth[2].keys { fixture.stores[2].set(key, nil) }
        let fault = Fault(.error(.transient), on: .put, keyPrefix: KeyLayout.chunks, .nth(2))
        let report = try await fixture.repair { store in
            guard store.name == "s2" else { return store }
            return FaultyStore(store, faults: [fault])
        }
        #expect(!report.problems.isEmpty)
        #expect(fixture.stores[2].objects[KeyLayout.archiveDescription] == nil)
        #expect(try await fixture.repair().problems.isEmpty)
        fixture.expectTruth(6)
    }

    /// From copies to shards and back: the archive is whole under the new rule, lines are shown once, in its form.
    @Test func chunksComeUnderAnotherRule() async throws {
        let seed = UInt64.random(in: 0 ... .max)
        var generator = SeededGenerator(seed: seed)
        let fixture = try await StoresFixture(.copies(2), stores: 4, chunks: 5, using: &generator)
        let rules: [Redundancy.Rule] = [.erasure(data: 2, parity: 2), .copies(3), .erasure(data: 3, parity: 1)]
        for (number, rule) in rules.enumerated() {
            let placed = PlacementRule(rule, stores: fixture.rule.stores)
            fixture.stores[number].set(fixture.archive.manifests[number].chunk.description, nil)
            let before = fixture.stores.map(\.objects)
            let report = try await fixture.repair(deep: false, to: placed)
            #expect(report.problems.isEmpty && report.converted == 5, "seed \(seed): \(report.problems)")
            for (store, held) in zip(fixture.stores, before) {
                let now = store.objects
                #expect(held.allSatisfy { now[$0.key] == $0.value }, "seed \(seed): nothing is removed or changed")
            }
            let verified = try await fixture.verify(deep: true, placed)
            #expect(verified.problems.isEmpty && verified.verdicts == [.whole: 5], "seed \(seed): \(verified.problems)")
            #expect(try await fixture.repair(to: placed).objects == 0, "seed \(seed)")
            let reader = IndexReader(store: fixture.united(placed), logger: Logger(label: "test"), rule: rule)
            let plan = try await reader.plan(BlockQuery.everything)
            #expect(plan.blocks.count == 5 && plan.incomplete.isEmpty, "seed \(seed)")
            #expect(plan.blocks.allSatisfy { rule.isRule(of: $0.row.chunk.form) }, "seed \(seed)")
        }
    }
}

/// Ends something after so many requests.
private final class RequestCounter: Sendable {
    private struct State: Sendable {
        var left: Int
        var end: (@Sendable () -> Void)?
    }

    private let state: Guarded<State>

    init(limit: Int) { state = Guarded(State(left: limit)) }

    func cut(_ end: @escaping @Sendable () -> Void) {
        let isOver = state.withLock { state in
            state.end = end
            return state.left <= 0
        }
        if isOver { end() }
    }

    func count() {
        let end = state.withLock { state -> (@Sendable () -> Void)? in
            state.left -= 1
            return state.left == 0 ? state.end : nil
        }
        end?()
    }
}

private struct CuttingStore: ObjectStore {
    private let base: any ObjectStore
    private let counter: RequestCounter

    init(_ base: any ObjectStore, _ counter: RequestCounter) {
        self.base = base
        self.counter = counter
    }

    var name: String { base.name }
    var capabilities: StoreCapabilities { base.capabilities }

    func put(_ key: String, _ body: ObjectBody) async throws(StoreError) -> PutResult {
        counter.count()
        return try await base.put(key, body)
    }

    func get(_ key: String, _ range: ObjectRange) async throws(StoreError) -> ObjectData {
        counter.count()
        return try await base.get(key, range)
    }

    func size(_ key: String) async throws(StoreError) -> UInt64 {
        counter.count()
        return try await base.size(key)
    }

    func list(prefix: String, after: String?, limit: Int) async throws(StoreError) -> ListPage {
        counter.count()
        return try await base.list(prefix: prefix, after: after, limit: limit)
    }

    func delete(_ key: String) async throws(StoreError) {
        counter.count()
        try await base.delete(key)
    }
}
