import ArchiveIndex
import ArchiveTypes
import Checksums
import ChunkFormat
import EventTime
import ObjectStore
import Retrieval
import TestSupport
import Testing

/// One life of a source, as the test knows it: the truth that answers are compared with.
struct TestLife {
    struct Line {
        var bytes: [UInt8]
        var time: Nanoseconds
        /// Begins a record.
        var hasOwnTime: Bool
    }

    var stream: StreamID
    var labels: Labels
    var generation: Generation
    var lines: [Line] = []
    /// Positions are numbers of lines.
    var isNumbered = false
    /// The block's times are a format, not a column.
    var format: TimeFormatUse?

    var bytes: [UInt8] { lines.flatMap(\.bytes) }

    func start(ofLine line: Int) -> Int { lines[..<line].reduce(0) { $0 + $1.bytes.count } }
}

/// Chunks in a memory store, made with the format's own writer, and manifests of them.
struct TestArchive {
    let store: MemoryStore
    private(set) var manifests: [Manifest] = []
    private var pending: [(BlockHeader, [UInt8])] = []
    private let compressor: ZstdCompressor
    private var previous: [UInt8]?
    /// Of the chunks that are sealed from now on; nil: one copy in this store.
    var rule: PlacementRule?
    static let sealed: Nanoseconds = 1_760_000_000 * .perSecond
    static let writer = WriterID("test-0badcafe")

    /// - Parameter age: how much later than the sealing of all chunks the store's clock stands.
    init(isRemote: Bool = false, age: Nanoseconds = 0) throws {
        store = MemoryStore(isRemote: isRemote, now: { Self.sealed + age })
        compressor = try ZstdCompressor(.standard)
    }

    /// Adds the bytes `range` of a life as a block to the chunk in the making; for numbered lives, `range` is of lines.
    mutating func add(_ life: TestLife, _ range: Range<Int>) throws {
        let byteRange =
            life.isNumbered ? life.start(ofLine: range.lowerBound)..<life.start(ofLine: range.upperBound) : range
        let bytes = Array(life.bytes[byteRange])
        var (times, offset, continuesBefore, continuesAfter) = ([Nanoseconds](), 0, false, false)
        for line in life.lines {
            let place = offset..<offset + line.bytes.count
            offset = place.upperBound
            guard place.overlaps(byteRange) else { continue }
            times.append(line.time)
            if place.lowerBound < byteRange.lowerBound { continuesBefore = true }
            if place.upperBound > byteRange.upperBound { continuesAfter = true }
        }
        let header = BlockHeader(
            kind: .lines, stream: life.stream, labels: life.labels, generation: life.generation,
            positions: PositionRange(first: UInt64(range.lowerBound), end: UInt64(range.upperBound)),
            lineCount: UInt32(times.count), rawLength: UInt64(bytes.count), leastTime: times.min() ?? 0,
            greatestTime: times.max() ?? 0, received: Self.sealed, times: Self.times(life, times),
            continuesBefore: continuesBefore, continuesAfter: continuesAfter)
        try add(header, bytes)
    }

    mutating func add(_ header: BlockHeader, _ bytes: [UInt8]) throws {
        var header = header
        var frame: [UInt8] = []
        if header.kind == .lines { _ = try bytes.withUnsafeBytes { try compressor.compress($0, appendingTo: &frame) } }
        header.storedLength = UInt64(frame.count)
        header.storedChecksum = xxh64(frame)
        header.rawChecksum = xxh64(bytes)
        pending.append((header, frame))
    }

    private static func times(_ life: TestLife, _ times: [Nanoseconds]) -> LineTimes {
        if var use = life.format {
            use.carry = times.first ?? 0
            return .format(use)
        }
        var column: [UInt8] = []
        var last: Nanoseconds = 0
        for time in times {
            column.append(signedVarint: time &- last)
            last = time
        }
        return .column(column)
    }

    /// Seals the chunk in the making, in the order in which its blocks were added, and stores it with its manifest.
    @discardableResult
    mutating func seal() throws -> Manifest? {
        guard !pending.isEmpty, let writer = Self.writer else { return nil }
        var builder = ChunkBuilder()
        var bytes: [UInt8] = []
        for (header, frame) in pending {
            let headerFrame = try header.encodedFrame()
            frame.withUnsafeBytes { builder.append(header, headerFrame: headerFrame, frame: $0) }
            bytes += headerFrame + frame
        }
        let description = ChunkDescription(
            archive: "main", writer: writer, sequence: UInt64(manifests.count + 1), sealed: Self.sealed,
            previous: previous,
            redundancy: rule?.redundancy(writer: writer, sequence: UInt64(manifests.count + 1))
                ?? Redundancy(copies: 1, acknowledge: 1, placement: ["memory"]))
        let (tail, manifest) = try builder.finish(description)
        bytes += tail
        let object = try manifest.encoded()
        store.set(manifest.chunk.description, bytes)
        store.set(manifest.key(hour: Hour(containing: Self.sealed), object: object).description, object)
        previous = manifest.sha256
        manifests.append(manifest)
        pending = []
        return manifest
    }

    var planner: TestPlanner { TestPlanner(manifests: manifests) }
}

/// Plans from manifests that the test knows.
struct TestPlanner: BlockPlanning {
    var manifests: [Manifest]

    func plan(_ query: BlockQuery) async throws -> BlockPlan {
        var plan = BlockPlan()
        plan.blocks = Duplicates.resolve(
            manifests.flatMap { manifest in
                manifest.blocks.filter(query.matches).map { IndexRow(chunk: manifest.chunk, block: $0) }
            })
        return plan
    }
}
