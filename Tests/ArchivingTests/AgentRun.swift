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

@testable import Archiving

/// An agent's reading side over real files, driven turn by turn with a clock of its own, and crashed at will.
final class AgentRun: @unchecked Sendable {
    let directory = TemporaryDirectory()
    let store = MemoryStore(name: "memory")
    let clock = Mutex<Nanoseconds>(1_750_000_000 * .perSecond)
    var chunkBytes: UInt64 = 8 << 10
    var maxBytes: UInt64 = 1 << 30
    /// Changes what the reader is to do.
    var adjust: (inout AgentSettings) -> Void = { _ in }
    private(set) var spool: Spool?
    private let sealed = Mutex<[SealedChunk]>([])

    init() throws {
        try FileManager.default.createDirectory(atPath: logs, withIntermediateDirectories: true)
    }

    var logs: String { directory.path + "/logs" }
    var spoolPath: String { directory.path + "/spool" }

    func now() -> Nanoseconds { clock.withLock { $0 } }
    func advance(_ time: Nanoseconds) { clock.withLock { $0 += time } }

    /// Opens spool and reader as a new process would.
    func start() throws -> AgentProcess {
        let spool = try Spool(
            path: spoolPath,
            options: SpoolOptions(
                archive: "main", host: "h", redundancy: .single("memory"),
                maxBytes: maxBytes, chunkBytes: chunkBytes, chunkAge: .perMinute,
                merging: .init(blockBytes: 2000, level: 1), clock: { [self] in now() }, random: { 7 }))
        let recovered = try spool.recovered().map { try spool.load($0) }
        sealed.withLock { $0 = recovered }
        self.spool = spool
        var follow = FollowSettings(
            groups: [.init(try PathSelection(include: [logs + "/*.log"], exclude: []))], machine: MachineID("test"))
        follow.pieceBytes = 2000
        var settings = AgentSettings(
            host: "h", follow: follow, groups: [.init(labels: .none, zone: .utc)], blockAge: 5 * .perSecond,
            compression: .standard)
        settings.mergesInBackground = false
        settings.pollInterval = 0
        adjust(&settings)
        return AgentProcess(
            try AgentReader(
                PosixFileSystem(), spool: spool, settings: settings,
                logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
                clock: { [self] in now() }, ticks: { [self] in now() },
                sealed: { [self] chunk in sealed.withLock { $0.append(chunk) } }))
    }

    func crash() {
        spool = nil
        sealed.withLock { $0 = [] }
    }

    func upload(atMost count: Int = .max) async throws {
        let chunks = sealed.withLock { chunks in
            defer { chunks.removeFirst(min(count, chunks.count)) }
            return chunks.prefix(count)
        }
        for chunk in chunks {
            try spool?.remove(try await ArchiveWriter(name: "main", store: store).archive(chunk))
        }
    }

    /// Closes, seals and archives everything, and reads it back.
    func archived(_ process: AgentProcess?) async throws -> ArchivedLines {
        try process?.reader.finish()
        try await upload()
        return try await ArchivedLines(store)
    }

    func append(_ bytes: some Sequence<UInt8>, to name: String) throws {
        let path = logs + "/" + name
        if !FileManager.default.fileExists(atPath: path) {
            _ = FileManager.default.createFile(atPath: path, contents: nil)
        }
        guard let handle = FileHandle(forWritingAtPath: path) else { throw CocoaError(.fileNoSuchFile) }
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(bytes))
        try handle.close()
    }

    func stream(_ name: String) -> StreamID { StreamID(host: "h", source: logs + "/" + name) }
}

/// What a crash takes away.
final class AgentProcess {
    var reader: AgentReader<PosixFileSystem>

    init(_ reader: consuming AgentReader<PosixFileSystem>) { self.reader = reader }

    /// One turn; whether there is more to read.
    @discardableResult
    func turn() throws -> Bool { try reader.turn() }
}
