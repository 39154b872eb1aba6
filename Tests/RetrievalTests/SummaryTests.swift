import ArchiveTypes
import ArchiveIndex
import ChunkFormat
import ObjectStore
import Retrieval
import Synchronization
import TestSupport
import Testing

@Suite struct SummaryTests {
    private func archive(hosts: Int = 3) throws -> TestArchive {
        var archive = try TestArchive()
        for host in 0..<hosts {
            let life = try Fixtures.life(host: "web-\(host)", lines: 100)
            let middle = life.start(ofLine: 37 + host)
            try archive.add(life, 0..<middle)
            try archive.add(life, middle..<life.bytes.count)
        }
        try archive.seal()
        return archive
    }

    @Test func countsNeedNoBytesWhereRowsSuffice() async throws {
        let archive = try archive()
        let reader = ArchiveReader(store: archive.store, planner: archive.planner)
        let progress = ReadProgress()
        let all = try await reader.get(GetRequest(Selection(), countsOnly: true), to: TestSink(), progress: progress)
        #expect(all.lines == 300 && progress.figures.requests == 0)
        let range = TimeRange(from: Fixtures.start + 10 * .perSecond, to: Fixtures.start + 50 * .perSecond)
        let part = try await reader.get(GetRequest(Selection(range: range), countsOnly: true), to: TestSink())
        #expect(part.lines == 120)
        let limited = GetRequest(Selection(range: range), limit: 7, countsOnly: true)
        #expect(try await reader.get(limited, to: TestSink()).lines == 7)
        let matching = Selection(text: TextCondition(match: [Array("line 9".utf8)]))
        #expect(try await reader.get(GetRequest(matching, countsOnly: true), to: TestSink()).lines == 33)
    }

    @Test func summariesTellWhatIsThere() async throws {
        let archive = try archive()
        let reader = ArchiveReader(store: archive.store, planner: archive.planner)
        let hosts = try await reader.hosts(Selection())
        #expect(hosts.items.map(\.host) == ["web-0", "web-1", "web-2"])
        #expect(hosts.items.allSatisfy { $0.summary.lines == 100 && $0.summary.blocks == 2 && $0.sources == 1 })
        #expect(hosts.items[0].summary.times == Fixtures.start...Fixtures.start + 99 * .perSecond)
        let sources = try await reader.sources(Selection(hosts: [Glob("web-[12]")]))
        #expect(sources.items.map(\.stream.host) == ["web-1", "web-2"])
        let chunks = try await reader.chunks(Selection())
        #expect(chunks.items.map(\.chunk) == [archive.manifests[0].chunk.description])
        #expect(chunks.items[0].summary.storedBytes == archive.manifests[0].blocks.reduce(0) { $0 + $1.length })
    }

    @Test func histogramsCountEachLineOnce() async throws {
        let archive = try archive()
        let reader = ArchiveReader(store: archive.store, planner: archive.planner)
        let width: Nanoseconds = 7 * .perSecond
        let (found, outcome) = try await reader.histogram(Selection(), width: width)
        let histogram = try #require(found)
        #expect(outcome.isComplete && outcome.lines == 300)
        for (index, bucket) in histogram.buckets.enumerated() {
            let first = Int((histogram.start - Fixtures.start) / .perSecond) + 7 * index
            #expect(bucket.lines == UInt64(3 * (min(100, first + 7) - max(0, first))))
        }
        let (rough, _) = try await reader.histogram(Selection(), width: width, isApproximate: true)
        #expect(try #require(rough).buckets.reduce(0) { $0 + $1.lines } == 300)
        let matching = Selection(text: TextCondition(match: [Array("line 5".utf8)]))
        let (few, _) = try await reader.histogram(matching, width: 10 * .perSecond)
        #expect(try #require(few).buckets.map(\.lines).reduce(0, +) == 33)
    }

    @Test(
        arguments: [
            (0, 3600, 0, 300), (125, 3605, 0, 300), (3700, 3700 + 86400, 0, 2 * 3600),
            (100, 100 + 86400 * 60, 5 * 3600 + 1800, 7 * 86400), (100, 100 + 86400 * 20, -3600, 86400),
        ] as [(Int64, Int64, Int64, Int64)])
    func bucketsBeginWherePeopleExpect(from: Int64, to: Int64, offset: Int64, width: Int64) {
        let range = TimeRange(from: from * .perSecond, to: to * .perSecond)
        let even = Histogram.evenWidth(of: range, count: 24)
        let histogram = Histogram(range, width: even, offset: offset * .perSecond)
        #expect(even == width * .perSecond)
        #expect(histogram.start <= range.from && range.from < histogram.start + even)
        #expect((histogram.start + offset * .perSecond) % even == 0)
    }

    @Test func extremesOfTimeFitAHistogram() {
        for range in [
            TimeRange(from: .min, to: .max), TimeRange(from: .max - 1, to: .max), TimeRange(from: .min, to: .min + 5),
        ] {
            let histogram = Histogram(
                range, width: Histogram.evenWidth(of: range, count: 24), offset: -3600 * .perSecond)
            #expect(!histogram.buckets.isEmpty)
            #expect(histogram.index(range.from) != nil)
        }
    }

    @Test func explanationsAreWhatTheAnswerDoes() async throws {
        let archive = try archive()
        let reader = ArchiveReader(store: archive.store, planner: archive.planner)
        let range = TimeRange(from: Fixtures.start, to: Fixtures.start + 20 * .perSecond)
        let request = GetRequest(Selection(range: range, hosts: [Glob("web-1")]))
        let explanation = try await reader.explain(request)
        let progress = ReadProgress()
        _ = try await reader.get(request, to: TestSink(), progress: progress)
        #expect(explanation.blocks == 1 && explanation.chunks == 1 && explanation.lines == 38)
        #expect(explanation.requests == progress.figures.requests)
        #expect(explanation.bytes == UInt64(progress.figures.bytesFetched))
    }

    /// A small limit does not fetch everything.
    @Test func limitsStopTheFetching() async throws {
        var archive = try TestArchive(isRemote: true)
        let life = try Fixtures.life(lines: 1000)
        let length = life.bytes.count
        for first in stride(from: 0, to: 1000, by: 10) {
            try archive.add(life, life.start(ofLine: first)..<(first == 990 ? length : life.start(ofLine: first + 10)))
        }
        try archive.seal()
        let reader = ArchiveReader(store: archive.store, planner: archive.planner)
        for isReversed in [false, true] {
            let (progress, sink) = (ReadProgress(), TestSink())
            let request = GetRequest(Selection(), limit: 25, isReversed: isReversed)
            #expect(try await reader.get(request, to: sink, progress: progress).lines == 25)
            #expect(progress.figures.requests < 20)
            #expect(sink.text.hasPrefix(isReversed ? "line 999\nline 998\n" : "line 0\nline 1\n"))
        }
    }

    /// Each poll prints what was archived since, once, also when it is archived again under a lower key.
    @Test func followingPrintsEachLineOnce() async throws {
        let life = try Fixtures.life(lines: 40)
        var archive = try TestArchive()
        try archive.add(life, 0..<70)
        try archive.seal()
        let planner = GrowingPlanner(archive.planner)
        let reader = ArchiveReader(store: archive.store, planner: planner)
        let ranges = [70..<150, 70..<150, 0..<life.bytes.count]
        var later: [TestPlanner] = []
        for range in ranges {
            try archive.add(life, range)
            try archive.seal()
            later.append(archive.planner)
        }
        planner.coming.withLock { $0 = later }
        let sink = TestSink()
        await #expect(throws: CancellationError.self) {
            try await reader.follow(GetRequest(Selection()), to: sink, pause: { try planner.grow() }, told: { _ in })
        }
        #expect(sink.bytes == life.bytes)
    }
}

/// Knows more at each poll, and ends the polling when it knows all.
final class GrowingPlanner: BlockPlanning {
    private let now: Mutex<TestPlanner>
    let coming = Mutex<[TestPlanner]>([])

    init(_ planner: TestPlanner) { now = Mutex(planner) }

    func grow() throws {
        let next = coming.withLock { $0.isEmpty ? nil : $0.removeFirst() }
        guard let next else { throw CancellationError() }
        now.withLock { $0 = next }
    }

    func plan(_ query: BlockQuery) async throws -> BlockPlan { try await now.withLock { $0 }.plan(query) }
}
