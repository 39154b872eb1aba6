import ArchiveIndex
import ArchiveTypes
import Checksums
import ChunkFormat
import Glibc
import Logging
import ObjectStore
import TestSupport

/// A store's clock that tests turn.
final class TurnedClock: Sendable {
    private let time: Guarded<Nanoseconds>

    init(_ start: Nanoseconds) { time = Guarded(start) }

    var now: Nanoseconds { time.withLock { $0 } }
    func advance(by step: Nanoseconds) { time.withLock { $0 += step } }
}

/// An archive of manifests without chunks, as several writers would have made it: late lines, long spans, blocks sent
/// twice or cut otherwise, gaps, heartbeats, changing labels.
struct SimulatedArchive {
    let clock: TurnedClock
    let store: MemoryStore
    var random: SeededGenerator
    private var sequences: [String: UInt64] = [:]
    private var streams: [Stream] = []
    private(set) var manifests: [Manifest] = []
    private let cache = Guarded<[String: (object: [UInt8], manifest: Manifest?)]>([:])

    private struct Stream {
        var id: StreamID
        var generation: Generation
        var labels: Labels
        var next: UInt64 = 0
        var blocks: [BlockEntry] = []
    }

    static let hosts = ["web-1", "web-2", "web-10", "db-1", "tab\there", "back\\slash", "émile"]
    static let sources = ["/var/log/app.log", "/var/log/nginx/access.log", "journal", "odd\nname, with = all"]
    static let settings: IndexerSettings = {
        var settings = IndexerSettings()
        settings.batchLength = 4000
        settings.frameLength = 900
        settings.partLength = 2500
        settings.liveSets = 3
        return settings
    }()
    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    init(seed: UInt64, isRemote: Bool = true) {
        random = SeededGenerator(seed: seed)
        let clock = TurnedClock(1_780_000_000 * .perSecond)
        self.clock = clock
        store = MemoryStore(isRemote: isRemote, now: { clock.now })
        for host in Self.hosts {
            for source in Self.sources where Int.random(in: 0..<3, using: &random) > 0 { addStream(host, source) }
        }
        if streams.isEmpty { addStream("web-1", "journal") }
    }

    private mutating func addStream(_ host: String, _ source: String) {
        let environment = Bool.random(using: &random) ? "prod" : "a,b=c\\"
        let labels = Labels([(key: "env", value: environment), (key: "tier", value: "1")]) ?? .none
        streams.append(
            Stream(
                id: StreamID(host: host, source: source),
                generation: Generation(born: clock.now, hash: random.next()), labels: labels))
    }

    var indexer: Indexer { Indexer(store: store, logger: Self.logger, settings: Self.settings) }
    var reader: IndexReader { IndexReader(store: store, logger: Self.logger) }

    /// A manifest of the next chunk of a writer, PUT under the current hour.
    mutating func archive(blocks count: Int, writer name: String? = nil) throws {
        let name = name ?? ["agent-1", "agent-2", "a"].randomElement(using: &random) ?? "a"
        let sequence = sequences[name, default: 0]
        sequences[name] = sequence + 1
        try put(try manifest(blocks: count, writer: name, sequence: sequence))
    }

    /// As two machines with a copied spool do: another chunk with a sequence that is taken.
    mutating func archiveTakenSequence() throws {
        guard let earlier = manifests.last else { return }
        let description = earlier.description
        try put(try manifest(blocks: 2, writer: description.writer.description, sequence: description.sequence))
    }

    mutating func putAgain() throws {
        guard let manifest = manifests.randomElement(using: &random) else { return }
        try put(manifest)
    }

    private mutating func put(_ manifest: Manifest) throws {
        let object = try manifest.encoded()
        store.set(manifest.key(hour: Hour(containing: clock.now), object: object).description, object)
        manifests.append(manifest)
    }

    private mutating func manifest(blocks count: Int, writer: String, sequence: UInt64) throws -> Manifest {
        guard let writer = WriterID(writer) else { throw MalformedBytes("writer", at: 0) }
        let digest = (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) }
        let sealed = clock.now - Int64.random(in: 0..<(2 * .perHour), using: &random)
        let name = ObjectName(writer: writer, sequence: sequence, sha256: hex(digest))
        var blocks: [BlockEntry] = []
        for _ in 0..<count {
            blocks.append(block(at: blocks.last.map { $0.offset + $0.length } ?? 0))
        }
        let length = blocks.last.map { $0.offset + $0.length } ?? 0
        return Manifest(
            chunk: ChunkKey(hour: Hour(containing: sealed), name: name), length: length + 100, sha256: digest,
            description: ChunkDescription(
                archive: "main", writer: writer, sequence: sequence, sealed: sealed, previous: nil,
                redundancy: Redundancy(copies: 1, acknowledge: 1, placement: ["memory"])),
            blocks: blocks)
    }

    private mutating func block(at offset: UInt64) -> BlockEntry {
        let index = Int.random(in: streams.indices, using: &random)
        var block = newBlock(of: index)
        if let earlier = streams[index].blocks.randomElement(using: &random), Int.random(in: 0..<5, using: &random) == 0
        {
            block = overlapping(earlier, block)
        }
        streams[index].blocks.append(block)
        block.offset = offset
        return block
    }

    private mutating func newBlock(of index: Int) -> BlockEntry {
        let stream = streams[index]
        let kind: BlockKind = Int.random(in: 0..<10, using: &random) > 0 ? .lines : [.gap, .heartbeat][index % 2]
        let end = stream.next + (kind == .heartbeat ? 0 : UInt64.random(in: 1...1000, using: &random))
        streams[index].next = end
        let times = times()
        return BlockEntry(
            kind: kind, stream: stream.id, labels: stream.labels, generation: stream.generation,
            positions: PositionRange(first: stream.next, end: end), offset: 0, headerLength: 120,
            length: UInt64.random(in: 120...5000, using: &random), lineCount: 7, rawLength: end - stream.next,
            rawChecksum: random.next(), checksum: random.next(), leastTime: times.0, greatestTime: times.1,
            received: clock.now)
    }

    /// Mostly now, sometimes late, sometimes over days.
    private mutating func times() -> (Nanoseconds, Nanoseconds) {
        let kind = Int.random(in: 0..<10, using: &random)
        let late: Nanoseconds = kind == 0 ? 20 * .perDay : .perHour
        let span: Nanoseconds = kind == 1 ? 3 * .perDay : 10 * .perMinute
        let greatest = clock.now - Int64.random(in: 0..<late, using: &random)
        return (greatest - Int64.random(in: 0..<span, using: &random), greatest)
    }

    private mutating func overlapping(_ earlier: BlockEntry, _ block: BlockEntry) -> BlockEntry {
        var copy = earlier
        (copy.length, copy.checksum, copy.offset) = (block.length, block.checksum, 0)
        guard Bool.random(using: &random) else { return copy }
        let shift = UInt64.random(in: 0...300, using: &random)
        copy.positions = PositionRange(
            first: earlier.positions.first + shift,
            end: earlier.positions.end + UInt64.random(in: 0...500, using: &random) + shift)
        copy.rawLength = copy.positions.count
        copy.rawChecksum = random.next()
        return copy
    }
}

extension SimulatedArchive {
    mutating func query() -> BlockQuery {
        var query = BlockQuery.everything
        let patterns = ["web-1", "web-*", "*", "?b-1", "[wd]*-1", "nobody", "émile", "tab\there", "*\\\\*"]
        query.hosts = (0..<Int.random(in: 0...2, using: &random)).compactMap { _ in
            patterns.randomElement(using: &random).map { Glob($0) }
        }
        let sources = ["journal", "/var/log/*", "*.log", "/var/log/app.log", "odd*"]
        if Bool.random(using: &random), let source = sources.randomElement(using: &random) {
            query.sources = [Glob(source)]
        }
        if Int.random(in: 0..<3, using: &random) > 0 {
            let from = clock.now - Int64.random(in: 0..<(30 * .perDay), using: &random)
            let length: Nanoseconds = [.perMinute, .perHour, .perDay, 9 * .perDay][
                Int.random(in: 0..<4, using: &random)]
            query.times = TimeRange(from: from, to: from + length)
        }
        if Int.random(in: 0..<4, using: &random) == 0 { query.labels = [.init(key: "env", value: "a,b=c\\")] }
        if Int.random(in: 0..<4, using: &random) == 0 { query.kinds = [.lines] }
        if Int.random(in: 0..<8, using: &random) == 0 { query.generation = streams.first?.generation }
        return query
    }

    /// The blocks of the readable manifests in the store that a query wants, found without any index.
    func expected(_ query: BlockQuery) throws -> Set<IndexRow> {
        var rows: Set<IndexRow> = []
        for (name, object) in store.objects where name.hasPrefix("manifests/") {
            guard let manifest = decoded(name, object) else { continue }
            for block in manifest.blocks where wants(query, block) {
                rows.insert(IndexRow(chunk: manifest.chunk, block: block))
            }
        }
        return rows
    }

    private func wants(_ query: BlockQuery, _ block: BlockEntry) -> Bool {
        func any(_ patterns: [Glob], _ text: String) -> Bool {
            patterns.isEmpty || patterns.contains { fnmatch($0.description, text, 0) == 0 }
        }
        return any(query.hosts, block.stream.host) && any(query.sources, block.stream.source)
            && block.leastTime < query.times.to && block.greatestTime >= query.times.from
            && query.labels.allSatisfy { wanted in block.labels.pairs.contains(wanted) }
            && query.kinds.contains(block.kind) && query.generation.map { $0 == block.generation } ?? true
    }

    /// Nil for a damaged one. Decoding takes most of the time of these tests.
    private func decoded(_ name: String, _ object: [UInt8]) -> Manifest? {
        if let known = cache.withLock({ $0[name] }), known.object == object { return known.manifest }
        let manifest = ManifestKey(name).flatMap { try? Manifest.decode(object, key: $0) }
        cache.withLock { $0[name] = (object, manifest) }
        return manifest
    }

    var indexKeys: [String] { store.objects.keys.filter { $0.hasPrefix("index/") }.sorted() }
    var damagedManifests: Set<String> {
        Set(
            store.objects.filter { name, object in
                name.hasPrefix("manifests/") && decoded(name, object) == nil
            }.keys)
    }

    func flip(_ key: String, at index: Int, bit: Int) {
        guard var bytes = store.objects[key], bytes.indices.contains(index) else { return }
        bytes[index] ^= 1 << UInt8(bit)
        store.set(key, bytes)
    }
}
