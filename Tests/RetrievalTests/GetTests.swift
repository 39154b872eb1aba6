import ArchiveTypes
import Patterns
import Retrieval
import TestSupport
import Testing

@Suite struct GetTests {
    /// Random archives and random questions, against brute force over the lines.
    @Test(arguments: 0..<16) func answersEqualBruteForce(part: UInt64) async throws {
        for seed in part * 10..<(part + 1) * 10 {
            var random = SeededGenerator(seed: seed)
            let lives = try RandomLives.make(using: &random)
            var archive = try TestArchive(isRemote: Bool.random(using: &random))
            try archive.add(lives, using: &random)
            for question in 0..<4 {
                try await check(archive, Oracle(lives: lives), "seed \(seed), question \(question)", using: &random)
            }
        }
    }

    /// Far more blocks at the same time than memory holds: they are opened for a few lines at a time.
    @Test(arguments: [false, true]) func manyOverlappingBlocksNeedLittleMemory(isReversed: Bool) async throws {
        var archive = try TestArchive()
        let lives = try (0..<120).map { try Fixtures.life(host: "web-\($0 + 100)", lines: 150) }
        for life in lives { try archive.add(life, 0..<life.bytes.count) }
        try archive.seal()
        let reader = ArchiveReader(
            store: archive.store, planner: archive.planner, options: ReadOptions(memory: 64 << 10))
        let request = GetRequest(Selection(), isReversed: isReversed)
        #expect(try await reader.explain(request).windowedBlocks > 100)
        let sink = TestSink()
        let outcome = try await reader.get(request, to: sink)
        #expect(outcome.isComplete && outcome.lines == 120 * 150)
        let lines = (0..<150).flatMap { line in lives.map { $0.lines[line].bytes } }
        #expect(Difference(sink.bytes, (isReversed ? lines.reversed() : lines).flatMap { $0 }) == nil)
    }

    private func check(
        _ archive: TestArchive, _ oracle: Oracle, _ name: Comment, using random: inout SeededGenerator
    ) async throws {
        func maybe(_ one: Int) -> Bool { Int.random(in: 0..<one, using: &random) == 0 }
        let needles = maybe(3) ? [RandomLives.words.randomElement(using: &random) ?? ""] : []
        let excluded = maybe(5) ? [RandomLives.words.randomElement(using: &random) ?? ""] : []
        let pattern = maybe(5) ? RandomLives.words[Int.random(in: 0..<6, using: &random)] : nil
        var selection = Selection(
            text: TextCondition(
                match: needles.map { Array($0.utf8) }, exclude: excluded.map { Array($0.utf8) },
                pattern: try pattern.map { try LinePattern($0) }))
        selection.wholeRecords = maybe(3) && !selection.text.isNone
        if maybe(2) { selection.range = range(oracle, using: &random) }
        if maybe(4) { selection.hosts = [Glob("web-[01]")] }
        if maybe(4) { selection.sources = [Glob("*0.log")] }
        if maybe(6) { selection.labels = [Labels.Pair(key: "env", value: "prod")] }
        let isReversed = maybe(3)
        let limit = maybe(4) ? Int.random(in: 0...30, using: &random) : nil
        let memory = [1 << 10, 6 << 10, 40 << 10, 1 << 20].randomElement(using: &random) ?? 0
        let joined = [300, 1500, 1 << 20].randomElement(using: &random) ?? 0
        // What is longer than can be held is judged by its beginning: then only ask for what needs no judging.
        let options = ReadOptions(memory: memory, joinedBytes: selection.text.isNone ? joined : 1 << 20)
        let reader = ArchiveReader(store: archive.store, planner: archive.planner, options: options)
        let sink = TestSink()
        let request = GetRequest(selection, limit: limit.map(UInt64.init), isReversed: isReversed)
        let outcome = try await reader.get(request, to: sink)
        let expected = oracle.lines(
            selection, needles: needles, excluded: excluded, pattern: pattern, isReversed: isReversed, limit: limit)
        let comment: Comment =
            "\(name), memory \(memory), joined \(joined), reversed \(isReversed), records \(selection.wholeRecords), \(needles) \(excluded)"
        #expect(Difference(sink.bytes, expected.flatMap(\.bytes)) == nil, comment)
        #expect(outcome.lines == UInt64(expected.count), comment)
        #expect(outcome.isComplete && outcome.warnings.isEmpty, comment)
    }

    private func range(_ oracle: Oracle, using random: inout SeededGenerator) -> TimeRange {
        let times = oracle.lives.flatMap { $0.lines.map(\.time) }
        let bounds = [times.randomElement(using: &random) ?? 0, times.randomElement(using: &random) ?? 0].sorted()
        return TimeRange(from: bounds[0], to: bounds[1] + Nanoseconds(Int.random(in: 0...1, using: &random)))
    }
}

/// Where two answers part.
struct Difference: Equatable, CustomStringConvertible {
    var description: String

    /// Nil where there is none.
    init?(_ found: [UInt8], _ expected: [UInt8]) {
        guard found != expected else { return nil }
        func lines(_ bytes: [UInt8]) -> [String] {
            bytes.split(separator: 10, omittingEmptySubsequences: false).map {
                let text = String(decoding: $0.map { $0 < 32 || $0 > 126 ? 46 : $0 }, as: UTF8.self)
                return text.count > 80 ? "\(text.prefix(60))..\(text.count)..\(text.suffix(10))" : text
            }
        }
        let (ours, theirs) = (lines(found), lines(expected))
        let same = zip(ours, theirs).prefix { $0 == $1 }.count
        description = """
            line \(same) of \(ours.count) and \(theirs.count):
              found \(ours.dropFirst(max(0, same - 1)).prefix(4).joined(separator: " | "))
              expected \(theirs.dropFirst(max(0, same - 1)).prefix(4).joined(separator: " | "))
            """
    }
}
