import ArchiveTypes
import Checksums
import ChunkFormat
import EventTime
import TestSupport
import Testing

/// A chunk of seeded content, with what went into it.
struct ChunkFixture {
    var bytes: [UInt8]
    var manifest: Manifest
    var lines: [[UInt8]]

    init(seed: UInt64, blocks: Int, sealed: Nanoseconds = 1_700_000_000 * .perSecond) throws {
        var random = SeededGenerator(seed: seed)
        var builder = ChunkBuilder()
        var (bytes, lines) = ([UInt8](), [[UInt8]]())
        for index in 0..<blocks {
            let content = Self.content(using: &random)
            let (header, frame) = try Self.block(content, index: index, using: &random)
            let headerFrame = try header.encodedFrame()
            frame.withUnsafeBytes { builder.append(header, headerFrame: headerFrame, frame: $0) }
            bytes += headerFrame + frame
            if header.kind == .lines { lines.append(content) }
        }
        let finished = try builder.finish(Self.description(sealed: sealed))
        self.bytes = bytes + finished.tail
        manifest = finished.manifest
        self.lines = lines
    }

    static func description(sealed: Nanoseconds) throws -> ChunkDescription {
        ChunkDescription(
            archive: "main", writer: try #require(WriterID("web-1-0badcafe")), sequence: 42, sealed: sealed,
            previous: [UInt8](repeating: 7, count: 32),
            redundancy: Redundancy(copies: 1, acknowledge: 1, placement: ["disk"]))
    }

    static func content(using random: inout SeededGenerator) -> [UInt8] {
        let lineCount = Int.random(in: 1...40, using: &random)
        var content: [UInt8] = []
        for _ in 0..<lineCount {
            let length = Int.random(in: 0...120, using: &random)
            content += (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }.filter { $0 != 10 }
            content.append(10)
        }
        return content
    }

    static func block(
        _ content: [UInt8], index: Int, using random: inout SeededGenerator
    ) throws -> (BlockHeader, [UInt8]) {
        let kind = index % 7 == 5 ? BlockKind.gap : (index % 7 == 6 ? .heartbeat : .lines)
        var frame: [UInt8] = []
        if kind == .lines {
            let compressor = try ZstdCompressor(.standard)
            _ = try content.withUnsafeBytes { try compressor.compress($0, appendingTo: &frame) }
        }
        let least = Nanoseconds.random(in: 0...(1 << 60), using: &random)
        let first = UInt64.random(in: 0...(1 << 40), using: &random)
        let lines = kind == .lines
        let header = BlockHeader(
            kind: kind, stream: StreamID(host: "host-\(index % 3)", source: "/var/log/\u{fc}\(index % 2).log"),
            labels: try #require(
                Labels(index % 2 == 0 ? [(key: "env", value: "prod"), (key: "pod", value: "a b")] : [])),
            generation: Generation(born: 1_600_000_000 * .perSecond, hash: UInt64(index % 4)),
            positions: PositionRange(first: first, end: first + (lines ? UInt64(content.count) : 0)),
            lineCount: lines ? UInt32(content.count { $0 == 10 }) : 0, rawLength: lines ? UInt64(content.count) : 0,
            storedLength: UInt64(frame.count), storedChecksum: xxh64(frame), rawChecksum: lines ? xxh64(content) : 0,
            leastTime: least, greatestTime: least + .random(in: 0...(.perDay), using: &random),
            received: 1_700_000_000 * .perSecond,
            times: lines ? .column(Array(repeating: 0, count: content.count { $0 == 10 })) : nil,
            continuesBefore: lines && index % 5 == 1, continuesAfter: lines && index % 5 == 0,
            durableLength: UInt64(index),
            gap: kind == .gap ? BlockHeader.Gap(lines: 3, bytes: nil, reason: "file deleted before it was read") : nil)
        return (header, frame)
    }
}
