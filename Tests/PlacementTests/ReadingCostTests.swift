import ArchiveTypes
import ChunkFormat
import ObjectStore
import Placement
import Synchronization
import TestSupport
import Testing

/// What ranged reads of chunks in shards move.
@Suite struct ReadingCostTests {
    /// A chunk under 4+2, the stores with a meter each, and the chunk's bytes.
    private struct Scene {
        var archive: TestArchive
        var manifest: Manifest
        var bytes: [UInt8]
        var geometry: ShardGeometry
        var placement: [String] { manifest.description.redundancy.placement }

        init() async throws {
            archive = try TestArchive(.erasure(data: 4, parity: 2), acknowledge: 5, stores: 6, seed: 3)
            let chunk = try archive.chunk(blocks: 12, lines: 60)
            _ = try await archive.writer(archive.members()).archive(chunk)
            manifest = chunk.manifest
            guard case .sharded(let geometry) = manifest.chunk.form else {
                throw StoreError(.rejected, store: "", operation: "", reason: "no shards")
            }
            self.geometry = geometry
            bytes = try await RedundantStore(archive.members(), rule: archive.rule, archive: nil, isStrict: true)
                .get(manifest.chunk.description, .whole).bytes
        }

        /// The stores of these shards fail; each has a meter.
        func open(_ failing: Set<Int> = [], _ fault: Fault.Kind = .error(.notFound)) -> (RedundantStore, [StoreMeter]) {
            let meters = placement.map { _ in StoreMeter() }
            let members = archive.bases.map { base -> StoreMember in
                let shard = placement.firstIndex(of: base.name) ?? 0
                let faults = failing.contains(shard) ? [Fault(fault, keyPrefix: "chunks/")] : []
                return StoreMember(
                    name: base.name, store: MeteredStore(FaultyStore(base, faults: faults), meter: meters[shard]),
                    pace: Pace(late: 3_600_000_000_000))
            }
            return (RedundantStore(members, rule: archive.rule, archive: nil, isStrict: false), meters)
        }
    }

    /// Bytes of firn.json are asked for once of each store that is used.
    private func moved(_ meter: StoreMeter) -> UInt64 {
        let bytes = meter.snapshot[.get].bytesReceived
        return bytes - min(bytes, UInt64(ArchiveDescription(archive: "main").encoded().count))
    }

    @Test func aHealthyChunksBlockComesFromTheShardsThatHoldIt() async throws {
        let scene = try await Scene()
        for block in scene.manifest.blocks {
            let (store, meters) = scene.open()
            let data = try await store.get(
                scene.manifest.chunk.description, .bytes(offset: block.offset, length: block.length))
            #expect(data.bytes == Array(scene.bytes[Int(block.offset)..<Int(block.offset + block.length)]))
            let size = scene.geometry.shardLength
            let holders = Int(block.offset / size)...Int((block.offset + block.length - 1) / size)
            let total = meters.map(moved).reduce(0, +)
            #expect(Double(total) <= 1.2 * Double(block.length))
            for (shard, meter) in meters.enumerated() where !holders.contains(shard) {
                #expect(meter.snapshot.total.requests == 0, "shard \(shard) for \(holders)")
            }
        }
    }

    /// As after a store was replaced, or where a command line names stores by their addresses: the rule would now mean other
    /// stores for the shards.
    @Test func chunksAreFoundWhateverTheirStoresAreCalled() async throws {
        let scene = try await Scene()
        var random = SeededGenerator(seed: 5)
        for renamed in 1...6 {
            let names = scene.archive.bases.enumerated().map { index, base in
                index < renamed ? "other\(Int.random(in: 0...999, using: &random))-\(index)" : base.name
            }
            let members = zip(names, scene.archive.bases).map { StoreMember(name: $0, store: $1) }
            let rule = PlacementRule(
                .erasure(data: 4, parity: 2), acknowledge: 5, stores: names.map { PlacementRule.Store($0) })
            let store = RedundantStore(members, rule: rule, archive: nil, isStrict: true)
            #expect(try await store.get(scene.manifest.chunk.description, .whole).bytes == scene.bytes, "\(names)")
        }
    }

    /// Ranges of all kinds against plain slices of the chunk, with any two shards gone: the same bytes, and no more moved
    /// than as many times the range as there are data shards.
    @Test func degradedReadsDecodeOnlyTheRange() async throws {
        let scene = try await Scene()
        var random = SeededGenerator(seed: 4)
        for failing in subsets(of: 6, count: 1) + subsets(of: 6, count: 2) {
            for fault in [Fault.Kind.error(.notFound), .error(.transient)] {
                let offset = Int.random(in: 0..<scene.bytes.count, using: &random)
                let length = Int.random(in: 1...min(8000, scene.bytes.count - offset), using: &random)
                let (store, meters) = scene.open(failing, fault)
                let data = try await store.get(
                    scene.manifest.chunk.description, .bytes(offset: UInt64(offset), length: UInt64(length)))
                #expect(data.bytes == Array(scene.bytes[offset..<offset + length]), "\(failing): \(offset)+\(length)")
                #expect(data.objectSize == UInt64(scene.bytes.count))
                let total = meters.map(moved).reduce(0, +)
                #expect(total <= UInt64(4 * length), "\(failing): \(total) bytes for \(length)")
            }
        }
    }

    /// A shard that lies is found out by who knows the bytes, and computed from the others.
    @Test func damagedShardsAreReadAround() async throws {
        let scene = try await Scene()
        for damaged in subsets(of: 6, count: 2) {
            for shard in damaged {
                let key = try #require(ShardKey(scene.manifest.chunk, index: shard)).description
                let base = try #require(scene.archive.bases.first { $0.name == scene.placement[shard] })
                let intact = try #require(base.objects[key])
                base.set(key, intact.map { $0 ^ 0x55 })
            }
            let (store, _) = scene.open()
            for block in scene.manifest.blocks {
                let wanted = Array(scene.bytes[Int(block.offset)..<Int(block.offset + block.length)])
                let data = try await store.get(
                    scene.manifest.chunk.description, .bytes(offset: block.offset, length: block.length)
                ) { $0.bytes == wanted }
                #expect(data.bytes == wanted, "damaged \(damaged)")
            }
            #expect(damaged.allSatisfy { $0 >= 4 } || !store.warnings.isEmpty)
            #expect(try await store.get(scene.manifest.chunk.description, .whole).bytes == scene.bytes)
            for shard in damaged {
                let key = try #require(ShardKey(scene.manifest.chunk, index: shard)).description
                let base = try #require(scene.archive.bases.first { $0.name == scene.placement[shard] })
                let changed = try #require(base.objects[key])
                base.set(key, changed.map { $0 ^ 0x55 })
            }
        }
    }

    @Test func rangesBeyondTheEndAreRefused() async throws {
        let scene = try await Scene()
        let (store, _) = scene.open()
        let key = scene.manifest.chunk.description
        let size = UInt64(scene.bytes.count)
        for (range, kind) in [
            (ObjectRange.bytes(offset: size, length: 1), StoreError.Kind.rangeNotSatisfiable),
            (.bytes(offset: size - 1, length: 2), .corrupt), (.bytes(offset: 1, length: .max), .corrupt),
        ] {
            let error = await #expect(throws: StoreError.self) { try await store.get(key, range) }
            #expect(error?.kind == kind, "\(range)")
        }
        #expect(try await store.get(key, .suffix(length: 9)).bytes == Array(scene.bytes.suffix(9)))
        #expect(try await store.get(key, .suffix(length: .max)).bytes == scene.bytes)
        #expect(try await store.size(key) == size)
    }
}
