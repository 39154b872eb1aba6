import ArchiveTypes
import Archiving
import ChunkFormat
import EventTime
import Foundation
import Inputs
import Spool
import Synchronization
import TestSupport
import Testing

/// Merging of the open chunk in the spool: nothing may be lost or doubled by it, whenever it is cut off.
@Suite struct ChunkMergingTests {
    private static let now: Nanoseconds = 1_767_326_400 * .perSecond
    private let directory = TemporaryDirectory()

    private func open() throws -> Spool {
        try Spool(
            path: directory.path,
            options: SpoolOptions(
                archive: "main", host: "h", redundancy: .single("a"),
                maxBytes: 1 << 30, chunkBytes: 1 << 20, chunkAge: .perHour,
                merging: .init(blockBytes: 8 << 10, level: 1), clock: { Self.now }, random: { 7 }))
    }

    private func source(_ stream: Int) -> SourceGeneration {
        SourceGeneration(
            stream: StreamID(host: "h", source: "/var/log/\(stream).log"), generation: Generation(born: 1, hash: 1))
    }

    private static func line(_ number: Int) -> [UInt8] {
        Array("2026-01-02 03:04:05 number \(1_000_000 + number)\n".utf8)
    }
    private static let lineBytes = line(0).count

    /// Block after block of `streams` streams, a line each.
    private func append(_ range: Range<Int>, streams: Int, to spool: Spool) throws {
        let encoder = BlockEncoder()
        for number in range {
            for stream in 0..<streams {
                let position = number * Self.lineBytes
                let raw = Self.line(number)
                let source = source(stream)
                var reader = BlockReader(
                    stream: source.stream, labels: .none, generation: source.generation,
                    source: OnePiece(raw, first: position), timer: LineTimer(zone: .utc, reference: Self.now),
                    clock: { Self.now })
                var buffer: [UInt8] = []
                let draft = try #require(try reader.next(into: &buffer))
                let block = try buffer.withUnsafeBytes { try encoder.encode(draft, $0, .standard, into: FrameBuffer()) }
                #expect(try spool.append(block.header, frame: block.frame.bytes) == nil)
            }
        }
    }

    /// The lines of each stream in a sealed chunk, which must hold each position once.
    private func lines(of chunk: SealedChunk) throws -> [StreamID: [UInt8]] {
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: chunk.path)))
        let manifest = try bytes.withUnsafeBytes {
            try Manifest.describing(chunk: $0, key: chunk.manifest.chunk, deep: true)
        }
        #expect(manifest == chunk.manifest)
        var lines: [StreamID: [UInt8]] = [:]
        let decoder = BlockDecoder()
        for entry in manifest.blocks {
            var raw: [UInt8] = []
            _ = try Array(bytes[Int(entry.offset)..<Int(entry.offset + entry.length)]).withUnsafeBytes {
                try decoder.decode($0, entry: entry, lines: &raw)
            }
            #expect(entry.positions.first == UInt64(lines[entry.stream]?.count ?? 0))
            lines[entry.stream, default: []] += raw
        }
        return lines
    }

    private func expect(_ chunk: SealedChunk, lines count: Int, streams: Int, _ comment: Comment) throws {
        let all = (0..<count).flatMap(Self.line)
        let found = try lines(of: chunk)
        #expect(found.count == streams, comment)
        #expect(found.values.allSatisfy { $0 == all }, comment)
    }

    @Test func aMergedChunkGoesOnAndIsRecovered() throws {
        var spool: Spool? = try open()
        if let spool {
            try append(0..<100, streams: 3, to: spool)
            try spool.mergeOpenChunk()
            try append(100..<120, streams: 3, to: spool)
            try spool.mergeOpenChunk()
            try append(120..<130, streams: 3, to: spool)
            try spool.synchronize()
            for stream in 0..<3 { #expect(spool.position(of: source(stream)) == UInt64(130 * Self.lineBytes)) }
        }
        spool = nil
        let again = try open()
        #expect(again.findings.isEmpty)
        let chunk = try again.load(try #require(again.recovered().first))
        try expect(chunk, lines: 130, streams: 3, "after a crash")
        // Two full blocks, a rest that was too small to be joined to a full one, and ten that came after.
        #expect(chunk.manifest.blocks.count < 3 * (4 + 10))
    }

    @Test func aHalfWrittenMergeIsForgotten() throws {
        var spool: Spool? = try open()
        if let spool {
            try append(0..<50, streams: 2, to: spool)
            try spool.synchronize()
        }
        spool = nil
        try Data(try Data(contentsOf: URL(filePath: directory.path + "/open.chunk")).prefix(700))
            .write(to: URL(filePath: directory.path + "/open.merged"))
        let again = try open()
        try expect(
            try again.load(try #require(again.recovered().first)), lines: 50, streams: 2, "beside a half written file")
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).contains("open.merged") == false)
    }

    /// The new file takes the old one's name in one step: before it the old chunk is recovered, after it the new one.
    @Test func eachSideOfTheRenameIsWhole() throws {
        let before = directory.path + "/before", after = directory.path + "/after"
        var spool: Spool? = try open()
        if let spool {
            try append(0..<80, streams: 2, to: spool)
            try spool.synchronize()
            try FileManager.default.copyItem(atPath: directory.path + "/open.chunk", toPath: before)
            try spool.mergeOpenChunk()
            try FileManager.default.copyItem(atPath: directory.path + "/open.chunk", toPath: after)
        }
        spool = nil
        for (copy, blocks) in [(before, 160), (after, 2)] {
            try? FileManager.default.removeItem(atPath: directory.path + "/sealed")
            try? FileManager.default.removeItem(atPath: directory.path + "/open.chunk")
            try FileManager.default.copyItem(atPath: copy, toPath: directory.path + "/open.chunk")
            let again = try open()
            #expect(again.recovered().count == 1)
            let chunk = try again.load(try #require(again.recovered().first))
            try expect(chunk, lines: 80, streams: 2, "\(copy)")
            #expect(chunk.manifest.blocks.count == blocks)
        }
    }

    @Test func damageInTheChunkKeepsItFromBeingMergedAndNothingElse() throws {
        let spool = try open()
        try append(0..<50, streams: 2, to: spool)
        try spool.synchronize()
        let file = try #require(FileHandle(forUpdatingAtPath: directory.path + "/open.chunk"))
        try file.seek(toOffset: 3000)
        try file.write(contentsOf: [0xFF, 0x00, 0xFF])
        try file.close()
        let error = #expect(throws: SpoolError.self) { try spool.mergeOpenChunk() }
        #expect(error?.kind == .damaged)
        let chunk = try #require(try spool.seal())
        #expect(chunk.manifest.blocks.count == 100)
    }

    @Test func blocksAreAppendedMeanwhile() throws {
        let spool = try open()
        let isDone = Mutex(false)
        let merged = DispatchSemaphore(value: 0)
        let merges = Mutex(0)
        let thread = Thread {
            while !isDone.withLock({ $0 }) {
                do {
                    try spool.mergeOpenChunk()
                    merges.withLock { $0 += 1 }
                } catch { Issue.record("\(error)") }
            }
            merged.signal()
        }
        thread.start()
        try append(0..<400, streams: 3, to: spool)
        isDone.withLock { $0 = true }
        merged.wait()
        try spool.mergeOpenChunk()
        let chunk = try #require(try spool.seal())
        try expect(chunk, lines: 400, streams: 3, "after \(merges.withLock { $0 }) merges")
        #expect(chunk.manifest.blocks.count < 60)
    }
}

/// One piece at a position of its own.
private struct OnePiece: PieceSource {
    private var rest: ([UInt8], Int)?

    init(_ bytes: [UInt8], first: Int) { rest = (bytes, first) }

    mutating func next(into buffer: inout [UInt8]) -> Piece? {
        guard let (bytes, first) = rest else { return nil }
        rest = nil
        buffer = bytes
        return Piece(
            first: UInt64(first), count: bytes.count, startsInsideLine: false, endsInsideLine: false, isLast: false)
    }
}
