import ArchiveTypes
import ChunkFormat
import ObjectStore
import Retrieval
import TestSupport
import Testing

/// Damage is never silent, and never printed.
@Suite struct DamageTests {
    /// Flips every byte of a chunk, one after the other: each answer is made of true lines only, and if it lacks any, says
    /// so.
    @Test func flippedBytesAreNeverPrinted() async throws {
        var archive = try TestArchive()
        let lives = [try Fixtures.life(lines: 12), try Fixtures.life(host: "web-2", lines: 9)]
        try archive.add(lives[0], 0..<49)
        try archive.add(lives[1], 0..<lives[1].bytes.count)
        try archive.add(lives[0], 49..<lives[0].bytes.count)
        let manifest = try #require(try archive.seal())
        let key = manifest.chunk.description
        let bytes = try #require(archive.store.objects[key])
        let reader = ArchiveReader(store: archive.store, planner: archive.planner)
        let whole = TestSink()
        #expect(try await reader.get(GetRequest(Selection()), to: whole).isComplete)
        let lines = whole.bytes.split(separator: 10)
        let blocksEnd = manifest.blocks.reduce(0) { $0 + Int($1.length) }
        for offset in bytes.indices {
            var damaged = bytes
            damaged[offset] ^= 1 << UInt8(offset % 8)
            archive.store.set(key, damaged)
            let sink = TestSink()
            let outcome = try await reader.get(GetRequest(Selection()), to: sink)
            let isInBlocks = offset < blocksEnd
            #expect(outcome.isComplete == !isInBlocks, "byte \(offset)")
            let printed = sink.bytes.split(separator: 10)
            #expect(printed.allSatisfy(lines.contains) && (printed.count < lines.count) == isInBlocks, "byte \(offset)")
            guard isInBlocks else { continue }
            let item = try #require(outcome.shortfall.items.first)
            #expect(item.kind == .damaged && item.object == key && item.stream != nil, "byte \(offset)")
        }
    }

    @Test func missingChunksAreTold() async throws {
        var archive = try TestArchive()
        let lives = try (0..<3).map { try Fixtures.life(host: "web-\($0)", lines: 10) }
        for life in lives {
            try archive.add(life, 0..<life.bytes.count)
            try archive.seal()
        }
        let lost = archive.manifests[1].chunk.description
        archive.store.set(lost, nil)
        let reader = ArchiveReader(store: archive.store, planner: archive.planner)
        let sink = TestSink()
        let outcome = try await reader.get(GetRequest(Selection()), to: sink)
        #expect(outcome.lines == 20)
        #expect(outcome.shortfall.items.map(\.kind) == [.missing])
        let item = try #require(outcome.shortfall.items.first)
        #expect(item.object == lost && item.stream == lives[1].stream)
        #expect(item.description.contains("web-1") && item.description.contains(lost))
    }

    @Test func unequalBytesAtTheSamePositionsAreBothShown() async throws {
        var archive = try TestArchive()
        let life = try Fixtures.life(lines: 3)
        var other = life
        other.lines[1].bytes = Array("LINE 1\n".utf8)
        try archive.add(life, 0..<life.bytes.count)
        try archive.seal()
        try archive.add(other, 7..<other.bytes.count)
        try archive.seal()
        let reader = ArchiveReader(store: archive.store, planner: archive.planner)
        let sink = TestSink()
        let outcome = try await reader.get(GetRequest(Selection()), to: sink)
        let lines = sink.text.split(separator: "\n").sorted()
        #expect(lines == ["LINE 1", "line 0", "line 1", "line 2", "line 2"])
        #expect(outcome.warnings.contains { $0.contains("overlapping positions") && $0.contains("unequal bytes") })
    }

    @Test func aClosedReaderEndsTheAnswer() async throws {
        var archive = try TestArchive()
        let life = try Fixtures.life(lines: 200_000)
        let bytes = life.bytes
        try archive.add(life, 0..<bytes.count)
        try archive.seal()
        let reader = ArchiveReader(store: archive.store, planner: archive.planner)
        await #expect(throws: SinkError.closed) {
            _ = try await reader.get(GetRequest(Selection()), to: TestSink(limit: 1000))
        }
    }

    /// Each single flipped byte of any object of the store is found by reading everything, and an intact store has no
    /// findings.
    @Test func deepVerificationFindsEveryFlippedByte() async throws {
        var archive = try TestArchive()
        let life = try Fixtures.life(lines: 4)
        try archive.add(life, 0..<14)
        try archive.seal()
        try archive.add(life, 14..<life.bytes.count)
        try archive.seal()
        archive.store.set(KeyLayout.archiveDescription, ArchiveDescription(archive: "main").encoded())
        let verifier = Verifier(store: archive.store, options: VerifyOptions(isDeep: true))
        let intact = try await verifier.run()
        #expect(intact.problems.isEmpty, "\(intact.problems)")
        #expect(intact.chunksRead == 2 && intact.manifests == 2)
        for (key, bytes) in archive.store.objects {
            for offset in bytes.indices {
                var damaged = bytes
                damaged[offset] ^= 1 << UInt8(offset % 8)
                archive.store.set(key, damaged)
                let report = try await verifier.run()
                #expect(report.problems.contains { $0.key == key }, "\(key), byte \(offset): \(report.problems)")
            }
            archive.store.set(key, bytes)
        }
    }
}
