import ArchiveTypes
import ChunkFormat
import EventTime
import Inputs
import Logging
import ObjectStore
import Simulation
import Spool
import TestSupport

@testable import Archiving
@testable import Spool

/// A clock and numbers that only the run advances. For one thread.
private final class Surroundings: @unchecked Sendable {
    var now: Nanoseconds = 1_750_000_000 * .perSecond
    var random: SeededGenerator
    var sealed: [SealedChunk] = []
    var trace: [String]?

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }
}

/// What a crash takes away.
private final class Running {
    let spool: Spool
    var reader: AgentReader<MemoryFileSystem>
    var receiver: Receiver
    var journalRead: Int

    init(_ spool: Spool, _ reader: consuming AgentReader<MemoryFileSystem>, _ receiver: consuming Receiver) {
        self.spool = spool
        journalRead = SourceSenders.count(before: receiver.cursor(of: "journal"))
        self.reader = reader
        self.receiver = receiver
    }

    var checkpoints: [SourceGeneration: FileCheckpoint] { reader.streams.mapValues(\.durable) }
}

/// One course of an agent from one seed: files that are followed, senders and a journal, the spool on a disk that fails and
/// loses power, a store that loses requests and answers; and in the end the proof that all that was promised was kept.
///
/// The agent's parts are the real ones, driven turn by turn on one thread: `AgentReader` with its blocks, queue, sealer and
/// file follower, `Receiver` with the write-ahead log, `Spool`, `ArchiveWriter`. Left out are what only binds them to threads
/// and tasks: the loops of `Agent`, `ReceivingSide` and `AgentUploader`, whose turns this makes in any order, and chunks that
/// are merged while others append. Sources stand on a disk of their own that loses nothing: what a writer has not synced
/// itself is its own to lose.
final class SimulatedRun {
    struct Figures {
        var calls = 0
        var kills = 0
        var powerCuts = 0
        var failures = 0
        var lines = 0
        var chunks = 0
    }

    let seed: UInt64
    private var random: SeededGenerator
    private let surroundings: Surroundings
    private let disk: SimulatedDisk
    private let store: SimulatedStore
    private let archive: ArchiveWriter
    private let files: SourceFiles
    private let senders = SourceSenders()
    private var running: Running?
    private var writer: WriterID?
    private var archived: [SourceGeneration: [PositionRange]] = [:]
    /// Complaints, a sentence each.
    private(set) var complaints: [String] = []
    private(set) var figures = Figures()

    // What kind of course it is.
    private let losesPower: Bool
    private let hasFaults: Bool
    private let isDamaged: Bool
    private let merges: Bool
    private let chunkBytes: UInt64
    private let maxBytes: UInt64
    private let logger = Logger(label: "simulation", factory: { _ in SwiftLogNoOpLogHandler() })
    private var wasDamaged = false
    /// One of its threads has failed: the process is about to end.
    private var isEnding = false

    private static let root = "/spool"

    init(seed: UInt64, traces: Bool = false) {
        self.seed = seed
        var random = SeededGenerator(seed: seed)
        let surroundings = Surroundings(seed: seed ^ 0xF1F1)
        if traces { surroundings.trace = [] }
        self.surroundings = surroundings
        disk = SimulatedDisk(seed: seed ^ 0xD15C, isJournaled: Bool.random(using: &random))
        store = SimulatedStore(name: "store", disk: disk, seed: seed ^ 0x5704E) { surroundings.now }
        archive = ArchiveWriter(name: "main", store: store)
        losesPower = Int.random(in: 0..<4, using: &random) > 0
        hasFaults = Int.random(in: 0..<3, using: &random) > 0
        isDamaged = Int.random(in: 0..<8, using: &random) == 0
        merges = Bool.random(using: &random)
        chunkBytes = UInt64.random(in: 1000...6000, using: &random)
        maxBytes = UInt64.random(in: 8000...60_000, using: &random)
        files = SourceFiles(
            names: Array(["a.log", "b.log", "c.log"].prefix(Int.random(in: 1...3, using: &random))),
            time: surroundings.now)
        self.random = random
        if traces {
            disk.trace = { surroundings.trace?.append("    \($0)") }
            files.note = { surroundings.trace?.append($0) }
        }
        disk.willRemove = { [unowned self] path in checkRemoval(path) }
    }

    private func note(_ text: @autoclosure () -> String) {
        if surroundings.trace != nil { surroundings.trace?.append(text()) }
    }

    /// All that happened, where it is kept.
    var course: String { surroundings.trace?.joined(separator: "\n") ?? "" }

    private func complain(_ text: String) {
        note("COMPLAINT: \(text)")
        complaints.append(text)
    }

    // MARK: The course

    func run(steps: Int) async {
        for _ in 0..<steps {
            await step()
            if !complaints.isEmpty { return }
        }
        await drain()
    }

    private func roll(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }

    private func step() async {
        if running == nil { start() }
        switch roll(100) {
        case 0..<18: files.write(using: &random)
        case 18..<20: files.rotate(using: &random)
        case 20..<23: if !isDamaged { files.forget(using: &random) }
        case 23..<26: senders.log(using: &random)
        case 26..<44: read()
        case 44..<62: receive()
        case 62..<72: await upload()
        case 72..<82: surroundings.now += Nanoseconds.random(in: 0...(4 * .perSecond), using: &random)
        case 82: surroundings.now += [30 * .perSecond, .perMinute, 2 * .perHour][roll(3)]
        case 83..<85: crash("chance")
        case 85..<92: disk.callsUntilDeath = roll(25)
        case 92..<95: changeFaults()
        case 95: stop()
        case 96: tryTwice()
        case 97: copySpool()
        case 98: attempt("seal") { running in if let chunk = try running.spool.seal() { sealed(chunk) } }
        default: if isDamaged, roll(2) == 0 { damage() }
        }
        if disk.isDead { crash("a call") }
        files.files.advance(to: surroundings.now)
    }

    private func sealed(_ chunk: SealedChunk) { surroundings.sealed.append(chunk) }

    /// Something that an agent does. An error ends its process: what the kernel holds stays.
    private func attempt(_ what: String, _ body: (Running) throws -> Void) {
        guard let running else { return }
        note("\(what)")
        do {
            try body(running)
            guard !disk.isDead else { return }
            files.note(running.checkpoints)
        } catch {
            note("\(what) failed: \(error)")
            figures.failures += 1
            guard !isEnding else { return }
            // The other thread goes on for a moment.
            isEnding = true
            if roll(2) == 0 { roll(2) == 0 ? receive() : read() }
            isEnding = false
            if !disk.isDead { exit() }
        }
    }

    private func exit() {
        running = nil
        surroundings.sealed = []
        disk.kill()
    }

    private func crash(_ why: String) {
        running = nil
        surroundings.sealed = []
        if losesPower, roll(2) == 0 {
            note("power is lost: \(why)")
            figures.powerCuts += 1
            disk.losePower()
        } else {
            note("killed: \(why)")
            figures.kills += 1
            disk.kill()
        }
        if isDamaged, roll(2) == 0 { damage() }
    }

    private func changeFaults() {
        var faults = SimulatedDisk.Faults()
        store.failing = 0
        if hasFaults, roll(3) > 0 {
            faults.failing = [0, 5, 60][roll(3)]
            faults.failingOthers = [0, 0, 20][roll(3)]
            faults.interrupted = [0, 100, 400][roll(3)]
            if roll(4) == 0 { faults.capacity = disk.bytesUsed + roll(3000) }
        }
        if roll(2) == 0 { store.failing = [100, 500, 1000][roll(3)] }
        note("faults: \(faults), store \(store.failing)")
        disk.faults = faults
    }

    private func read() { attempt("read") { running in _ = try running.reader.turn() } }

    private func receive() {
        var received: [Received] = []
        attempt("receive") { running in
            if running.receiver.canTake {
                for _ in 0..<roll(4) { received.append(senders.send(using: &random, now: surroundings.now)) }
                let end = min(senders.journal.count, running.journalRead + roll(6))
                received += senders.entries(running.journalRead..<end, now: surroundings.now)
                running.journalRead = end
            }
            try running.receiver.turn(received)
        }
    }

    private func upload() async {
        guard let running, let index = surroundings.sealed.indices.randomElement(using: &random) else { return }
        let chunk = surroundings.sealed[index]
        note("upload \(chunk.manifest.chunk)")
        do {
            let held = try await archive.archive(chunk)
            Self.add(chunk.manifest.blocks, to: &archived)
            if disk.callsUntilDeath != nil, roll(4) == 0 { return crash("the chunk is archived and still there") }
            try running.spool.remove(held)
            surroundings.sealed.remove(at: index)
        } catch {
            // It is tried again, as long as the process lives.
            note("upload failed: \(error)")
        }
    }

    private func stop() {
        attempt("stop") { running in
            if roll(3) > 0 { try running.receiver.finish() }
            if roll(3) > 0 { try running.reader.finish() }
        }
        if disk.isDead { return }
        exit()
    }

    /// A second process finds the spool in use.
    private func tryTwice() {
        guard running != nil else { return }
        do {
            _ = try openSpool()
            complain("two processes have the spool open")
        } catch {
            note("second process: \(error)")
        }
    }

    private func copySpool() {
        guard running == nil || roll(2) == 0 else { return }
        if running != nil { crash("to be copied") }
        guard let writer else { return }
        note("the spool is replaced by a copy")
        disk.replaceByCopy(Self.root)
        let faults = disk.faults
        disk.faults = SimulatedDisk.Faults()
        start()
        disk.faults = faults
        if let running, running.spool.writer == writer { complain("a copy of the spool goes on as \(writer)") }
    }

    /// A bit of a chunk flips while nobody has it open.
    private func damage() {
        guard running == nil else { return }
        let chunks = disk.files(under: Self.root).filter { $0.hasSuffix("open.chunk") || $0.contains("/sealed/") }
        guard let path = chunks.randomElement(using: &random), let count = disk.content(path)?.count, count > 0 else {
            return
        }
        let bit = roll(count * 8)
        note("bit \(bit) of \(path) flips")
        disk.damage(path) { $0[bit / 8] ^= 1 << (bit % 8) }
        wasDamaged = true
    }

    // MARK: Starting

    private func openSpool() throws(SpoolError) -> Spool {
        let surroundings = surroundings
        return try Spool(
            path: Self.root,
            options: SpoolOptions(
                archive: "main", host: "h", redundancy: .single("store"),
                maxBytes: maxBytes, chunkBytes: chunkBytes, chunkAge: 20 * .perSecond,
                merging: merges ? .init(blockBytes: 2000, level: 1) : nil, clock: { surroundings.now },
                random: { UInt32.random(in: 0...UInt32.max, using: &surroundings.random) }), calls: disk)
    }

    private func dumpLog() {
        for path in disk.files(under: Self.root + "/log") where path.hasSuffix(".wal") {
            let bytes = disk.content(path) ?? []
            let first = UInt64(path.split(separator: "/").last?.dropLast(4) ?? "") ?? 0
            let content = LogSegmentContent(bytes, first: first, end: nil)
            note("  \(path) durable \(content.durable) missing \(content.missing)")
            for frame in content.frames {
                guard let record = try? LogRecord(decoding: bytes[frame.body]) else { continue }
                switch record {
                case .lines(let s, let p, _, let b):
                    note("    \(frame.sequence) d\(frame.durable) lines \(s) \(p)-\(p + UInt64(b.count))")
                case .stream(let n, let s, let p):
                    note("    \(frame.sequence) d\(frame.durable) stream \(n) \(s.source.stream.host) at \(p)")
                case .mark(let s, let p, _): note("    \(frame.sequence) d\(frame.durable) mark \(s) \(p)")
                }
            }
        }
    }

    private func start() {
        note("start")
        surroundings.now += 1
        dumpLog()
        do {
            let spool = try openSpool()
            for finding in spool.findings {
                note("finding: \(finding)")
                guard finding.hasPrefix(Self.root + "/quarantine/"), let end = finding.firstIndex(of: ":") else {
                    continue
                }
                if disk.content(String(finding[..<end])) == nil { complain("was not kept aside: \(finding)") }
            }
            surroundings.sealed = try spool.recovered().map { try spool.load($0) }
            let running = Running(spool, try makeReader(spool), try makeReceiver(spool))
            self.running = running
            writer = spool.writer
            guard !wasDamaged else { return }
            for broken in files.brokenPromises(held(surroundings.sealed)) { complain(broken) }
        } catch {
            note("cannot start: \(error)")
            running = nil
            if disk.isDead { crash("a call of the start") } else { exit() }
        }
    }

    /// Blocks that are archived or in the spool.
    private func held(_ chunks: [SealedChunk]) -> [SourceGeneration: [PositionRange]] {
        var ranges = archived
        for chunk in chunks { Self.add(chunk.manifest.blocks, to: &ranges) }
        // It stays open where there was no room to seal it.
        disk.content(Self.root + "/open.chunk")?.withUnsafeBytes { Self.add(OpenChunkScan($0).entries, to: &ranges) }
        return ranges
    }

    private static func add(_ blocks: [BlockEntry], to ranges: inout [SourceGeneration: [PositionRange]]) {
        for block in blocks where block.positions.count > 0 {
            let source = SourceGeneration(stream: block.stream, generation: block.generation)
            ranges[source, default: []].append(block.positions)
        }
    }

    private func makeReader(_ spool: Spool) throws -> AgentReader<MemoryFileSystem> {
        let patterns = [SourceFiles.folder + "/*.log", SourceFiles.folder + "/*.log.*"]
        var follow = FollowSettings(groups: [.init(try PathSelection(include: patterns))], machine: MachineID("m"))
        follow.pieceBytes = 400
        follow.rotatedGrace = .perDay
        var settings = AgentSettings(
            host: "h", follow: follow, groups: [.init(labels: .none, zone: .utc)], blockAge: 2 * .perSecond,
            compression: .standard)
        settings.mergesInBackground = false
        settings.pollInterval = 0
        settings.turnBytes = 2000
        let surroundings = surroundings
        return try AgentReader(
            files.files, spool: spool, settings: settings, logger: logger, clock: { surroundings.now },
            ticks: { surroundings.now }, sealed: { surroundings.sealed.append($0) })
    }

    private func makeReceiver(_ spool: Spool) throws -> Receiver {
        let source = ReceiverSettings.Source(labels: .none, zone: .utc)
        var settings = ReceiverSettings(
            host: "h", sources: ["syslog": source, "journal": source], blockBytes: 600, blockAge: 2 * .perSecond,
            compression: .standard, logBytes: 20_000)
        settings.logSegmentBytes = 1500
        let surroundings = surroundings
        var receiver = try Receiver(
            spool: spool, log: try LogDirectory(spool: Self.root, calls: disk), settings: settings, logger: logger,
            clock: { surroundings.now }, ticks: { surroundings.now }, random: { surroundings.random.next() },
            sealed: { surroundings.sealed.append($0) })
        try receiver.replay()
        return receiver
    }

    // MARK: The end

    /// All is well again: everything must come to the archive.
    private func drain() async {
        note("all is healed")
        disk.faults = SimulatedDisk.Faults()
        disk.callsUntilDeath = nil
        store.failing = 0
        files.finishLines()
        var rounds = 0
        var restarts = 0
        while rounds < 10 {
            if running == nil {
                start()
                restarts += 1
                guard running != nil, restarts < 5 else { return complain("it does not start again") }
            }
            rounds += 1
            surroundings.now += 10 * .perSecond
            files.files.advance(to: surroundings.now)
            drainOnce()
            while !surroundings.sealed.isEmpty {
                let count = surroundings.sealed.count
                await upload()
                if surroundings.sealed.count == count { return complain("a chunk cannot be archived") }
            }
            if rounds == 8, losesPower { crash("at last") }
        }
        attempt("finish") { running in
            try running.reader.finish()
            try running.receiver.finish()
            if let chunk = try running.spool.seal() { sealed(chunk) }
        }
        while !surroundings.sealed.isEmpty, complaints.isEmpty {
            let count = surroundings.sealed.count
            await upload()
            if surroundings.sealed.count == count { complain("a chunk cannot be archived") }
        }
        if let backlog = running?.spool.backlog(), backlog.chunks > 0 || backlog.bytes > 0 {
            complain("\(backlog) stays in the spool")
        }
        judge()
    }

    private func drainOnce() {
        attempt("drain files") { running in
            var turns = 0
            while try running.reader.turn(), turns < 50 { turns += 1 }
        }
        attempt("drain senders") { running in
            var received: [Received] = []
            if running.receiver.canTake {
                received = senders.entries(running.journalRead..<senders.journal.count, now: surroundings.now)
                running.journalRead = senders.journal.count
            }
            try running.receiver.turn(received)
        }
    }

    /// The moment before a chunk leaves the spool: chunk and manifest must be held.
    private func checkRemoval(_ path: String) {
        guard path.hasPrefix(Self.root + "/sealed/") else { return }
        let name = path.dropFirst(Self.root.count + 8).map { $0 == "_" ? "/" : $0 }
        guard let key = ChunkKey(KeyLayout.chunks + String(name)) else { return complain("\(path) is removed") }
        let isHeld = store.objects.keys.contains { ManifestKey($0)?.name.stem == key.name.stem }
        if store.objects[key.description] == nil || !isHeld {
            complain("\(path) leaves the spool before it is archived")
        }
    }

    private func judge() {
        var expected = files.expected
        expected.merge(senders.expected) { own, _ in own }
        var oracle = ArchiveOracle(store.objects, origin: SourceFiles.origin)
        oracle.judge(expected) { stream in wasDamaged && !stream.source.hasPrefix("/") }
        if !oracle.verdicts.isClean { complain(oracle.verdicts.text) }
        // Nothing is lost: who says so is wrong.
        if !wasDamaged, let gap = oracle.gaps.first(where: { $0.positions.count > 0 }) {
            complain(
                "\(gap.stream.source) \(gap.positions.first)-\(gap.positions.end) is told to be lost: \(gap.gap?.reason ?? "")"
            )
        }
        complaints += disk.misuses + store.misuses
        figures.calls = disk.calls
        figures.lines = expected.values.reduce(0) { $0 + $1.lines.count }
        figures.chunks = store.objects.keys.filter { ChunkKey($0) != nil }.count
    }
}
