import ArchiveTypes
import ChunkFormat
import EventTime
import Foundation
import Patterns
import TestSupport
import Testing

@testable import Archiving

@Suite struct LineRuleTests {
    private static let now: Nanoseconds = 1_767_326_400 * .perSecond

    private func block(_ text: String) throws -> (BlockDraft, [UInt8]) {
        var reader = BlockReader(
            stream: StreamID(host: "h", source: "/app.log"), labels: .none, generation: Generation(born: 1, hash: 1),
            source: QuietPieces(Array(text.utf8), counts: [text.utf8.count]),
            timer: LineTimer(zone: .utc, reference: Self.now), clock: { Self.now })
        var buffer: [UInt8] = []
        return (try #require(try reader.next(into: &buffer)), buffer)
    }

    private func apply(_ rules: LineRules, to text: String) throws -> LineRuler.Outcome {
        let (draft, lines) = try block(text)
        return try lines.withUnsafeBytes { try LineRuler(rules).apply(draft, $0) }
    }

    private func times(_ draft: BlockDraft, _ lines: [UInt8]) throws -> [Nanoseconds] {
        var table = LineTable()
        try lines.withUnsafeBytes { try draft.times.read($0, startsInsideLine: draft.continuesBefore, into: &table) }
        return table.times
    }

    @Test func droppedLinesLeaveTheirPositionsAndTheTimesOfOthers() throws {
        let text = """
            2026-01-02T03:04:05Z GET /shop
            2026-01-02T03:04:06Z GET /healthz
              continued
            2026-01-02T03:04:07Z GET /healthz
            2026-01-02T03:04:08Z GET /cart

            """
        let outcome = try apply(LineRules(drop: [try LinePattern("healthz$")], redact: []), to: text)
        let draft = try #require(outcome.draft)
        let lines = try #require(outcome.lines)
        #expect(
            String(decoding: lines, as: UTF8.self)
                == "2026-01-02T03:04:05Z GET /shop\n  continued\n2026-01-02T03:04:08Z GET /cart\n")
        #expect(outcome.dropped == .init(lines: 2, bytes: 68))
        #expect(draft.positions == PositionRange(first: 0, end: UInt64(text.utf8.count)))
        #expect(draft.lineCount == 3)
        let base = draft.leastTime
        #expect(
            try times(draft, lines) == [base, base + .perSecond, base + 3 * .perSecond], "that of the line before it")
        #expect(draft.greatestTime == base + 3 * .perSecond)
    }

    @Test func masksKeepEveryBytesPosition() throws {
        let rules = LineRules(
            drop: [], redact: [.init(try LinePattern(#"password=\K\S+"#), mask: Array("*-".utf8))])
        let text = "a password=secret b password=x\nnothing\npassword=\n"
        let outcome = try apply(rules, to: text)
        #expect(
            outcome.lines.map { String(decoding: $0, as: UTF8.self) }
                == "a password=*-*-*- b password=*\nnothing\npassword=\n")
        #expect(outcome.redactedLines == 1)
        #expect(outcome.draft?.positions.count == UInt64(text.utf8.count))
    }

    @Test func whatNoRuleMatchesStaysAsItWas() throws {
        let rules = LineRules(drop: [try LinePattern("never")], redact: [.init(try LinePattern("nor this"), mask: [])])
        let outcome = try apply(rules, to: "one\ntwo\n")
        #expect(outcome.lines == nil && outcome.dropped.lines == 0 && outcome.redactedLines == 0)
    }

    @Test func aPatternThatGivesUpMasksTheLine() throws {
        let bomb = try LinePattern(#"(?:a|aa|a.)+\d$"#)
        let text = String(repeating: "a", count: 200) + "!\n"
        let masked = try apply(LineRules(drop: [], redact: [.init(bomb, mask: [UInt8(ascii: "#")])]), to: text)
        #expect(masked.lines == Array(repeating: UInt8(ascii: "#"), count: 201) + [10])
        let kept = try apply(LineRules(drop: [bomb], redact: []), to: text)
        #expect(kept.dropped.lines == 0)
    }

    /// Whatever is dropped: what is archived is the rest, gaps count it, and positions have no hole.
    @Test(arguments: 0..<6 as Range<UInt64>)
    func theRestIsArchivedAndTheGapsCount(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let run = try AgentRun()
        let pattern = try LinePattern("debug")
        run.adjust = { $0.groups[0].rules = LineRules(drop: [pattern], redact: []) }
        let process = try run.start()
        var (kept, dropped) = ([UInt8](), (lines: UInt64(0), bytes: UInt64(0)))
        for step in 0..<60 {
            var lines: [UInt8] = []
            for line in 0..<Int.random(in: 0...30, using: &random) {
                let isDebug = Int.random(in: 0..<3, using: &random) == 0
                let text = Array("2026-01-02 03:04:05 \(isDebug ? "debug" : "info") \(step) \(line)\n".utf8)
                lines += text
                if isDebug {
                    dropped = (dropped.lines + 1, dropped.bytes + UInt64(text.count))
                } else {
                    kept += text
                }
            }
            try run.append(lines, to: "app.log")
            try process.turn()
            run.advance(.random(in: 0...(3 * .perSecond), using: &random))
        }
        let archived = try await run.archived(process)
        let stream = run.stream("app.log")
        let blocks = try #require(archived.blocks[stream]).sorted { $0.1 < $1.1 }
        #expect(blocks.flatMap(\.2) == kept, "seed \(seed)")
        let gaps = archived.bare.compactMap(\.gap)
        #expect(gaps.reduce(0) { $0 + ($1.lines ?? 0) } == dropped.lines, "seed \(seed)")
        #expect(gaps.reduce(0) { $0 + ($1.bytes ?? 0) } == dropped.bytes, "seed \(seed)")
        #expect(process.reader.losses.bySource[stream.source]?.droppedLines == dropped.lines)
        let entries = archived.manifests.flatMap(\.blocks).sorted { $0.positions.first < $1.positions.first }
        let end = entries.reduce(UInt64(0)) { end, entry in
            #expect(entry.positions.first <= end, "hole at \(end), seed \(seed)")
            return max(end, entry.positions.end)
        }
        #expect(end == UInt64(kept.count) + dropped.bytes)
    }
}
