import ArchiveTypes
import ChunkFormat
import ObjectStore
import Retrieval
import TestSupport
import Testing

@Suite struct CatTests {
    /// The bytes of each stream, generation after generation, however they were cut and sent twice.
    @Test(arguments: 0..<60) func bytesAreTheSources(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let lives = try RandomLives.make(using: &random)
        var archive = try TestArchive(isRemote: Bool.random(using: &random))
        try archive.add(lives, using: &random)
        let options = ReadOptions(memory: Bool.random(using: &random) ? 1 << 10 : 1 << 20)
        let reader = ArchiveReader(store: archive.store, planner: archive.planner, options: options)
        for stream in Set(lives.map(\.stream)) {
            let all = lives.filter { $0.stream == stream }.sorted { $0.generation < $1.generation }
            let sink = TestSink()
            let outcome = try await reader.cat(stream, to: sink)
            #expect(Difference(sink.bytes, all.flatMap(\.bytes)) == nil, "seed \(seed), \(stream)")
            #expect(outcome.isComplete, "seed \(seed), \(outcome.shortfall.items)")
            let one = TestSink()
            _ = try await reader.cat(stream, generation: all[0].generation, to: one)
            #expect(one.bytes == all[0].bytes, "seed \(seed), \(stream)")
        }
    }

    @Test func holesAndLossesAreTold() async throws {
        var archive = try TestArchive()
        let life = try Fixtures.life(lines: 60)
        try archive.add(life, 0..<100)
        try archive.add(Fixtures.gap(life, at: 100..<150, reason: "file deleted before it was read"), [])
        try archive.add(life, 200..<300)
        try archive.seal()
        let reader = ArchiveReader(store: archive.store, planner: archive.planner)
        let sink = TestSink()
        let outcome = try await reader.cat(life.stream, to: sink)
        #expect(sink.bytes == Array(life.bytes[0..<100] + life.bytes[200..<300]))
        let items = outcome.shortfall.items
        #expect(items.map(\.kind).sorted { "\($0)" < "\($1)" } == [.hole, .lost])
        #expect(items.first { $0.kind == .hole }?.positions == PositionRange(first: 150, end: 200))
        #expect(items.first { $0.kind == .lost }?.reason.contains("file deleted before it was read") == true)
    }

    /// Lines that a rule left out are no loss: a block of what is left has the gap's positions, or the gap says so.
    @Test func linesThatWereNotWantedAreNotMissed() async throws {
        var archive = try TestArchive()
        let life = try Fixtures.life(lines: 60)
        try archive.add(life, 0..<100)
        try archive.add(Fixtures.gap(life, at: 0..<100, reason: "a reason that need not be read"), [])
        try archive.add(Fixtures.gap(life, at: 100..<200, reason: BlockHeader.Gap.droppedByRule), [])
        try archive.add(life, 200..<life.bytes.count)
        try archive.seal()
        let reader = ArchiveReader(store: archive.store, planner: archive.planner)
        #expect(try await reader.cat(life.stream, to: TestSink()).isComplete)
        #expect(try await reader.get(GetRequest(Selection()), to: TestSink()).isComplete)
    }

    @Test func globCharactersInNamesStandForThemselves() async throws {
        var archive = try TestArchive()
        var lives = [try Fixtures.life(lines: 3), try Fixtures.life(lines: 4)]
        lives[0].stream = StreamID(host: "a*", source: "/x[1]\\?")
        lives[1].stream = StreamID(host: "ab", source: "/x1\\y")
        for life in lives { try archive.add(life, 0..<life.bytes.count) }
        try archive.seal()
        let reader = ArchiveReader(store: archive.store, planner: archive.planner)
        let sink = TestSink()
        _ = try await reader.cat(lives[0].stream, to: sink)
        #expect(sink.bytes == lives[0].bytes)
    }
}
