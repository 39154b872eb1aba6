import ArchiveIndex
import ArchiveTypes
import ChunkFormat
import ObjectStore
import TestSupport
import Testing

@Suite struct RebuildTests {
    /// A real chunk of gaps and heartbeats: blocks without lines.
    private func chunk(_ number: UInt64, sealed: Nanoseconds) throws -> (bytes: [UInt8], manifest: Manifest) {
        var builder = ChunkBuilder()
        var bytes: [UInt8] = []
        for index in 0..<3 as Range<UInt64> {
            let row = try IndexObjectTests.row(host: "h\(index)", at: sealed, index: number)
            let block = row.block
            let header = BlockHeader(
                kind: index == 1 ? .gap : .heartbeat, stream: block.stream, labels: block.labels,
                generation: block.generation,
                positions: PositionRange(first: number, end: number), leastTime: sealed, greatestTime: sealed,
                received: sealed,
                gap: index == 1 ? .init(lines: 3, bytes: nil, reason: "deleted before it was read") : nil)
            let frame = try header.encodedFrame()
            builder.append(header, headerFrame: frame, frame: UnsafeRawBufferPointer(start: nil, count: 0))
            bytes += frame
        }
        let finished = try builder.finish(
            ChunkDescription(
                archive: "main", writer: try #require(WriterID("agent-9")), sequence: number, sealed: sealed,
                previous: nil, redundancy: Redundancy(copies: 1, acknowledge: 1, placement: ["memory"])))
        return (bytes + finished.tail, finished.manifest)
    }

    @Test func manifestsAreMadeFromChunks() async throws {
        let clock = TurnedClock(1_780_000_000 * .perSecond)
        let store = MemoryStore(now: { clock.now })
        let indexer = Indexer(store: store, logger: SimulatedArchive.logger)
        let reader = IndexReader(store: store, logger: SimulatedArchive.logger)
        for number in 0..<4 as Range<UInt64> {
            let (bytes, manifest) = try chunk(number, sealed: clock.now - 5 * .perHour)
            let object = try manifest.encoded()
            store.set(manifest.chunk.description, bytes)
            store.set(manifest.key(hour: Hour(containing: clock.now), object: object).description, object)
            clock.advance(by: 40 * .perMinute)
        }
        _ = try await indexer.update()
        let before = try await reader.plan(.everything)
        #expect(before.blocks.count == 12)

        let manifests = store.objects.keys.filter { $0.hasPrefix("manifests/") }.sorted()
        for key in store.objects.keys where !key.hasPrefix("chunks/") { store.set(key, nil) }
        let (damaged, _) = try chunk(9, sealed: clock.now)
        let stranger = "chunks/2026-05-28/10/agent-9-0000000009-\(String(repeating: "e", count: 32)).zst"
        store.set(stranger, damaged)
        let report = try await indexer.rebuild(fromChunks: true)
        #expect(report.adopted.count == 4)
        #expect(report.problems.map(\.object) == [stranger] && !report.isComplete)
        let after = try await reader.plan(.everything)
        #expect(after.blocks == before.blocks && after.steps.manifestsRead == 0)
        let names = { (keys: [String]) in Set(keys.compactMap { ManifestKey($0)?.name }) }
        #expect(
            names(store.objects.keys.filter { $0.hasPrefix("manifests/") }) == names(manifests),
            "a manifest is a pure function")

        let again = try await indexer.rebuild(fromChunks: true)
        #expect(again.adopted.isEmpty)
        #expect(try await reader.plan(.everything).blocks == before.blocks)
    }

    @Test func damagedManifestIsMadeAnewFromItsChunk() async throws {
        let clock = TurnedClock(1_780_000_000 * .perSecond)
        let store = MemoryStore(now: { clock.now })
        let (bytes, manifest) = try chunk(1, sealed: clock.now)
        let object = try manifest.encoded()
        let key = manifest.key(hour: Hour(containing: clock.now), object: object).description
        store.set(manifest.chunk.description, bytes)
        store.set(key, Array(object.dropLast()))
        clock.advance(by: 2 * .perHour)
        let report = try await Indexer(store: store, logger: SimulatedArchive.logger).rebuild(fromChunks: true)
        #expect(report.adopted == [manifest.chunk] && report.problems.map(\.object) == [key])
        let plan = try await IndexReader(store: store, logger: SimulatedArchive.logger).plan(.everything)
        #expect(plan.blocks.count == 3 && plan.incomplete.map(\.object) == [key])
    }

    @Test func watchRunsUntilCancelled() async throws {
        var archive = SimulatedArchive(seed: 41)
        try archive.archive(blocks: 2)
        let indexer = archive.indexer
        let (reports, continuation) = AsyncStream.makeStream(of: Int.self)
        let watching = Task {
            await indexer.watch(every: .zero) { result in
                if case .success(let report) = result { continuation.yield(report.objects.count) }
            }
            continuation.finish()
        }
        var seen: [Int] = []
        for await count in reports {
            seen.append(count)
            if seen.count == 2 { watching.cancel() }
        }
        await watching.value
        #expect(seen.first == 2 && seen.dropFirst().allSatisfy { $0 == 0 })
    }
}
