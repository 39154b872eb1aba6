import ArchiveTypes
import Archiving
import ChunkFormat
import EventTime
import Foundation
import Inputs
import ObjectStore
import Spool
import TestSupport
import Testing

/// Bytes in memory as a source of pieces.
private final class MemoryBytes: ByteSource {
    private var rest: ArraySlice<UInt8>
    var failure: InputError?

    init(_ bytes: [UInt8], failure: InputError? = nil) {
        rest = bytes[...]
        self.failure = failure
    }

    var name: String { "memory" }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(InputError) -> Int {
        let piece = rest.prefix(buffer.count)
        if piece.isEmpty, let failure { throw failure }
        buffer.copyBytes(from: piece)
        rest = rest.dropFirst(piece.count)
        return piece.count
    }
}

@Suite struct FileArchiverTests {
    let directory = TemporaryDirectory()
    let now: Nanoseconds = 1_750_000_000 * .perSecond

    func spool(chunkBytes: UInt64 = 64 << 10, maxBytes: UInt64 = 256 << 10) throws -> Spool {
        try Spool(
            path: directory.path + "/spool-\(UUID().uuidString)",
            options: SpoolOptions(
                archive: "main", host: "h", redundancy: .single("memory"),
                maxBytes: maxBytes, chunkBytes: chunkBytes, chunkAge: .perHour, clock: { [now] in now },
                random: { 7 }))
    }

    func source(_ name: String, _ bytes: [UInt8], pieceBytes: Int = 4096, failure: InputError? = nil) -> ArchiveSource {
        let now = now
        return ArchiveSource(name: name) {
            BlockReader(
                stream: StreamID(host: "h", source: name), labels: .none, generation: Generation(born: 1, hash: 1),
                source: ChunkedPieces(LineChunker(MemoryBytes(bytes, failure: failure), pieceBytes: pieceBytes)),
                timer: LineTimer(zone: .utc, reference: now), clock: { now })
        }
    }

    static func logs(seed: UInt64, bytes: Int) -> [UInt8] {
        var random = SeededGenerator(seed: seed)
        var log: [UInt8] = []
        var time: Nanoseconds = 1_740_000_000 * .perSecond
        while log.count < bytes {
            time += .random(in: 0...(5 * .perSecond), using: &random)
            if Int.random(in: 0..<50, using: &random) == 0 { time -= .random(in: 0...(3 * .perHour), using: &random) }
            if Int.random(in: 0..<200, using: &random) == 0 {
                log += (0..<9000).map { _ in UInt8.random(in: 11...255, using: &random) }
            } else {
                let text =
                    "\(CivilTime.rfc3339(time, fractionDigits: 3)) request \(UInt64.random(in: 0...9999, using: &random))"
                log += Array(text.utf8)
            }
            log.append(10)
        }
        log.removeLast(Int.random(in: 0...1, using: &random))
        return log
    }

    @Test(arguments: [1, 2, 4])
    func everyByteIsArchivedOnceWhateverTheThreads(workers: Int) async throws {
        let store = MemoryStore(name: "memory")
        let logs = (0..<5).map { Self.logs(seed: UInt64($0), bytes: 300_000) }
        let archiver = FileArchiver(
            archive: ArchiveWriter(name: "main", store: store), spool: try spool(), compression: .standard,
            workers: workers)
        let summary = try await archiver.run(logs.enumerated().map { source("/log/\($0)", $1) })
        let archived = try await ArchivedLines(store)
        for (index, log) in logs.enumerated() {
            #expect(archived.bytes(StreamID(host: "h", source: "/log/\(index)")) == log)
        }
        #expect(summary.failures.isEmpty)
        #expect(summary.chunks == archived.manifests.count && summary.chunks > 3)
        #expect(summary.blocks.rawBytes == UInt64(logs.reduce(0) { $0 + $1.count }))
        let newlines = logs.reduce(0) { sum, log in sum + log.count { $0 == 10 } + (log.last == 10 ? 0 : 1) }
        #expect(summary.blocks.lines == UInt64(newlines))
    }

    @Test func theChunksDoNotDependOnTheThreads() async throws {
        var keys: [Set<String>] = []
        for workers in [1, 3] {
            let store = MemoryStore(name: "memory")
            let archiver = FileArchiver(
                archive: ArchiveWriter(name: "main", store: store), spool: try spool(), compression: .standard,
                workers: workers)
            _ = try await archiver.run(
                (0..<3).map { source("/log/\($0)", Self.logs(seed: UInt64($0), bytes: 200_000)) })
            keys.append(Set(try await ArchivedLines(store).manifests.map(\.chunk.description)))
        }
        #expect(keys[0] == keys[1])
    }

    @Test func whatCouldBeReadOfADamagedSourceIsArchived() async throws {
        let store = MemoryStore(name: "memory")
        let logs = (0..<3).map { Self.logs(seed: UInt64($0), bytes: 50_000) }
        let failure = InputError(.failed, path: "/log/1", "read failed")
        let archiver = FileArchiver(
            archive: ArchiveWriter(name: "main", store: store), spool: try spool(), compression: .standard, workers: 2)
        let summary = try await archiver.run(
            logs.enumerated().map { source("/log/\($0)", $1, failure: $0 == 1 ? failure : nil) })
        #expect(summary.failures.map(\.source) == ["/log/1"])
        let archived = try await ArchivedLines(store)
        for (index, log) in logs.enumerated() {
            #expect(archived.bytes(StreamID(host: "h", source: "/log/\(index)")) == log)
        }
    }

    @Test func anotherArchivesStoreIsRefused() async throws {
        let store = MemoryStore(name: "memory")
        try await ArchiveWriter(name: "main", store: store).prepare()
        try await ArchiveWriter(name: "main", store: store).prepare()
        let error = await #expect(throws: StoreError.self) {
            try await ArchiveWriter(name: "other", store: store).prepare()
        }
        #expect(error?.kind == .configuration)
    }
}
