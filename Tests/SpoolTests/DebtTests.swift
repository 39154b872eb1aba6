import ArchiveTypes
import Checksums
import ChunkFormat
import EventTime
import Simulation
import Testing

@testable import Spool

/// Archived chunks that some stores lack: they stay through any crash until they are paid, and go where the room is needed.
@Suite struct DebtTests {
    private static let lines = SpoolTests()

    private func spool(_ disk: SimulatedDisk, maxBytes: UInt64 = 1 << 30) throws -> Spool {
        let stores = ["a", "b", "s3://logs/prod"].map { PlacementRule.Store($0) }
        let options = SpoolOptions(
            archive: "main", host: "h", redundancy: PlacementRule(.copies(3), acknowledge: 1, stores: stores),
            maxBytes: maxBytes, chunkBytes: 1 << 20, chunkAge: .perMinute, clock: { 1_750_000_000 * .perSecond },
            random: { 7 })
        return try Spool(path: "/spool", options: options, calls: disk)
    }

    private func sealed(_ range: Range<Int>, in spool: Spool) throws -> ArchivedChunk {
        _ = try Self.lines.append(range, to: spool)
        let chunk = try #require(try spool.seal())
        return ArchivedChunk(
            held: chunk, manifestKey: chunk.manifest.key(hour: Hour(number: 1), object: []), manifestLength: 0)
    }

    /// The machine dies in each call of becoming a debt in turn. Afterwards the chunk is there, as one that is still to be
    /// archived or as one that all stores are owed that were; and its lines are not read again.
    @Test(arguments: [false, true])
    func aDebtOutlivesACrashInAnyCall(isJournaled: Bool) throws {
        for seed in 0..<20 as Range<UInt64> { try expectLastingDebts(seed, isJournaled: isJournaled) }
    }

    private func expectLastingDebts(_ seed: UInt64, isJournaled: Bool) throws {
        var (deaths, isOver) = (0, false)
        while !isOver {
            let disk = SimulatedDisk(seed: seed * 1000 + UInt64(deaths), isJournaled: isJournaled)
            var spool: Spool? = try self.spool(disk)
            let archived = try sealed(0..<5, in: try #require(spool))
            let key = archived.chunk.manifest.chunk
            disk.callsUntilDeath = deaths
            do throws(SpoolError) { try spool?.owe(archived, to: ["b", "s3://logs/prod"]) } catch {}
            isOver = !disk.isDead
            spool = nil
            disk.losePower()
            let again = try self.spool(disk)
            let isSealed = again.recovered().contains { $0.key == key }
            let owed = again.owed().first { $0.chunk.key == key }
            #expect(isSealed != (owed != nil), "seed \(seed), died in call \(deaths)")
            if let owed {
                #expect(owed.stores == ["b", "s3://logs/prod"], "seed \(seed), died in call \(deaths)")
                #expect(disk.content(owed.chunk.path).map { hex(sha256($0)).hasPrefix(key.name.digest) } == true)
            }
            #expect(again.position(of: Self.lines.position) == 60, "seed \(seed), died in call \(deaths)")
            #expect(disk.misuses.isEmpty, "\(disk.misuses)")
            deaths += 1
        }
        #expect(deaths > 10)
    }

    @Test func aDebtIsPaidStoreByStore() throws {
        let disk = SimulatedDisk(seed: 1)
        let spool = try spool(disk)
        let archived = try sealed(0..<5, in: spool)
        let key = archived.chunk.manifest.chunk
        try spool.owe(archived, to: ["s3://logs/prod", "a"])
        #expect(spool.backlog().chunks == 0 && spool.debts().bytes == archived.chunk.manifest.length)
        try spool.paid(key, to: "b")
        #expect(spool.owed().map(\.stores) == [["a", "s3://logs/prod"]])
        try spool.paid(key, to: "a")
        let left = try #require(spool.owed().first)
        #expect(left.stores == ["s3://logs/prod"] && disk.content(left.chunk.path) != nil)
        try spool.paid(key, to: "s3://logs/prod")
        #expect(spool.owed().isEmpty && spool.debts().bytes == 0 && spool.debts().forgiven == 0)
        #expect(disk.files(under: "/spool/owed").isEmpty)
    }

    /// What is owed takes only room that nothing else needs, and the oldest goes first.
    @Test func newLinesTakeTheRoomOfTheOldestDebts() throws {
        let disk = SimulatedDisk(seed: 2)
        let spool = try spool(disk, maxBytes: 8 << 10)
        var keys: [ChunkKey] = []
        for number in 0..<5 {
            let archived = try sealed((number * 5)..<(number * 5 + 5), in: spool)
            keys.append(archived.chunk.manifest.chunk)
            try spool.owe(archived, to: ["a", "b"])
        }
        var next = 25
        while spool.debts().forgiven < 3 {
            let room = spool.hasRoom(for: 200)
            #expect(room, "what is owed must not hold up what is new")
            guard room else { return }
            _ = try Self.lines.append(next..<next + 1, to: spool)
            next += 1
        }
        #expect(spool.owed().map(\.chunk.key) == Array(keys.dropFirst(spool.debts().forgiven)))
        #expect(spool.debts().bytes <= 8 << 10)
    }

    /// A store that the configuration no longer names is owed nothing.
    @Test func debtsToStoresThatAreGoneAreDropped() throws {
        let disk = SimulatedDisk(seed: 3)
        let options = SpoolOptions(
            archive: "main", host: "h", redundancy: .single("a"), maxBytes: 1 << 30, chunkBytes: 1 << 20,
            chunkAge: .perMinute, clock: { 1_750_000_000 * .perSecond }, random: { 7 })
        var first: Spool? = try spool(disk)
        try first?.owe(try sealed(0..<5, in: try #require(first)), to: ["a", "b"])
        first = nil
        disk.kill()
        let again = try Spool(path: "/spool", options: options, calls: disk)
        #expect(again.owed().map(\.stores) == [["a"]])
        #expect(disk.files(under: "/spool/owed").count == 1)
    }
}
