import ArchiveTypes
import ChunkFormat
import EventTime
import Foundation
import Inputs
import Logging
import ObjectStore
import Spool
import Synchronization
import TestSupport
import Testing

@testable import Archiving

/// An agent's reading side over real files, driven turn by turn with a clock of its own, and crashed at will.
private final class AgentRun: @unchecked Sendable {
    let directory: TemporaryDirectory
    let store = MemoryStore(name: "memory")
    let clock = Mutex<Nanoseconds>(1_750_000_000 * .perSecond)
    private var spool: Spool?
    private var sealed: [SealedChunk] = []

    init(_ directory: TemporaryDirectory) { self.directory = directory }

    var logs: String { directory.path + "/logs" }

    func now() -> Nanoseconds { clock.withLock { $0 } }
    func advance(_ time: Nanoseconds) { clock.withLock { $0 += time } }

    /// Opens spool and reader as a new process would.
    func start() throws -> AgentReader {
        let spool = try Spool(
            path: directory.path + "/spool",
            options: SpoolOptions(
                archive: "main", host: "h", redundancy: Redundancy(copies: 1, acknowledge: 1, placement: ["memory"]),
                maxBytes: 1 << 30, chunkBytes: 8 << 10, chunkAge: .perMinute, clock: { [self] in now() },
                random: { 7 }))
        sealed = spool.recovered()
        self.spool = spool
        var follow = FollowSettings(
            groups: [.init(try PathSelection(include: [logs + "/*.log"], exclude: []))], machine: MachineID("test"))
        follow.pieceBytes = 2000
        let settings = AgentSettings(
            host: "h", follow: follow, groups: [.init(labels: .none, zone: .utc)], blockAge: 5 * .perSecond,
            compression: .standard)
        return try AgentReader(
            spool: spool, settings: settings, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
            clock: { [self] in now() })
    }

    func crash() {
        spool = nil
        sealed = []
    }

    func keep(_ chunks: [SealedChunk]) { sealed += chunks }

    func upload(atMost count: Int) async throws {
        for chunk in sealed.prefix(count) {
            try spool?.remove(try await ArchiveStore(name: "main", store: store).archive(chunk))
        }
        sealed.removeFirst(min(count, sealed.count))
    }
}

/// What a crash takes away.
private final class Process {
    var reader: AgentReader

    init(_ reader: consuming AgentReader) { self.reader = reader }
}

@Suite struct AgentTests {
    @Test(arguments: 0..<40 as Range<UInt64>)
    func everyLineIsArchivedOnceThroughCrashesAndRotations(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let run = AgentRun(TemporaryDirectory())
        try FileManager.default.createDirectory(atPath: run.logs, withIntermediateDirectories: true)
        var written: [String: [UInt8]] = [:]
        var process: Process? = Process(try run.start())
        for step in 0..<60 {
            let name = "app\(Int.random(in: 0..<3, using: &random)).log"
            let path = run.logs + "/" + name
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<6:
                let lines = Self.lines(step, using: &random)
                written[path, default: []] += lines
                try append(lines, to: path)
            case 6:
                if FileManager.default.fileExists(atPath: path) {
                    // Names outside of the pattern, in the same folder, as logrotate gives them.
                    try FileManager.default.moveItem(atPath: path, toPath: path + ".\(step)")
                }
            case 7:
                try await run.upload(atMost: Int.random(in: 0...3, using: &random))
            case 8:
                process = nil
                run.crash()
                process = Process(try run.start())
            default: break
            }
            run.advance(.random(in: 0...(3 * .perSecond), using: &random))
            run.keep(try process?.reader.turn() ?? [])
        }
        for _ in 0..<4 {
            run.advance(10 * .perSecond)
            run.keep(try process?.reader.turn() ?? [])
        }
        run.keep(try process?.reader.finish() ?? [])
        try await run.upload(atMost: .max)
        let archived = try await ArchivedLines(run.store)
        for (path, bytes) in written {
            #expect(archived.bytes(StreamID(host: "h", source: path)) == bytes, "seed \(seed): \(path)")
        }
    }

    static func lines(_ step: Int, using random: inout SeededGenerator) -> [UInt8] {
        (0..<Int.random(in: 1...60, using: &random)).flatMap { index in
            Array("2026-01-02 03:04:05 step \(step) line \(index) ".utf8)
                + (0..<Int.random(in: 0...40, using: &random)).map { _ in UInt8.random(in: 32...126, using: &random) }
                + [10]
        }
    }

    func append(_ bytes: [UInt8], to path: String) throws {
        if !FileManager.default.fileExists(atPath: path) {
            _ = FileManager.default.createFile(atPath: path, contents: nil)
        }
        let handle = try #require(FileHandle(forWritingAtPath: path))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(bytes))
        try handle.close()
    }
}
