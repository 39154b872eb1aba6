import ArchiveIndex
import ArchiveTypes
import Archiving
import Checksums
import ChunkFormat
import EventTime
import Foundation
import Logging
import ObjectStore
import Placement
import Retrieval
import Spool
import Synchronization
import TestSupport
import Testing

/// Stores in memory under a rule, each with faults as wanted, and one stream that is archived into them from a spool.
final class TestArchive: Sendable {
    let rule: PlacementRule
    /// What the stores hold, beneath all faults.
    let bases: [MemoryStore]
    let directory = TemporaryDirectory()
    let spool: Spool
    let stream = StreamID(host: "web-1", source: "/var/log/app.log")
    private let generation = Generation(born: 1_700_000_000 * .perSecond, hash: 1)
    private let state: Mutex<State>

    private struct State {
        var random: SeededGenerator
        /// All bytes of the stream so far.
        var written: [UInt8] = []
    }

    init(_ rule: Redundancy.Rule, acknowledge: Int, stores: Int, seed: UInt64, maxBytes: UInt64 = 1 << 30) throws {
        let names = (0..<stores).map { "store\($0)" }
        self.rule = PlacementRule(rule, acknowledge: acknowledge, stores: names.map { .init($0) })
        bases = names.map { MemoryStore(name: $0) }
        spool = try Spool(
            path: directory.path + "/spool", options: Self.options(self.rule, maxBytes: maxBytes))
        state = Mutex(State(random: SeededGenerator(seed: seed)))
    }

    static func options(_ rule: PlacementRule, maxBytes: UInt64 = 1 << 30) -> SpoolOptions {
        SpoolOptions(
            archive: "main", host: "h", redundancy: rule, maxBytes: maxBytes, chunkBytes: 1 << 30,
            chunkAge: .perHour, clock: { WallClock.now() }, random: { 7 })
    }

    var written: [UInt8] { state.withLock { $0.written } }

    /// The members whose stores fail as told.
    /// - Parameter timeout: after which a store that hangs counts as failed; nil: it hangs for ever.
    func members(
        _ failure: StoreFailure? = nil, of failing: Set<Int> = [], seed: UInt64 = 1, timeout: Duration? = nil
    ) -> [StoreMember] {
        bases.enumerated().map { index, base in
            var store: any ObjectStore = failing.contains(index) ? failure?.store(base, seed: seed) ?? base : base
            if let timeout { store = TimeoutStore(store, timeout: timeout) }
            return StoreMember(name: base.name, store: store)
        }
    }

    func writer(_ members: [StoreMember]) -> ArchiveWriter {
        ArchiveWriter(name: "main", members: members, scratch: directory.path + "/parity")
    }

    /// A sealed chunk of so many blocks of lines that hardly compress.
    func chunk(blocks: Int = 3, lines: Int = 20) throws -> SealedChunk {
        for _ in 0..<blocks { try appendBlock(lines: lines) }
        return try #require(try spool.seal())
    }

    func appendBlock(lines: Int) throws {
        let (first, raw) = state.withLock { state in
            let first = state.written.count
            for _ in 0..<lines {
                let words = (0..<8).map { _ in
                    String(UInt64.random(in: 0...UInt64.max, using: &state.random), radix: 36)
                }
                state.written += Array("\(first) \(words.joined(separator: " "))\n".utf8)
            }
            return (first, Array(state.written[first...]))
        }
        var frame: [UInt8] = []
        let compressor = try ZstdCompressor(.standard)
        _ = try raw.withUnsafeBytes { try compressor.compress($0, appendingTo: &frame) }
        let time: Nanoseconds = 1_750_000_000 * .perSecond + Nanoseconds(first)
        let header = BlockHeader(
            kind: .lines, stream: stream, labels: .none, generation: generation,
            positions: PositionRange(first: UInt64(first), end: UInt64(first + raw.count)), lineCount: UInt32(lines),
            rawLength: UInt64(raw.count), storedLength: UInt64(frame.count), storedChecksum: xxh64(frame),
            rawChecksum: xxh64(raw), leastTime: time, greatestTime: time, received: time,
            times: .column(of: [Nanoseconds](repeating: time, count: lines)))
        _ = try frame.withUnsafeBytes { try spool.append(header, frame: $0) }
    }

    struct Answer {
        var bytes: [UInt8]
        var outcome: ReadOutcome
        /// What the united stores could not see.
        var shortfall: [String]
        var warnings: [String]

        var isComplete: Bool { outcome.isComplete && shortfall.isEmpty }
    }

    /// What `firn cat` gives.
    func cat(_ members: [StoreMember]) async throws -> Answer {
        let united = RedundantStore(members, rule: rule, archive: nil, isStrict: false)
        let planner = IndexReader(
            store: united, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        let sink = BytesSink()
        let outcome = try await ArchiveReader(store: united, planner: planner).cat(stream, to: sink)
        return Answer(
            bytes: sink.bytes, outcome: outcome, shortfall: united.shortfall,
            warnings: outcome.warnings + united.warnings)
    }
}

/// Keeps what is written.
final class BytesSink: ByteSink {
    private let written = Mutex<[UInt8]>([])

    var bytes: [UInt8] { written.withLock { $0 } }

    func write(_ bytes: UnsafeRawBufferPointer) throws(SinkError) { written.withLock { $0.append(contentsOf: bytes) } }
}

/// The ways in which a store fails.
enum StoreFailure: CaseIterable, CustomStringConvertible {
    case refused, hanging, forbidden, serverError, slowDown, slow, empty, truncated, flipped, stale, answerLost
    /// Hangs with its object of the archive's name intact: it is found out about at the first chunk.
    case hangingLater

    var description: String {
        switch self {
        case .refused: "refused"
        case .hanging: "hanging"
        case .forbidden: "403"
        case .serverError: "500"
        case .slowDown: "503 SlowDown"
        case .slow: "slow"
        case .empty: "empty"
        case .truncated: "truncated bodies"
        case .flipped: "flipped bytes"
        case .stale: "stale listings"
        case .answerLost: "answers lost"
        case .hangingLater: "hanging after firn.json"
        }
    }

    /// Whether a store that fails so gives nothing of what it holds.
    var isTotal: Bool {
        switch self {
        case .slow, .stale, .answerLost: false
        default: true
        }
    }

    func store(_ base: MemoryStore, seed: UInt64) -> any ObjectStore {
        if self == .empty { return MemoryStore(name: base.name) }
        return FaultyStore(base, faults: faults, seed: seed)
    }

    private var faults: [Fault] {
        switch self {
        case .refused: [Fault(.error(.transient))]
        case .hanging: [Fault(.held)]
        case .hangingLater:
            ["chunks/", "manifests/", "index/"].map { Fault(.held, keyPrefix: $0) }
        case .forbidden: [Fault(.error(.configuration, status: 403))]
        case .serverError: [Fault(.error(.transient, status: 500))]
        case .slowDown: [Fault(.error(.transient, retryAfter: 1, status: 503))]
        case .slow: [Fault(.late(by: .milliseconds(300)))]
        case .empty: []
        case .truncated:
            [StoreOperation.put, .get].flatMap { operation in
                ["chunks/", "manifests/", "index/"].map { Fault(.truncated(by: 600), on: operation, keyPrefix: $0) }
            }
        case .flipped:
            [StoreOperation.put, .get].flatMap { operation in
                ["chunks/", "manifests/", "index/"].map { Fault(.corrupted, on: operation, keyPrefix: $0) }
            }
        case .stale: [Fault(.stale(lacking: .max), on: .list)]
        case .answerLost: [Fault(.doneButError(.transient), on: .put)]
        }
    }
}

/// All sets of `count` of the numbers below `limit`.
func subsets(of limit: Int, count: Int) -> [Set<Int>] {
    guard count > 0 else { return [[]] }
    guard limit >= count else { return [] }
    return subsets(of: limit - 1, count: count) + subsets(of: limit - 1, count: count - 1).map { $0.union([limit - 1]) }
}
