import ArchiveTypes
import Archiving
import Checksums
import ChunkFormat
import EventTime
import Inputs
import TestSupport
import Testing

/// Lines of one source in pieces of any size, as a stream that is quiet gives them.
struct QuietPieces: PieceSource {
    private let bytes: [UInt8]
    private var rest: [Int]
    private var position = 0

    /// - Parameter counts: bytes of each piece; lines may be cut anywhere.
    init(_ bytes: [UInt8], counts: [Int]) {
        self.bytes = bytes
        rest = counts.reversed()
    }

    mutating func next(into buffer: inout [UInt8]) -> Piece? {
        guard position < bytes.count, let count = rest.popLast() else { return nil }
        let end = min(bytes.count, position + count)
        buffer = Array(bytes[position..<end])
        defer { position = end }
        let newline = UInt8(ascii: "\n")
        return Piece(
            first: UInt64(position), count: end - position,
            startsInsideLine: position > 0 && bytes[position - 1] != newline, endsInsideLine: bytes[end - 1] != newline,
            isLast: end == bytes.count)
    }
}

@Suite struct BlockMergerTests {
    private static let now: Nanoseconds = 1_767_326_400 * .perSecond
    private static let generation = Generation(born: now, hash: 1)

    private struct Stored {
        var header: BlockHeader
        var bytes: [UInt8]
        var entry: BlockEntry
    }

    /// A line as it is archived.
    private struct Line: Equatable {
        var bytes: [UInt8]
        var time: Nanoseconds
    }

    private static func stored(_ header: BlockHeader, _ frame: [UInt8], offset: Int) throws -> Stored {
        let headerFrame = try header.encodedFrame()
        let entry = frame.withUnsafeBytes {
            BlockEntry(header: header, headerFrame: headerFrame, frame: $0, offset: UInt64(offset))
        }
        return Stored(header: header, bytes: headerFrame + frame, entry: entry)
    }

    /// A line of one of several kinds: times of their own, none, and ones that another format reads.
    private static func line(_ kind: Int, at time: Nanoseconds, _ random: inout SeededGenerator) -> [UInt8] {
        let noise = String(UInt32.random(in: 0...UInt32.max, using: &random), radix: 36)
        let stamp = CivilTime.rfc3339(time, fractionDigits: 3)
        return switch kind {
        case 0: Array("\(stamp) info request \(noise) served\n".utf8)
        case 1: Array("\tat com.example.Thing.\(noise)(Thing.java:12)\n".utf8)
        case 2: Array("no time at all \(noise)\n".utf8)
        default: Array("{\"ts\":\"\(stamp)\",\"id\":\"\(noise)\"}\n".utf8)
        }
    }

    /// Blocks of one stream, small and large, with gaps and heartbeats between them.
    private static func blocks(_ name: String, _ random: inout SeededGenerator) throws -> [Stored] {
        var content: [UInt8] = []
        var time = now - .perHour
        let kinds = [0, 0, 0, Int.random(in: 0...3, using: &random), Int.random(in: 0...3, using: &random)]
        for _ in 0..<Int.random(in: 1...400, using: &random) {
            time += Int64.random(in: 0...(5 * .perSecond), using: &random)
            content += line(kinds.randomElement(using: &random) ?? 0, at: time, &random)
        }
        let counts = (0..<200).map { _ in
            Bool.random(using: &random)
                ? Int.random(in: 1...300, using: &random) : Int.random(in: 1...9000, using: &random)
        }
        let clock = Clock(now)
        var reader = BlockReader(
            stream: StreamID(host: "h", source: name), labels: .none, generation: generation,
            source: QuietPieces(content, counts: counts), timer: LineTimer(zone: .utc, reference: now),
            clock: { clock.tick() })
        let encoder = BlockEncoder()
        var (buffer, blocks) = ([UInt8](), [Stored]())
        while let draft = try reader.next(into: &buffer) {
            let block = try buffer.withUnsafeBytes { try encoder.encode(draft, $0, .standard, into: FrameBuffer()) }
            blocks.append(try stored(block.header, Array(block.frame.bytes), offset: 0))
            if Int.random(in: 0..<12, using: &random) == 0 {
                var bare = block.header
                bare = BlockHeader(
                    kind: .heartbeat, stream: bare.stream, labels: .none, generation: generation,
                    positions: PositionRange(first: bare.positions.end, end: bare.positions.end),
                    leastTime: now, greatestTime: now, received: now)
                blocks.append(try stored(bare, [], offset: 0))
            }
        }
        return blocks
    }

    private static func merge(_ blocks: [Stored], blockBytes: Int) throws -> [Stored] {
        let plan = MergePlan(blocks.map(\.entry), blockBytes: blockBytes)
        let merger = try BlockMerger(blockBytes: blockBytes, settings: plan.settings(level: 1))
        var merged: [BlockMerger.Block] = []
        for index in plan.order { merged += try blocks[index].bytes.withUnsafeBytes { try merger.add($0) } }
        merged += try merger.finish()
        #expect(merged.count >= blocks.count - plan.fewerBlocks)
        return try merged.map { try stored($0.header, $0.frame, offset: 0) }
    }

    /// The lines of each stream with their positions and times, from the blocks as a reader sees them.
    private static func lines(_ blocks: [Stored]) throws -> [StreamID: [Line]] {
        var lines: [StreamID: [Line]] = [:]
        let decoder = BlockDecoder()
        var ends: [StreamID: UInt64] = [:]
        for block in blocks where block.header.kind == .lines {
            var (raw, table) = ([UInt8](), LineTable())
            let header = try block.bytes.withUnsafeBytes { try decoder.decode($0, entry: block.entry, lines: &raw) }
            #expect(xxh64(raw) == header.rawChecksum)
            #expect(header.positions.first == ends[header.stream] ?? 0)
            ends[header.stream] = header.positions.end
            let times = try #require(header.times)
            try raw.withUnsafeBytes { try times.read($0, startsInsideLine: header.continuesBefore, into: &table) }
            #expect(table.times.count == Int(header.lineCount))
            #expect(table.times.min() == header.leastTime && table.times.max() == header.greatestTime)
            for (index, end) in table.ends.enumerated() {
                let start = index == 0 ? 0 : Int(table.ends[index - 1])
                let line = Line(bytes: Array(raw[start..<Int(end)]), time: table.times[index])
                if index == 0, header.continuesBefore, var before = lines[header.stream]?.popLast() {
                    before.bytes += line.bytes
                    lines[header.stream]?.append(before)
                } else {
                    lines[header.stream, default: []].append(line)
                }
            }
        }
        return lines
    }

    @Test(arguments: 0..<24 as Range<UInt64>)
    func linesPositionsAndTimesStay(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var queues = try (0..<4).map { try Self.blocks("/var/log/\($0).log", &random)[...] }
        var blocks: [Stored] = []
        while let index = queues.indices.filter({ !queues[$0].isEmpty }).randomElement(using: &random) {
            blocks.append(queues[index].removeFirst())
        }
        let blockBytes = Int.random(in: 2000...20_000, using: &random)
        let merged = try Self.merge(blocks, blockBytes: blockBytes)
        #expect(try Self.lines(merged) == Self.lines(blocks), "seed \(seed)")
        #expect(merged.filter { $0.header.kind != .lines }.count == blocks.filter { $0.header.kind != .lines }.count)
        #expect(merged.allSatisfy { $0.header.rawLength <= max(UInt64(blockBytes), 9000) }, "seed \(seed)")
        #expect(try Self.merge(blocks, blockBytes: blockBytes).map(\.bytes) == merged.map(\.bytes), "seed \(seed)")
        let received = Set(blocks.map(\.header.received))
        #expect(merged.allSatisfy { received.contains($0.header.received) }, "seed \(seed)")
    }

    @Test func aDamagedBlockIsNotMerged() throws {
        var random = SeededGenerator(seed: 3)
        var blocks = try Self.blocks("/var/log/app.log", &random)
        let place = try #require(blocks.firstIndex { $0.header.kind == .lines })
        blocks[place].bytes[blocks[place].bytes.count - 6] ^= 1
        #expect(throws: FormatError.self) { try Self.merge(blocks, blockBytes: 9000) }
    }
}

/// A second later each time.
private final class Clock: @unchecked Sendable {
    // For one thread.
    private var time: Nanoseconds
    init(_ time: Nanoseconds) { self.time = time }
    func tick() -> Nanoseconds {
        time += .perSecond
        return time
    }
}
