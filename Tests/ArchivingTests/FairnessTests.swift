import ArchiveTypes
import Foundation
import TestSupport
import Testing

@testable import Archiving

@Suite struct FairnessTests {
    private static let small = (0..<20).map { "small\($0).log" }

    private func line(_ number: Int) -> [UInt8] { Array("2026-01-02 03:04:05 a line with the number \(number)\n".utf8) }

    @Test func aFloodHoldsNobodyUp() async throws {
        let run = try AgentRun()
        run.chunkBytes = 1 << 20
        // A turn reads two pieces; one round over all files takes eleven.
        run.adjust = { $0.turnBytes = 4000 }
        let process = try run.start()
        try run.append((0..<20_000).flatMap(line), to: "flood.log")
        try process.turn()
        run.advance(.perSecond)
        for name in Self.small { try run.append(line(1), to: name) }
        var turns = 0
        while turns < 1 + (Self.small.count + 1) / 2 {
            #expect(try process.turn(), "the flood is not over")
            run.advance(.perSecond / 4)
            turns += 1
        }
        let positions = process.reader.progress(atMost: 100).shown.reduce(into: [:]) { $0[$1.source] = $1.position }
        for name in Self.small {
            #expect(positions[run.stream(name).source] == UInt64(line(1).count), "\(name) after \(turns) turns")
        }
        #expect((positions[run.stream("flood.log").source] ?? 0) < 100_000)
    }

    @Test func openBlocksKeepToTheirBudget() async throws {
        let run = try AgentRun()
        run.chunkBytes = 1 << 20
        let budget = 64 << 10
        run.adjust = {
            $0.openBlockBytes = budget
            $0.follow.pieceBytes = 8 << 10
        }
        let process = try run.start()
        var random = SeededGenerator(seed: 0xB0D6E7)
        var written: [String: [UInt8]] = [:]
        for step in 0..<40 {
            for file in 0..<60 where Bool.random(using: &random) {
                let lines = (0..<Int.random(in: 1...20, using: &random)).flatMap { line(step * 100 + $0) }
                written["app\(file).log", default: []] += lines
                try run.append(lines, to: "app\(file).log")
            }
            while try process.turn() {}
            #expect(process.reader.heldBytes <= budget + (8 << 10), "step \(step), seed 0xB0D6E7")
            run.advance(.perSecond / 10)
        }
        let archived = try await run.archived(process)
        for (name, bytes) in written { #expect(archived.bytes(run.stream(name)) == bytes, "\(name), seed 0xB0D6E7") }
    }

    @Test func atItsCeilingReadingWaitsAndGoesOn() async throws {
        let run = try AgentRun()
        run.chunkBytes = 4 << 10
        run.maxBytes = 16 << 10
        let process = try run.start()
        var random = SeededGenerator(seed: 0xCE11)
        let content = (0..<4000).flatMap { line($0 &* Int.random(in: 0...1_000_000, using: &random)) }
        try run.append(content, to: "app.log")
        var waits = 0
        for _ in 0..<2000 where process.reader.progress(atMost: 1).shown.first.map({ $0.behind > 0 }) != false {
            while try process.turn() {}
            if process.reader.queue.isHeldUp {
                waits += 1
                let held = try #require(run.spool?.backlog().bytes)
                #expect(held <= run.maxBytes + 4096)
                try await run.upload()
            }
            run.advance(.perSecond)
        }
        #expect(waits > 2)
        #expect(try await run.archived(process).bytes(run.stream("app.log")) == content)
    }
}
