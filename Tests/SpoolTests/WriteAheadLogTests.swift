import ArchiveTypes
import Foundation
import Simulation
import Spool
import TestSupport
import Testing

/// What the log must give back: the bytes of each stream, from where blocks hold them, up to what was acknowledged.
private struct Ledger {
    var bytes: [UInt64: [UInt8]] = [:]
    var acknowledged: [UInt64: Int] = [:]
    var synced: [UInt64: Int] = [:]

    /// Compares a replay with what was appended and acknowledged, and goes on from what was recovered.
    mutating func check(_ log: WriteAheadLog, _ comment: Comment) throws {
        var recovered: [UInt64: [UInt8?]] = [:]
        try log.replay { stream, position, _, lines in
            let end = Int(position) + lines.count
            let held = recovered[stream]?.count ?? 0
            recovered[stream, default: []] += [UInt8?](repeating: nil, count: max(0, end - held))
            for (offset, byte) in lines.enumerated() { recovered[stream]?[Int(position) + offset] = byte }
        }
        for stream in log.liveStreams {
            let number = stream.number
            let (appended, found) = (bytes[number] ?? [], recovered[number] ?? [])
            let (from, to) = (synced[number] ?? 0, acknowledged[number] ?? 0)
            #expect(stream.position >= to, comment)
            if from < to { #expect(found.count >= to && found[from..<to].allSatisfy { $0 != nil }, comment) }
            #expect(found.count <= appended.count, comment)
            // What was never acknowledged may be missing at the end, but not between.
            #expect(found.dropFirst(from).allSatisfy { $0 != nil }, comment)
            #expect(zip(found, appended).allSatisfy { $0 == nil || $0 == $1 }, comment)
            bytes[number] = Array(appended[..<max(Int(stream.position), to)])
        }
        let live = Set(log.liveStreams.map(\.number))
        for (number, end) in acknowledged where end > synced[number] ?? 0 {
            #expect(live.contains(number), comment)
        }
        for number in bytes.keys where !live.contains(number) { bytes[number] = nil }
        #expect(recovered.keys.allSatisfy(live.contains), comment)
    }
}

@Suite struct WriteAheadLogTests {
    static var seeds: Range<UInt64> {
        if let seed = ProcessInfo.processInfo.environment["FIRN_TEST_SEED"].flatMap(UInt64.init) {
            return seed..<seed + 1
        }
        return switch ProcessInfo.processInfo.environment["FIRN_TEST_EFFORT"] {
        case "quick": 0..<30
        case "long": 0..<20_000
        default: 0..<60
        }
    }

    static func stream(_ index: Int) -> LoggedStream {
        LoggedStream(
            source: SourceGeneration(
                stream: StreamID(host: "h\(index)", source: "syslog"), generation: Generation(born: 1, hash: 2)),
            labels: Labels([(key: "relay", value: "10.0.0.1")]) ?? .none)
    }

    private func lines(_ random: inout SeededGenerator) -> [UInt8] {
        (0..<Int.random(in: 1...120, using: &random)).map { _ in UInt8.random(in: 33...126, using: &random) } + [10]
    }

    @Test func everyAcknowledgedLineSurvivesCrashesAndFailedSyncs() throws {
        for seed in Self.seeds {
            var random = SeededGenerator(seed: seed)
            let storage = LogDisk(seed: seed &+ 1)
            var faults = SimulatedDisk.Faults()
            if seed % 3 > 0 { (faults.failing, faults.interrupted) = (40, 30) }
            let options = WriteAheadLog.Options(segmentBytes: 2000, maxBytes: 40_000)
            var ledger = Ledger()
            var log = try WriteAheadLog(try storage.directory, options: options)
            storage.disk.faults = faults
            for step in 0..<200 {
                // Now and then others fill the disk.
                let isFull = seed % 3 > 0 && Int.random(in: 0..<20, using: &random) == 0
                storage.disk.faults.capacity = isFull ? storage.disk.bytesUsed + 100 : .max
                switch Int.random(in: 0..<20, using: &random) {
                case 0 where log.liveStreams.count < 5:
                    let number = log.begin(Self.stream(step))
                    ledger.bytes[number] = []
                    ledger.acknowledged[number] = 0
                    ledger.synced[number] = 0
                case 1:
                    if Bool.random(using: &random) { storage.disk.kill() } else { storage.disk.losePower() }
                    storage.disk.faults = SimulatedDisk.Faults()
                    log = try WriteAheadLog(try storage.directory, options: options)
                    storage.disk.faults = faults
                    try ledger.check(log, "seed \(seed), step \(step)")
                case 2:
                    for number in ledger.acknowledged.keys where Bool.random(using: &random) {
                        ledger.synced[number] = ledger.acknowledged[number]
                    }
                    do throws(SpoolError) { try log.release { UInt64(ledger.synced[$0] ?? 0) } } catch {
                        #expect(error.kind == .io, "seed \(seed): \(error)")
                    }
                case 3..<9:
                    do throws(SpoolError) {
                        try log.commit()
                        for (number, bytes) in ledger.bytes { ledger.acknowledged[number] = bytes.count }
                    } catch {
                        #expect(error.kind == .full || error.kind == .io, "seed \(seed): \(error)")
                    }
                default:
                    guard let number = log.liveStreams.randomElement(using: &random)?.number else { continue }
                    let lines = lines(&random)
                    guard log.hasRoom(for: lines.count) else { continue }
                    let position = log.append(lines[...], to: number, received: 5)
                    #expect(position == UInt64(ledger.bytes[number]?.count ?? -1), "seed \(seed), step \(step)")
                    ledger.bytes[number]? += lines
                }
            }
            #expect(storage.disk.misuses.isEmpty, "seed \(seed): \(storage.disk.misuses)")
        }
    }

    /// A commit fails in any of its calls, the process dies, and the machine after the next one has said that all is durable.
    @Test func whatAFailedCommitLeftIsDurableBeforeItIsSaidToBe() throws {
        var (failed, found) = (0, 0)
        for seed in 0..<400 as Range<UInt64> {
            let storage = LogDisk(seed: seed)
            let options = WriteAheadLog.Options(maxBytes: 1 << 20)
            var log = try WriteAheadLog(try storage.directory, options: options)
            let number = log.begin(Self.stream(0))
            _ = log.append([65, 66, 10], to: number, received: 5)
            storage.disk.faults.failing = 300
            do throws(SpoolError) {
                try log.commit()
                continue
            } catch { failed += 1 }
            storage.disk.kill()
            storage.disk.faults = SimulatedDisk.Faults()
            log = try WriteAheadLog(try storage.directory, options: options)
            try log.commit()
            let acknowledged = log.liveStreams.map(\.position)
            found += acknowledged.count
            storage.disk.losePower()
            let last = try WriteAheadLog(try storage.directory, options: options)
            #expect(last.liveStreams.map(\.position) == acknowledged, "seed \(seed)")
        }
        #expect(failed > 100 && found > 10, "\(failed) commits failed, \(found) left a segment")
    }

    /// Damage, not a crash: what was hit is missing and told; all other acknowledged lines are recovered.
    @Test func damageCostsOnlyWhatItHits() throws {
        for seed in Self.seeds where seed % 4 == 0 {
            var random = SeededGenerator(seed: seed)
            let storage = LogDisk(seed: seed)
            let options = WriteAheadLog.Options(segmentBytes: 3000, maxBytes: 1 << 20)
            let log = try WriteAheadLog(try storage.directory, options: options)
            let number = log.begin(Self.stream(0))
            var wanted: [UInt64: [UInt8]] = [:]
            for _ in 0..<80 {
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let lines = lines(&random)
                    wanted[log.append(lines[...], to: number, received: 5)] = lines
                }
                try log.commit()
            }
            // One more group: what lies before it is known to be durable.
            _ = log.append([10], to: number, received: 5)
            try log.commit()
            let names = storage.names().sorted()
            let name = try #require(names.randomElement(using: &random))
            let isLast = name == names.last
            var hit = 0..<0
            storage.damage(name) { bytes in
                // The last group of all cannot be told from a torn tail.
                let end = isLast ? max(0, bytes.count - 100) : bytes.count
                guard end > 40 else { return }
                let start = Int.random(in: 32..<end, using: &random)
                hit = start..<min(end, start + Int.random(in: 1...60, using: &random))
                for index in hit { bytes[index] ^= UInt8.random(in: 1...255, using: &random) }
            }
            let recovered = try WriteAheadLog(try storage.directory, options: options)
            var found: [UInt64: [UInt8]] = [:]
            try recovered.replay { _, position, _, lines in found[position] = Array(lines) }
            let missing = wanted.filter { found[$0.key] == nil }
            let invented = found.filter { wanted[$0.key] != $0.value && $0.value != [10] }
            #expect(invented.isEmpty, "seed \(seed)")
            // 60 bytes touch at most so many records of 31 bytes and more.
            #expect(missing.count <= 3, "seed \(seed): \(missing.count) records are missing")
            if !missing.isEmpty { #expect(!recovered.takeFindings().isEmpty, "seed \(seed): the damage was not told") }
        }
    }

    /// A torn tail at every length: whatever was synced before it is recovered, and writing goes on.
    @Test func aTornTailIsCutAtEveryByte() throws {
        let storage = LogDisk(seed: 1)
        let options = WriteAheadLog.Options(maxBytes: 100 << 20)
        let log = try WriteAheadLog(try storage.directory, options: options)
        let number = log.begin(Self.stream(0))
        _ = log.append(Array("first\n".utf8)[...], to: number, received: 5)
        try log.commit()
        let name = try #require(storage.names().first)
        let synced = try storage.read(name).count
        _ = log.append(Array("second\n".utf8)[...], to: number, received: 6)
        _ = log.append(Array("third\n".utf8)[...], to: number, received: 7)
        try log.commit()
        let whole = try storage.read(name)
        for length in synced...whole.count {
            let torn = LogDisk(seed: 2)
            try torn.create(name, whole[..<length])
            let log = try WriteAheadLog(try torn.directory, options: options)
            var text: [UInt8] = []
            try log.replay {
                text += $3; #expect($0 == number)
            }
            #expect(
                ["first\n", "first\nsecond\n", "first\nsecond\nthird\n"].contains(String(decoding: text, as: UTF8.self))
            )
            #expect(log.takeFindings().isEmpty, "cut at \(length)")
            #expect(log.append([10], to: number, received: 8) == UInt64(text.count))
            try log.commit()
            var again: [UInt8] = []
            try WriteAheadLog(try torn.directory, options: options).replay { again += $3 }
            #expect(again == text + [10], "cut at \(length)")
        }
    }

    @Test func aSegmentIsDroppedOnceBlocksHoldAllOfIt() throws {
        let storage = LogDisk(seed: 3)
        let log = try WriteAheadLog(try storage.directory, options: .init(segmentBytes: 100, maxBytes: 1 << 20))
        let (one, two) = (log.begin(Self.stream(1)), log.begin(Self.stream(2)))
        for _ in 0..<3 {
            _ = log.append([65, 10], to: one, received: 1)
            _ = log.append([66, 10], to: two, received: 1)
            try log.commit()
        }
        #expect(storage.names().count == 3)
        try log.release { $0 == one ? 6 : 1 }
        #expect(storage.names().count == 3, "the second stream's lines are in no block yet")
        try log.release { $0 == one ? 6 : 2 }
        #expect(storage.names().count == 2)
        try log.release { _ in 6 }
        #expect(storage.names().count == 1, "the last segment names the live streams")
        let again = try WriteAheadLog(try storage.directory, options: .init(segmentBytes: 100, maxBytes: 1 << 20))
        #expect(again.liveStreams.map(\.position) == [6, 6])
    }

    @Test func aFullLogTakesNothingAndGoesOnWhenThereIsRoom() throws {
        let storage = LogDisk(seed: 4)
        let log = try WriteAheadLog(try storage.directory, options: .init(segmentBytes: 500, maxBytes: 2000))
        let number = log.begin(Self.stream(0))
        var taken: UInt64 = 0
        while log.hasRoom(for: 100) {
            _ = log.append([UInt8](repeating: 65, count: 99) + [10], to: number, received: 1)
            try log.commit()
            taken += 100
        }
        #expect(log.length <= 2000)
        _ = log.append([UInt8](repeating: 66, count: 1999) + [10], to: number, received: 1)
        #expect(throws: SpoolError.self) { try log.commit() }
        try log.release { _ in taken }
        #expect(throws: SpoolError.self) { try log.commit() }
        #expect(log.length <= 2000)
    }

    /// The bytes of a segment, so that a later version reads them.
    @Test func theBytesOfASegment() throws {
        let storage = LogDisk(seed: 5)
        let log = try WriteAheadLog(try storage.directory, options: .init(maxBytes: 100 << 20))
        let number = log.begin(Self.stream(1), position: 7)
        _ = log.append(Array("<13>x\n".utf8)[...], to: number, received: 300)
        log.mark(number, at: 13, Array("s=1".utf8))
        try log.commit()
        let name = try #require(storage.names().first)
        #expect(name == "00000000000000000001.wal")
        let bytes = try storage.read(name)
        #expect(hexLines(bytes) == goldenSegment)
        // And back, on a disk.
        let directory = TemporaryDirectory()
        let files = try LogDirectory(spool: directory.path)
        try Data(bytes).write(to: URL(filePath: directory.path + "/log/" + name))
        let read = try WriteAheadLog(files, options: .init(maxBytes: 100 << 20))
        let stream = try #require(read.liveStreams.first)
        #expect(stream.stream == Self.stream(1) && stream.number == 1 && stream.position == 13)
        #expect(stream.marks == [WriteAheadLog.Mark(position: 13, bytes: Array("s=1".utf8))])
        _ = read.append([10], to: 1, received: 9)
        try read.commit()
        #expect(try files.names().count == 2)
    }

    private func hexLines(_ bytes: [UInt8]) -> String {
        stride(from: 0, to: bytes.count, by: 16).map { start in
            bytes[start..<min(start + 16, bytes.count)].map { String(format: "%02x", $0) }.joined()
        }.joined(separator: "\n")
    }

    private let goldenSegment = """
        4649524e57414c010100000000000000
        0500000000000000a2572bd61b31e42d
        365cad18820142ee4200000001000000
        00000000010000000000000002010268
        31067379736c6f672430303030303030
        3030303030303030303030312d303030
        303030303030303030303030320d0105
        72656c61790831302e302e302e316719
        b72066dcb0cb06000000020000000000
        0000010000000000000003010d733d31
        056ebc2866f5a82b4200000003000000
        00000000010000000000000002010268
        31067379736c6f672430303030303030
        3030303030303030303030312d303030
        30303030303030303030303032070105
        72656c61790831302e302e302e313717
        dbfc44d1d56a0b000000040000000000
        00000100000000000000010107d8043c
        31333e780a8bb3f3959718c2bf060000
        00050000000000000001000000000000
        0003010d733d31
        """
}
