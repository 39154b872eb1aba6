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

    /// Lines that two chunks hold are shown once, from whichever of both can be read.
    @Test(arguments: ["missing", "damaged"], [0, 1])
    func aSecondChunkAnswersForTheFirst(fault: String, lost: Int) async throws {
        var archive = try TestArchive()
        let life = try Fixtures.life(lines: 40)
        for _ in 0..<2 {
            try archive.add(life, 0..<200)
            try archive.add(life, 200..<life.bytes.count)
            try archive.seal()
        }
        let key = archive.manifests[lost].chunk.description
        var bytes = try #require(archive.store.objects[key])
        let block = archive.manifests[lost].blocks[1]
        bytes[Int(block.offset + block.length) - 3] ^= 1
        archive.store.set(key, fault == "missing" ? nil : bytes)
        let reader = ArchiveReader(store: archive.store, planner: archive.planner)
        let (lines, copy) = (TestSink(), TestSink())
        let got = try await reader.get(GetRequest(Selection()), to: lines)
        let cat = try await reader.cat(life.stream, to: copy)
        for (outcome, sink) in [(got, lines), (cat, copy)] {
            #expect(sink.bytes == life.bytes)
            #expect(outcome.isComplete)
            #expect(outcome.warnings.contains { $0.contains("another chunk") } == (lost == 0))
        }
    }

    /// Blocks that a query leaves out are no holes; positions that no block holds are, whatever the query.
    @Test func getTellsHoles() async throws {
        var archive = try TestArchive()
        let life = try Fixtures.life(lines: 60)
        for range in [0..<100, 100..<200, 300..<life.bytes.count] { try archive.add(life, range) }
        try archive.seal()
        let reader = ArchiveReader(store: archive.store, planner: archive.planner)
        let times = life.lines.map(\.time)
        let ranges = [TimeRange.all, TimeRange(from: times[0], to: try #require(times.last))]
        for range in ranges {
            let outcome = try await reader.get(GetRequest(Selection(range: range)), to: TestSink())
            #expect(outcome.shortfall.items.map(\.kind) == [.hole])
            #expect(outcome.shortfall.items.first?.positions == PositionRange(first: 200, end: 300))
        }
    }

    @Test func blocksOfOtherTimesAreNoHoles() async throws {
        var archive = try TestArchive()
        var life = try Fixtures.life(lines: 30)
        // The middle block's lines are of another day.
        for index in 10..<20 { life.lines[index].time -= 86400 * .perSecond }
        let bounds = [0, life.start(ofLine: 10), life.start(ofLine: 20), life.bytes.count]
        for index in 0..<3 { try archive.add(life, bounds[index]..<bounds[index + 1]) }
        try archive.seal()
        let reader = ArchiveReader(store: archive.store, planner: archive.planner)
        let range = TimeRange(from: life.lines[0].time, to: life.lines[29].time + 1)
        let sink = TestSink()
        let outcome = try await reader.get(GetRequest(Selection(range: range)), to: sink)
        #expect(outcome.lines == 20 && outcome.isComplete)
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

    /// Blocks of three streams in any order, some absent: what is named is the same to the byte, in as few ranges as there
    /// can be.
    @Test func rangesThatMeetAreNamedAsOne() {
        for seed in 0..<200 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            var lacking: [Incompleteness] = [Incompleteness(.unreadable, reason: "a store is away")]
            var wanted: [StreamID: Set<UInt64>] = [:]
            for stream in (0..<3).map({ StreamID(host: "h", source: "\($0)") }) {
                var position: UInt64 = 0
                for _ in 0..<Int.random(in: 0...30, using: &random) {
                    let length = UInt64.random(in: 1...9, using: &random)
                    defer { position += length }
                    guard Bool.random(using: &random) else { continue }
                    wanted[stream, default: []].formUnion(position..<position + length)
                    lacking.append(
                        Incompleteness(
                            .damaged, object: "chunks/\(position)", stream: stream,
                            generation: Generation(born: 1, hash: 1),
                            positions: PositionRange(first: position, end: position + length),
                            times: Int64(position)...Int64(position) + 5, reason: "damaged"))
                }
            }
            lacking.shuffle(using: &random)
            var shortfall = Shortfall()
            for item in lacking { shortfall.add(item) }
            let joined = shortfall.joined
            #expect(joined.reduce(0) { $0 + $1.blocks } == lacking.count, "seed \(seed)")
            for (stream, positions) in wanted {
                let ranges = joined.filter { $0.stream == stream }.compactMap(\.positions).sorted {
                    $0.first < $1.first
                }
                #expect(ranges.flatMap { Array($0.first..<$0.end) } == positions.sorted(), "seed \(seed)")
                #expect(zip(ranges, ranges.dropFirst()).allSatisfy { $0.end < $1.first }, "seed \(seed)")
            }
            #expect(joined.allSatisfy { $0.positions.map { Int64($0.first) } == $0.times?.lowerBound }, "seed \(seed)")
        }
    }
}
