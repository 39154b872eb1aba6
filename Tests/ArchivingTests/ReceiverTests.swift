import ArchiveTypes
import Archiving
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

/// A receiver over a real spool, driven turn by turn with a clock of its own, and crashed at will.
private final class ReceiverRun: Sendable {
    let directory = TemporaryDirectory()
    let store = MemoryStore(name: "memory")
    private let clock = Mutex<Nanoseconds>(1_750_000_000 * .perSecond)
    private let ticks = Mutex<Nanoseconds>(1000 * .perSecond)
    private let sealed = Mutex<[SealedChunk]>([])
    private let numbers = Mutex<UInt64>(0)
    let adjust: @Sendable (inout ReceiverSettings) -> Void

    let maxBytes: UInt64

    init(maxBytes: UInt64 = 1 << 30, _ adjust: @escaping @Sendable (inout ReceiverSettings) -> Void = { _ in }) {
        self.maxBytes = maxBytes
        self.adjust = adjust
    }

    func now() -> Nanoseconds { clock.withLock { $0 } }
    func advance(_ time: Nanoseconds) {
        clock.withLock { $0 += time }
        ticks.withLock { $0 += time }
    }
    /// As who sets the machine's clock.
    func setClock(back time: Nanoseconds) { clock.withLock { $0 -= time } }
    var logDirectory: String { directory.path + "/spool/log" }

    func openSpool() throws -> Spool {
        let spool = try Spool(
            path: directory.path + "/spool",
            options: SpoolOptions(
                archive: "main", host: "h", redundancy: .single("memory"),
                maxBytes: maxBytes, chunkBytes: 4 << 10, chunkAge: .perMinute, clock: { [self] in now() },
                ticks: { [self] in ticks.withLock { $0 } },
                random: { 7 }))
        let recovered = try spool.recovered().map { try spool.load($0) }
        sealed.withLock { $0 = recovered }
        return spool
    }

    func start(_ spool: Spool, _ handover: ReceiverHandover = .init()) throws -> Receiver {
        let source = ReceiverSettings.Source(labels: .none, zone: .utc)
        var settings = ReceiverSettings(
            host: "h", sources: ["syslog": source, "journal": source], blockBytes: 1500, blockAge: 5 * .perSecond,
            compression: .standard, logBytes: 1 << 20)
        settings.logSegmentBytes = 3000
        settings.handover = handover
        adjust(&settings)
        var receiver = try Receiver(
            spool: spool, log: try LogDirectory(spool: spool.path), settings: settings,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), clock: { [self] in now() },
            ticks: { [self] in ticks.withLock { $0 } },
            random: { [self] in
                numbers.withLock {
                    $0 += 1
                    return $0
                }
            }, sealed: { [self] chunk in sealed.withLock { $0.append(chunk) } })
        try receiver.replay()
        return receiver
    }

    func upload(_ spool: Spool) async throws {
        let chunks = sealed.withLock { chunks in
            defer { chunks = [] }
            return chunks
        }
        for chunk in chunks { try spool.remove(try await ArchiveWriter(name: "main", store: store).archive(chunk)) }
    }

    func logFiles() throws -> [String: Data] {
        var files: [String: Data] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: logDirectory) {
            files[name] = try Data(contentsOf: URL(filePath: logDirectory + "/" + name))
        }
        return files
    }
}

/// What a crash takes away.
private final class Process {
    var receiver: Receiver
    let spool: Spool

    init(_ run: ReceiverRun, _ handover: ReceiverHandover = .init()) throws {
        spool = try run.openSpool()
        receiver = try run.start(spool, handover)
    }
}

@Suite struct ReceiverTests {
    static var seeds: Range<UInt64> {
        switch ProcessInfo.processInfo.environment["FIRN_TEST_EFFORT"] {
        case "quick": 0..<3
        case "long": 0..<2000
        default: 0..<6
        }
    }

    /// Whole lines with now and then a continuation.
    static func lines(_ step: Int, using random: inout SeededGenerator) -> [UInt8] {
        (0..<Int.random(in: 1...12, using: &random)).flatMap { index in
            Array("<13>1 2026-01-02T03:04:05Z h a - - - step \(step) line \(index) ".utf8)
                + (0..<Int.random(in: 0...60, using: &random)).map { _ in UInt8.random(in: 32...126, using: &random) }
                + [10]
        }
    }

    /// Several hosts, and a journal that is read again from its cursor after a crash. After a crash, segments of the log
    /// that had been dropped may be there again, as where it came between the sync of a block and the drop.
    @Test func everyAcknowledgedLineIsArchivedOnceThroughCrashes() async throws {
        for seed in Self.seeds {
            var random = SeededGenerator(seed: seed)
            let run = ReceiverRun()
            var wanted: [String: [UInt8]] = [:]
            var journal: [[UInt8]] = []
            let acknowledged = Mutex(0)
            var taken = 0
            var process: Process? = try Process(run)
            for step in 0..<80 {
                var received: [Received] = []
                for _ in 0..<Int.random(in: 0...3, using: &random) {
                    let host = "web-\(Int.random(in: 0..<4, using: &random))"
                    let lines = Self.lines(step, using: &random)
                    wanted[host, default: []] += lines
                    taken += 1
                    received.append(
                        .lines(
                            ReceivedLines(
                                origin: LineOrigin(host: host, source: "syslog", relay: "10.0.0.1"), bytes: lines,
                                received: run.now(), durable: { acknowledged.withLock { $0 += 1 } })))
                }
                if Bool.random(using: &random) { journal.append(Self.lines(step, using: &random)) }
                received += journalEntries(journal, process)
                run.advance(.random(in: 0...(3 * .perSecond), using: &random))
                let before = try run.logFiles()
                try process?.receiver.turn(received)
                #expect(acknowledged.withLock { $0 } == taken, "seed \(seed), step \(step)")
                switch Int.random(in: 0..<10, using: &random) {
                case 0, 1:
                    process = nil
                    for (name, bytes) in before.sorted(by: { $0.key > $1.key }) {
                        if Int.random(in: 0..<3, using: &random) == 0 { break }
                        let path = run.logDirectory + "/" + name
                        if !FileManager.default.fileExists(atPath: path) { try bytes.write(to: URL(filePath: path)) }
                    }
                    process = try Process(run)
                case 2:
                    if let spool = process?.spool { try await run.upload(spool) }
                default: break
                }
            }
            try process?.receiver.turn(journalEntries(journal, process))
            try process?.receiver.finish()
            process = nil
            process = try Process(run)
            try process?.receiver.finish()
            process = nil
            let spool = try run.openSpool()
            try await run.upload(spool)
            let archived = try await ArchivedLines(run.store)
            for (host, bytes) in wanted {
                let stream = StreamID(host: host, source: "syslog")
                #expect(archived.bytes(stream) == bytes, "seed \(seed): \(host)")
                #expect(Set(archived.blocks[stream]?.map(\.0) ?? []).count == 1, "seed \(seed): \(host)")
            }
            #expect(
                archived.bytes(StreamID(host: "h", source: "journal")) == Array(journal.joined()), "seed \(seed)")
            let labels = archived.manifests.flatMap(\.blocks).filter { $0.stream.source == "syslog" }.map(\.labels)
            #expect(labels.allSatisfy { $0["relay"] == "10.0.0.1" }, "seed \(seed)")
            let gaps = archived.manifests.flatMap(\.blocks).filter { $0.kind == .gap }
            #expect(gaps.isEmpty, "seed \(seed)")
        }
    }

    /// What the journal has after the receiver's cursor: the number of entries that it has seen.
    private func journalEntries(_ journal: [[UInt8]], _ process: Process?) -> [Received] {
        var seen = 0
        if let cursor = process?.receiver.cursor(of: "journal") { seen = Int(cursor[0]) * 256 + Int(cursor[1]) }
        var received: [Received] = []
        for index in seen..<journal.count {
            let cursor = [UInt8((index + 1) / 256), UInt8((index + 1) % 256)]
            let origin = LineOrigin(host: nil, source: "journal")
            let lines = ReceivedLines(origin: origin, bytes: journal[index], received: 0, cursor: cursor)
            received.append(.lines(lines))
        }
        return received
    }

    /// A crash comes when the log says how to go on after blocks that found no room in the spool.
    @Test func aJournalIsReadAgainFromWhereItsBlocksEnd() async throws {
        var random = SeededGenerator(seed: 11)
        let run = ReceiverRun(maxBytes: 8000)
        var journal: [[UInt8]] = []
        var process: Process? = try Process(run)
        for step in 0..<60 {
            journal.append(Self.lines(step, using: &random))
            run.advance(.perSecond)
            try process?.receiver.turn(journalEntries(journal, process))
        }
        let waits = process?.spool.backlog().bytes ?? 0
        #expect(waits > 6000, "the spool is full")
        process = nil
        for _ in 0..<30 {
            process = nil
            process = try Process(run)
            if let spool = process?.spool { try await run.upload(spool) }
            try process?.receiver.turn(journalEntries(journal, process))
            try process?.receiver.finish()
        }
        process = nil
        try await run.upload(try run.openSpool())
        let archived = try await ArchivedLines(run.store)
        #expect(archived.bytes(StreamID(host: "h", source: "journal")) == Array(journal.joined()))
    }

    @Test func damageOfTheLogIsAGapInTheArchive() async throws {
        let run = ReceiverRun {
            $0.blockAge = .perHour; $0.blockBytes = 1 << 20
        }
        let origin = LineOrigin(host: "web-1", source: "syslog")
        func received(_ text: String) -> [Received] {
            [.lines(ReceivedLines(origin: origin, bytes: Array(text.utf8), received: run.now()))]
        }
        var process: Process? = try Process(run)
        for text in ["one\n", "two\n", "three\n", "four\n"] { try process?.receiver.turn(received(text)) }
        process = nil
        for (name, bytes) in try run.logFiles() {
            guard let place = bytes.firstRange(of: Data("two".utf8)) else { continue }
            var damaged = bytes
            damaged[place.lowerBound] = 0
            try damaged.write(to: URL(filePath: run.logDirectory + "/" + name))
        }
        process = try Process(run)
        try process?.receiver.finish()
        process = nil
        try await run.upload(try run.openSpool())
        let archived = try await ArchivedLines(run.store)
        let blocks = archived.blocks[StreamID(host: "web-1", source: "syslog")]?.sorted { $0.1 < $1.1 } ?? []
        #expect(blocks.map { String(decoding: $0.2, as: UTF8.self) } == ["one\n", "three\nfour\n"])
        let gaps = archived.manifests.flatMap(\.blocks).filter { $0.kind == .gap }
        #expect(gaps.map(\.positions) == [PositionRange(first: 4, end: 8)])
    }

    @Test func lossesAreGapsOfTheListener() async throws {
        let run = ReceiverRun()
        let process = try Process(run)
        let loss = ReceivedLoss(source: "syslog", messages: 12, reason: "too fast")
        try process.receiver.turn([.loss(loss), .loss(loss)])
        try process.receiver.finish()
        let sealed = try process.spool.seal()
        let chunk = try #require(sealed)
        let gap = try #require(chunk.manifest.blocks.first { $0.kind == .gap })
        #expect(gap.stream == StreamID(host: "h", source: "syslog"))
    }

    /// What comes from this host is there as long as the agent listens; of other hosts nothing is known.
    @Test func silentStreamsOfThisHostHaveAHeartbeatEveryHour() async throws {
        let run = ReceiverRun()
        let process = try Process(run)
        func lines(_ host: String?, _ source: String, cursor: [UInt8]? = nil) -> Received {
            .lines(
                ReceivedLines(
                    origin: LineOrigin(host: host, source: source), bytes: Array("line\n".utf8), received: run.now(),
                    cursor: cursor))
        }
        let first = [lines(nil, "syslog"), lines("web-1", "syslog"), lines(nil, "journal", cursor: [1])]
        try process.receiver.turn(first)
        let begin = run.now()
        for _ in 0..<150 {
            run.advance(.perMinute)
            try process.receiver.turn([])
        }
        // It goes on where it was.
        try process.receiver.turn([lines(nil, "syslog")])
        try process.receiver.finish()
        try await archiveOpenChunk(process, run)
        let archived = try await ArchivedLines(run.store)
        #expect(archived.bytes(StreamID(host: "h", source: "syslog")) == Array("line\nline\n".utf8))
        for source in ["syslog", "journal"] {
            let beats = archived.bare.filter { $0.kind == .heartbeat && $0.stream.source == source }
            #expect(beats.allSatisfy { $0.positions == PositionRange(first: 5, end: 5) && $0.stream.host == "h" })
            let minutes = beats.map { ($0.leastTime - begin) / .perMinute }
            #expect(minutes.count == 2 && zip([0] + minutes, minutes).allSatisfy { $1 - $0 < 60 }, "\(minutes)")
        }
        #expect(archived.bare.allSatisfy { $0.stream.host == "h" })
    }

    /// More hosts than there may be streams: the others' lines are in this host's stream, none is lost.
    @Test func streamsAreBounded() async throws {
        let run = ReceiverRun { $0.streams = 10 }
        let process = try Process(run)
        for index in 0..<100 {
            let origin = LineOrigin(host: "h\(index)", source: "syslog", relay: "10.0.0.\(index)")
            try process.receiver.turn([
                .lines(ReceivedLines(origin: origin, bytes: Array("line \(index)\n".utf8), received: run.now()))
            ])
        }
        try process.receiver.finish()
        if let chunk = try process.spool.seal() {
            try process.spool.remove(try await ArchiveWriter(name: "main", store: run.store).archive(chunk))
        }
        try await run.upload(process.spool)
        let archived = try await ArchivedLines(run.store)
        #expect(archived.blocks.count == 11)
        let own = String(decoding: archived.bytes(StreamID(host: "h", source: "syslog")), as: UTF8.self)
        #expect(own == (10..<100).map { "line \($0)\n" }.joined())
    }

    /// The log is at its ceiling, since blocks find no room: nothing more is taken until there is room again.
    @Test func aFullLogHoldsUpSenders() throws {
        let run = ReceiverRun {
            $0.logBytes = 40_000
            $0.blockAge = .perHour
            $0.blockBytes = 1 << 20
            $0.openBlockBytes = 1 << 20
        }
        let process = try Process(run)
        let acknowledged = Mutex(0)
        var sent = 0
        while process.receiver.canTake, sent < 1000 {
            sent += 1
            try process.receiver.turn([
                .lines(
                    ReceivedLines(
                        origin: LineOrigin(host: "web-1", source: "syslog"),
                        bytes: [UInt8](repeating: 65, count: 999) + [10],
                        received: run.now(), durable: { acknowledged.withLock { $0 += 1 } }))
            ])
        }
        #expect(20..<40 ~= sent && acknowledged.withLock { $0 } == sent)
        run.advance(2 * .perHour)
        try process.receiver.turn([])
        let canTake = process.receiver.canTake
        #expect(canTake, "the block is synced, and the log has room again")
    }

    /// The machine's clock was a day ahead and is set right: blocks and chunks are closed by their age all the same.
    @Test func aClockThatIsSetBackHoldsNothingUp() async throws {
        let run = ReceiverRun()
        let process = try Process(run)
        func turn(_ text: String? = nil) throws {
            let origin = LineOrigin(host: "web-1", source: "syslog")
            let lines = text.map { ReceivedLines(origin: origin, bytes: Array($0.utf8), received: run.now()) }
            try process.receiver.turn(lines.map { [.lines($0)] } ?? [])
        }
        try turn("before\n")
        run.setClock(back: 24 * .perHour)
        run.advance(6 * .perSecond)
        try turn()
        let due = process.spool.due()
        #expect(process.spool.backlog().bytes > 0 && due == nil, "the block is in the spool")
        run.advance(.perMinute)
        #expect(process.spool.due() == .sealing)
    }

    /// One group of lines takes more of the log than the next one could have: once it is in blocks, there is room again.
    @Test func aGroupThatFillsTheLogIsNotInTheWayForEver() throws {
        let run = ReceiverRun { $0.logBytes = 40_000 }
        let process = try Process(run)
        let lines = ReceivedLines(
            origin: LineOrigin(host: "web-1", source: "syslog"), bytes: Array(repeating: 65, count: 35_000) + [10],
            received: run.now())
        try process.receiver.turn([.lines(lines)])
        for _ in 0..<3 {
            run.advance(.perMinute)
            try process.receiver.turn([])
        }
        let canTake = process.receiver.canTake
        let length = try run.logFiles().values.reduce(0) { $0 + $1.count }
        #expect(canTake && length < 1000, "the log holds \(length) bytes")
    }

    /// Hosts come and go: nothing is kept of those whose lines are archived.
    @Test func positionsOfForgottenStreamsAreForgotten() async throws {
        let run = ReceiverRun { $0.streams = 10_000 }
        var process = try Process(run)
        func snapshotBytes() throws -> Int {
            try process.spool.saveSnapshot()
            return try Data(contentsOf: URL(filePath: process.spool.path + "/snapshot")).count
        }
        let least = try snapshotBytes()
        var wanted: Set<String> = []
        for hour in 0..<20 {
            let received = (0..<20).map { number -> Received in
                let host = "host-\(hour)-\(number)"
                wanted.insert(host)
                return .lines(
                    ReceivedLines(
                        origin: LineOrigin(host: host, source: "syslog"), bytes: Array("a line of \(host)\n".utf8),
                        received: run.now()))
            }
            try process.receiver.turn(received)
            for _ in 0..<70 {
                run.advance(.perMinute)
                try process.receiver.turn([])
            }
            try await archiveOpenChunk(process, run)
            guard hour == 10 else { continue }
            try FileManager.default.removeItem(atPath: process.spool.path + "/lock")
            process = try Process(run)
        }
        let grown = try snapshotBytes() - least
        #expect(grown < 150 * 40, "the snapshot has grown by \(grown) bytes with \(wanted.count) hosts")
        let archived = try await ArchivedLines(run.store)
        for host in wanted {
            let bytes = archived.bytes(StreamID(host: host, source: "syslog"))
            #expect(bytes == Array("a line of \(host)\n".utf8))
        }
    }

    /// The log is full of another host's lines for longer than a silent stream is remembered.
    @Test func aStreamIsNotForgottenWhileItsLinesWaitForTheLog() async throws {
        let run = ReceiverRun {
            $0.logBytes = 40_000
            $0.blockBytes = 1 << 20
        }
        let process = try Process(run)
        let acknowledged = Mutex(0)
        func send(_ count: Int, from host: String) throws -> [UInt8] {
            let lines = (0..<count).flatMap { Array("\(host) \($0) of \(count)\n".utf8) }
            let origin = LineOrigin(host: host, source: "syslog")
            try process.receiver.turn([
                .lines(
                    ReceivedLines(
                        origin: origin, bytes: lines, received: run.now(),
                        durable: { acknowledged.withLock { $0 += 1 } }))
            ])
            return lines
        }
        var wanted = try send(1, from: "web-1")
        run.advance(.perMinute)
        var other: [UInt8] = []
        for _ in 0..<10 { other += try send(180, from: "web-2") }
        wanted += try send(1000, from: "web-1")
        #expect(acknowledged.withLock { $0 } == 11, "the log had room")
        for _ in 0..<3 {
            run.advance(2 * .perHour)
            try process.receiver.turn([])
        }
        #expect(acknowledged.withLock { $0 } == 12)
        try process.receiver.finish()
        try await archiveOpenChunk(process, run)
        let archived = try await ArchivedLines(run.store)
        #expect(archived.bytes(StreamID(host: "web-1", source: "syslog")) == wanted)
        #expect(archived.bytes(StreamID(host: "web-2", source: "syslog")) == other)
    }

    /// Neither log nor spool have room when the agent ends: what it has in hand is counted, and the archive tells; what
    /// the log holds is archived by the next run all the same.
    @Test func whatFindsNoRoomAtTheEndIsCounted() async throws {
        let run = ReceiverRun(maxBytes: 8 << 10) { $0.logBytes = 40_000 }
        let taken = try await fillAndEnd(run)
        let next = try Process(run)
        for _ in 0..<20 {
            run.advance(.perMinute)
            try next.receiver.turn([])
            try await archiveOpenChunk(next, run)
        }
        let archived = try await ArchivedLines(run.store)
        #expect(archived.bytes(StreamID(host: "h", source: "syslog")) == taken)
        #expect(archived.bare.compactMap { $0.gap?.lines } == [20])
    }

    /// Whether the blocks before the handover are in the spool, or wait in the log.
    @Test(arguments: [true, false]) func aStreamThatEndsWithTheProcessGoesOnAfterAHandover(hasRoom: Bool) async throws {
        let source = ReceiverSettings.Source(labels: .none, zone: .utc, isNewEachRun: true)
        let run = ReceiverRun(maxBytes: hasRoom ? 1 << 20 : 700) {
            $0.sources["stdin"] = source
            // With room, nothing stays in the log that could say how the lines ended.
            if hasRoom { $0.logSegmentBytes = 1 }
        }
        func take(_ text: String, _ process: Process) throws {
            let lines = ReceivedLines(
                origin: LineOrigin(host: nil, source: "stdin"), bytes: Array(text.utf8), received: run.now())
            try process.receiver.turn([.lines(lines)])
            run.advance(6 * .perSecond)
            try process.receiver.turn([])
        }
        var handover = ReceiverHandover()
        for texts in [["one line\nand ha", "lf "], ["of another\nthe ", "third"], [" line\n"]] {
            let process = try Process(run, handover)
            for text in texts { try take(text, process) }
            try process.receiver.finish()
            handover = process.receiver.handover
            process.spool.close()
            try await run.upload(process.spool)
        }
        let other = try Process(run)
        for _ in 0..<9 { try await archiveOpenChunk(other, run) }
        try take("of another process\n", other)
        try other.receiver.finish()
        try await archiveOpenChunk(other, run)
        let archived = try await ArchivedLines(run.store)
        let stream = StreamID(host: "h", source: "stdin")
        #expect(
            String(decoding: archived.bytes(stream), as: UTF8.self)
                == "one line\nand half of another\nthe third line\nof another process\n")
        #expect(Set(archived.blocks[stream, default: []].map(\.0)).count == 2)
        for block in archived.headers where block.kind == .lines {
            #expect(block.continuesBefore == !archived.endsLine(before: block), "\(block)")
        }
    }

    /// - Returns: the lines that found room.
    private func fillAndEnd(_ run: ReceiverRun) async throws -> [UInt8] {
        let process = try Process(run)
        var random = SeededGenerator(seed: 1)
        func lines() -> ReceivedLines {
            let text = (0..<10).map { _ in "line \(UInt64.random(in: 0...UInt64.max, using: &random))\n" }.joined()
            return ReceivedLines(
                origin: LineOrigin(host: nil, source: "syslog"), bytes: Array(text.utf8), received: run.now())
        }
        var taken: [UInt8] = []
        for _ in 0..<2000 where process.receiver.canTake {
            let next = lines()
            taken += next.bytes
            run.advance(.perSecond)
            try process.receiver.turn([.lines(next)])
        }
        let canTake = process.receiver.canTake
        try #require(!canTake, "spool and log are full")
        var (last, lost) = (0, 0)
        while lost < 2 {
            let next = lines()
            if case .loss = try process.receiver.takeLast([.lines(next)]).first {
                lost += 1
            } else {
                last += 1
                taken += next.bytes
            }
        }
        #expect(last > 10, "what \(run.logDirectory) keeps free is for the last lines")
        try process.receiver.finish()
        try await archiveOpenChunk(process, run)
        return taken
    }

    private func archiveOpenChunk(_ process: Process, _ run: ReceiverRun) async throws {
        if let chunk = try process.spool.seal() {
            try process.spool.remove(try await ArchiveWriter(name: "main", store: run.store).archive(chunk))
        }
        try await run.upload(process.spool)
    }
}
