import ArchiveTypes
import Checksums
import ChunkFormat
import EventTime
import Foundation
import Simulation
import Spool
import TestSupport
import Testing

@Suite struct SpoolTests {
    let directory = TemporaryDirectory()
    let stream = StreamID(host: "web-1", source: "/var/log/app.log")
    let generation = Generation(born: 1_700_000_000 * .perSecond, hash: 1)

    func options(chunkBytes: UInt64 = 1 << 20, archive: String = "main") -> SpoolOptions {
        SpoolOptions(
            archive: archive, host: "Web_1.example",
            redundancy: .single("disk"),
            maxBytes: 1 << 30, chunkBytes: chunkBytes, chunkAge: .perMinute,
            clock: { 1_750_000_000 * .perSecond }, random: { 0xABCD })
    }

    /// A block of `text` at `first`, as headers describe it.
    func block(_ text: String, at first: UInt64) throws -> (BlockHeader, [UInt8]) {
        let raw = Array(text.utf8)
        var frame: [UInt8] = []
        let compressor = try ZstdCompressor(.standard)
        _ = try raw.withUnsafeBytes { try compressor.compress($0, appendingTo: &frame) }
        let time: Nanoseconds = 1_750_000_000 * .perSecond
        let header = BlockHeader(
            kind: .lines, stream: stream, labels: .none, generation: generation,
            positions: PositionRange(first: first, end: first + UInt64(raw.count)), lineCount: 1,
            rawLength: UInt64(raw.count), storedLength: UInt64(frame.count), storedChecksum: xxh64(frame),
            rawChecksum: xxh64(raw), leastTime: time, greatestTime: time, received: time, times: .column([0]))
        return (header, frame)
    }

    /// Appends lines `range`, each a block, and returns the chunks that were sealed on the way.
    func append(_ range: Range<Int>, to spool: Spool) throws -> [SealedChunk] {
        var sealed: [SealedChunk] = []
        for index in range {
            let (header, frame) = try block("line \(String(format: "%06d", index))\n", at: UInt64(index * 12))
            if let chunk = try frame.withUnsafeBytes({ try spool.append(header, frame: $0) }) { sealed.append(chunk) }
        }
        return sealed
    }

    func lines(of chunk: SealedChunk) throws -> String {
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: chunk.path)))
        let decoder = BlockDecoder()
        return try chunk.manifest.blocks.map { entry in
            var lines: [UInt8] = []
            _ = try Array(bytes[Int(entry.offset)..<Int(entry.offset + entry.length)]).withUnsafeBytes {
                try decoder.decode($0, entry: entry, lines: &lines)
            }
            return String(decoding: lines, as: UTF8.self)
        }.joined()
    }

    var position: SourceGeneration { SourceGeneration(stream: stream, generation: generation) }

    @Test func chunksChainAndHoldEveryBlockOnce() throws {
        let spool = try Spool(path: directory.path, options: options(chunkBytes: 2000))
        var sealed = try append(0..<100, to: spool)
        if let last = try spool.seal() { sealed.append(last) }
        #expect(sealed.count > 3)
        #expect(try sealed.map(lines).joined() == (0..<100).map { "line \(String(format: "%06d", $0))\n" }.joined())
        #expect(sealed.map(\.manifest.description.sequence) == (1...sealed.count).map(UInt64.init))
        #expect(sealed.map(\.manifest.description.previous) == [nil] + sealed.dropLast().map(\.manifest.sha256))
        #expect(spool.position(of: position) == 1200)
        #expect(try spool.seal() == nil)
    }

    @Test func aChunkLeavesOnlyWhenArchivedAndItsPositionsStay() throws {
        let spool = try Spool(path: directory.path, options: options())
        _ = try append(0..<5, to: spool)
        let chunk = try #require(try spool.seal())
        let key = chunk.manifest.key(hour: Hour(number: 1), object: [])
        try spool.remove(ArchivedChunk(held: chunk, manifestKey: key, manifestLength: 0))
        #expect(access(chunk.path, F_OK) != 0)
        let again = try reopened(spool)
        #expect(again.recovered().isEmpty)
        #expect(again.position(of: position) == 60)
        #expect(again.writer == spool.writer)
        _ = try append(5..<6, to: again)
        let next = try #require(try again.seal())
        #expect(next.manifest.description.sequence == 2)
        #expect(next.manifest.description.previous == chunk.manifest.sha256)
    }

    /// Where nobody goes on reading, a spool that is empty holds no more than a new one, whatever passed through it, in
    /// whatever order, and also what an earlier run left.
    @Test(arguments: [true, false]) func positionsAreForgottenWithTheirChunksWhereNobodyAsks(keeps: Bool) throws {
        var options = options()
        options.keepsPositions = keeps
        var spool = try Spool(path: directory.path, options: options)
        func snapshotBytes() throws -> Int { try Data(contentsOf: URL(filePath: directory.path + "/snapshot")).count }
        let least = try snapshotBytes()
        for turn in 0..<20 {
            var sealed: [SealedChunk] = []
            for source in 0..<10 {
                for index in 0..<2 {
                    let other = Generation(born: Int64(turn * 10 + source), hash: 1)
                    var (header, frame) = try block("line \(index)\n", at: UInt64(index * 7))
                    header.generation = other
                    _ = try frame.withUnsafeBytes { try spool.append(header, frame: $0) }
                    if source % 3 == 0 { sealed += [try spool.seal()].compactMap { $0 } }
                }
            }
            sealed += [try spool.seal()].compactMap { $0 }
            if turn % 4 == 1 {
                try FileManager.default.removeItem(atPath: spool.path + "/lock")
                spool = try Spool(path: directory.path, options: options)
                #expect(spool.recovered().count == sealed.count)
            }
            for chunk in turn % 2 == 0 ? sealed : sealed.reversed() {
                let key = chunk.manifest.key(hour: Hour(number: 1), object: [])
                try spool.remove(ArchivedChunk(held: chunk, manifestKey: key, manifestLength: 0))
            }
        }
        let grown = try snapshotBytes() - least
        #expect(keeps ? grown > 200 * 16 : grown < 64, "the snapshot has grown by \(grown) bytes")
    }

    /// A second spool over a copy of the first one's files in the same directory, as after a crash of the process.
    private func reopened(_ spool: Spool) throws -> Spool {
        try FileManager.default.removeItem(atPath: spool.path + "/lock")
        return try Spool(path: spool.path, options: options())
    }

    @Test func aCrashKeepsAllWholeBlocksWhereverTheFileIsCut() throws {
        let spool = try Spool(path: directory.path, options: options())
        _ = try append(0..<6, to: spool)
        try spool.synchronize()
        let file = directory.path + "/open.chunk"
        let whole = try Data(contentsOf: URL(fileURLWithPath: file))
        let chunk = try #require(try spool.seal())
        let ends = chunk.manifest.blocks.map { Int($0.offset + $0.length) }
        for cut in stride(from: 0, through: whole.count, by: 7) {
            let other = TemporaryDirectory()
            try whole.prefix(cut).write(to: URL(fileURLWithPath: other.path + "/open.chunk"))
            let recovered = try Spool(path: other.path, options: options())
            let blocks = ends.count { $0 <= cut }
            #expect(recovered.recovered().count == (blocks == 0 ? 0 : 1), "cut at \(cut)")
            #expect(
                try recovered.recovered().map { try lines(of: try recovered.load($0)) }.joined().utf8.count == blocks
                    * 12, "cut at \(cut)")
            #expect(recovered.position(of: position) == (blocks == 0 ? nil : UInt64(blocks * 12)), "cut at \(cut)")
            #expect(recovered.findings.isEmpty, "a torn tail is no damage: cut at \(cut)")
        }
    }

    /// Sealing failed or the process died in it, the next one finds the chunk sealed and goes on: what it takes for durable
    /// then is.
    @Test func whatAFailedSealLeftIsDurableBeforeItIsSaidToBe() throws {
        var (failed, found) = (0, 0)
        for seed in 0..<600 as Range<UInt64> {
            let disk = SimulatedDisk(seed: seed, isJournaled: seed % 2 == 0)
            func open() throws -> Spool { try Spool(path: "/spool", options: options(), calls: disk) }
            var spool = try open()
            _ = try append(0..<3, to: spool)
            try spool.synchronize()
            disk.faults.failing = 200
            if seed % 3 == 0 { disk.callsUntilDeath = Int(seed % 10) }
            do throws(SpoolError) { _ = try spool.seal() } catch { failed += 1 }
            disk.kill()
            disk.faults = SimulatedDisk.Faults()
            spool = try open()
            found += spool.recovered().count
            _ = try append(3..<6, to: spool)
            try spool.synchronize()
            disk.losePower()
            spool = try open()
            let chunks = try spool.recovered().map { try spool.load($0) } + [spool.seal()].compactMap { $0 }
            let held = chunks.flatMap(\.manifest.blocks).map { $0.positions.first / 12 }
            #expect(held.sorted() == [0, 1, 2, 3, 4, 5], "seed \(seed)")
            #expect(spool.position(of: position) == 72, "seed \(seed)")
        }
        #expect(failed > 100 && found > 100, "\(failed) seals failed, \(found) left a sealed chunk")
    }

    @Test func damageBelowWhatWasDurableIsKeptAsideAndReported() throws {
        let spool = try Spool(path: directory.path, options: options())
        for index in 0..<6 {
            _ = try append(index..<(index + 1), to: spool)
            try spool.synchronize()
        }
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: directory.path + "/open.chunk")))
        let chunk = try #require(try spool.seal())
        let third = chunk.manifest.blocks[2]
        bytes[Int(third.offset + third.headerLength) + 5] ^= 1
        let other = TemporaryDirectory()
        try Data(bytes).write(to: URL(fileURLWithPath: other.path + "/open.chunk"))
        let recovered = try Spool(path: other.path, options: options())
        #expect(recovered.findings.count == 1)
        #expect(recovered.findings.first?.contains("quarantine") == true)
        #expect(
            try recovered.recovered().map { try lines(of: try recovered.load($0)) }.joined()
                == "line 000000\nline 000001\n")
        #expect(recovered.position(of: position) == 24)
    }

    @Test func whatChangedWhileItWaitedIsNotGivenAway() throws {
        let spool = try Spool(path: directory.path, options: options())
        for index in 0..<3 { _ = try append(index..<(index + 1), to: spool) }
        let chunk = try #require(try spool.seal())
        #expect(try spool.load(chunk.spooled, isOld: true).manifest == chunk.manifest)
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: chunk.path)))
        let block = chunk.manifest.blocks[1]
        bytes[Int(block.offset + block.headerLength) + 5] ^= 1
        try Data(bytes).write(to: URL(fileURLWithPath: chunk.path))
        let error = #expect(throws: SpoolError.self) { try spool.load(chunk.spooled, isOld: true) }
        #expect(error?.kind == .damaged)
    }

    @Test func aSpoolThatWasLetGoIsForTheNextOne() throws {
        let spool = try Spool(path: directory.path, options: options())
        _ = try append(0..<1, to: spool)
        try spool.synchronize()
        spool.close()
        let next = try Spool(path: directory.path, options: options())
        #expect(throws: SpoolError.self) { _ = try append(1..<2, to: spool) }
        #expect(throws: SpoolError.self) { try spool.seal() }
        #expect(try next.recovered().map { try lines(of: try next.load($0)) } == ["line 000000\n"])
    }

    @Test func aSecondProcessIsRefused() throws {
        let spool = try Spool(path: directory.path, options: options())
        let error = #expect(throws: SpoolError.self) { try Spool(path: directory.path, options: options()) }
        #expect(error?.kind == .locked)
        _ = spool
    }

    @Test func aCopiedSpoolGetsAWriterOfItsOwn() throws {
        let writer = try {
            let spool = try Spool(path: directory.path, options: options())
            _ = try append(0..<3, to: spool)
            _ = try spool.seal()
            return spool.writer
        }()
        let copy = TemporaryDirectory()
        try FileManager.default.removeItem(atPath: copy.path)
        try FileManager.default.copyItem(atPath: directory.path, toPath: copy.path)
        var other = options()
        other.random = { 0x1234 }
        let spool = try Spool(path: copy.path, options: other)
        #expect(spool.writer != writer)
        #expect(spool.recovered().count == 1)
        #expect(spool.findings.count == 1)
    }

    @Test func aDamagedSnapshotIsReportedAndWorkGoesOn() throws {
        do { _ = try Spool(path: directory.path, options: options()) }
        let file = URL(fileURLWithPath: directory.path + "/snapshot")
        let bytes = [UInt8](try Data(contentsOf: file))
        for offset in bytes.indices {
            var damaged = bytes
            damaged[offset] ^= 4
            try Data(damaged).write(to: file)
            let spool = try Spool(path: directory.path, options: options())
            #expect(spool.findings.count == 1, "byte \(offset)")
        }
    }

    @Test func aFullDiskIsAnErrorThatCanBeTriedAgain() throws {
        // 64 KiB of tmpfs, where root may mount.
        let mounted = Process()
        mounted.executableURL = URL(fileURLWithPath: "/bin/mount")
        mounted.arguments = ["-t", "tmpfs", "-o", "size=64k", "tmpfs", directory.path]
        mounted.standardError = FileHandle.nullDevice
        try mounted.run()
        mounted.waitUntilExit()
        guard mounted.terminationStatus == 0 else { return }
        defer { umount2(directory.path, Int32(MNT_DETACH)) }
        let spool = try Spool(path: directory.path, options: options())
        let filler = URL(fileURLWithPath: directory.path + "/filler")
        try Data(count: 48 << 10).write(to: filler)
        var written = 0
        let error = #expect(throws: SpoolError.self) {
            while written < 10_000 {
                _ = try append(written..<(written + 1), to: spool)
                written += 1
            }
        }
        #expect(error?.kind == .full)
        try FileManager.default.removeItem(at: filler)
        _ = try append(written..<(written + 1), to: spool)
        let chunk = try #require(try spool.seal())
        #expect(try lines(of: chunk).utf8.count == (written + 1) * 12)
    }
}
