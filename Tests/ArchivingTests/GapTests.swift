import ArchiveTypes
import ChunkFormat
import Foundation
import TestSupport
import Testing

@testable import Archiving

@Suite struct GapTests {
    private func lines(_ range: Range<Int>) -> [UInt8] { range.flatMap { Array("line \($0) of a file\n".utf8) } }

    private func gaps(_ archived: ArchivedLines) -> [BlockHeader] {
        archived.bare.filter { $0.kind == .gap }
    }

    @Test func whatWasTruncatedUnreadIsAGapWithItsPositions() async throws {
        let run = try AgentRun()
        // Nothing is read in a turn but one piece, so that there is something that was seen and not read.
        run.adjust = { $0.turnBytes = 1 }
        let process = try run.start()
        try run.append(lines(0..<400), to: "app.log")
        try process.turn()
        let length = UInt64(lines(0..<400).count)
        #expect(truncate(run.logs + "/app.log", 0) == 0)
        run.advance(.perSecond)
        try process.turn()
        let archived = try await run.archived(process)
        let gap = try #require(gaps(archived).first)
        let read = try #require(archived.blocks[run.stream("app.log")]?.map { $0.1 + UInt64($0.2.count) }.max())
        #expect(gaps(archived).count == 1)
        #expect(read < length)
        #expect(gap.positions == PositionRange(first: read, end: length), "all that was not read")
        #expect(gap.gap?.bytes == length - read)
        #expect(gap.stream == run.stream("app.log"))
        #expect(process.reader.losses.total.gaps == 1)
        #expect(process.reader.losses.bySource[gap.stream.source]?.bytes == length - read)
    }

    @Test func aFileThatWentWhileNothingFollowedItIsAGapOfUnknownExtent() async throws {
        let run = try AgentRun()
        var process: AgentProcess? = try run.start()
        try run.append(lines(0..<10), to: "app.log")
        try process?.turn()
        run.advance(10 * .perSecond)
        try process?.turn()
        process = nil
        run.crash()
        try run.append(lines(10..<20), to: "app.log")
        try FileManager.default.removeItem(atPath: run.logs + "/app.log")
        process = try run.start()
        try process?.turn()
        let archived = try await run.archived(process)
        let gap = try #require(gaps(archived).first)
        #expect(gaps(archived).count == 1)
        #expect(gap.positions == PositionRange(first: UInt64(lines(0..<10).count), end: UInt64(lines(0..<10).count)))
        #expect(gap.gap?.bytes == nil)
        #expect(archived.bytes(run.stream("app.log")) == lines(0..<10))
    }

    @Test func aFileThatWasReadToItsEndIsNoLoss() async throws {
        let run = try AgentRun()
        var process: AgentProcess? = try run.start()
        try run.append(lines(0..<10), to: "app.log")
        try process?.turn()
        try FileManager.default.removeItem(atPath: run.logs + "/app.log")
        for _ in 0..<4 {
            run.advance(6 * .perSecond)
            try process?.turn()
        }
        process = nil
        run.crash()
        process = try run.start()
        try process?.turn()
        let archived = try await run.archived(process)
        #expect(gaps(archived).isEmpty)
        #expect(archived.bytes(run.stream("app.log")) == lines(0..<10))
    }

    @Test func silentStreamsHaveAHeartbeatEveryHour() async throws {
        let run = try AgentRun()
        run.chunkBytes = 1 << 20
        let process = try run.start()
        let names = (0..<20).map { "quiet\($0).log" }
        for name in names { try run.append(lines(0..<3), to: name) }
        let start = run.now()
        for minute in 0..<(5 * 60) {
            try run.append(lines(minute..<(minute + 1)), to: "busy.log")
            try process.turn()
            run.advance(.perMinute)
        }
        let archived = try await run.archived(process)
        let heartbeats = Dictionary(grouping: archived.bare.filter { $0.kind == .heartbeat }, by: \.stream)
        #expect(heartbeats.keys.count == names.count, "none for a stream that is not silent")
        for name in names {
            let beats = try #require(heartbeats[run.stream(name)]).sorted { $0.received < $1.received }
            let times = [start] + beats.map(\.received) + [run.now()]
            #expect(zip(times, times.dropFirst()).allSatisfy { $1 - $0 <= .perHour }, "\(name)")
            #expect(beats.count <= 6)
            let end = UInt64(lines(0..<3).count)
            #expect(beats.allSatisfy { $0.positions == PositionRange(first: end, end: end) })
        }
    }
}
