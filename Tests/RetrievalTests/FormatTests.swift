import ArchiveTypes
import ChunkFormat
import EventTime
import Foundation
import ObjectStore
import Patterns
import Retrieval
import TestSupport
import Testing

@Suite struct FormatTests {
    private static let contents: [[UInt8]] = [
        Array("plain".utf8), Array("quote \" and \\ and \ttab\r".utf8), Array("π and \u{1F600} and \u{7F}".utf8),
        [0xFF, 0xFE, 0x00, 0x41], [], Array((0..<0x20).filter { $0 != 10 }), Array("a\u{85}b\u{1B}[31m".utf8),
        Array(repeating: 0xE2, count: 5), Array(String(repeating: "long line ", count: 40).utf8),
    ]

    private func archive() throws -> (TestArchive, TestLife) {
        var life = try Fixtures.life(lines: 0)
        for (index, content) in Self.contents.enumerated() {
            let time = Fixtures.start + Nanoseconds(index) * 1_234_567_891
            life.lines.append(TestLife.Line(bytes: content + [10], time: time, hasOwnTime: true))
        }
        var archive = try TestArchive()
        try archive.add(life, 0..<life.bytes.count)
        try archive.seal()
        return (archive, life)
    }

    private func answer(_ output: OutputOptions) async throws -> (TestSink, TestLife) {
        let (archive, life) = try archive()
        let sink = TestSink()
        let reader = ArchiveReader(store: archive.store, planner: archive.planner)
        let outcome = try await reader.get(GetRequest(Selection(), output: output), to: sink)
        #expect(outcome.lines == UInt64(Self.contents.count))
        return (sink, life)
    }

    @Test func jsonHoldsTheLinesBytes() async throws {
        let (sink, life) = try await answer(OutputOptions(format: .json))
        let objects = sink.bytes.split(separator: 10)
        #expect(objects.count == life.lines.count)
        for (object, line) in zip(objects, life.lines) {
            let fields = try #require(try JSONSerialization.jsonObject(with: Data(object)) as? [String: Any])
            let content = Array(line.bytes.dropLast())
            if String(validating: content, as: UTF8.self) != nil {
                #expect((fields["line"] as? String).map { Array($0.utf8) } == content)
                #expect(fields["line_base64"] == nil)
            } else {
                #expect((fields["line_base64"] as? String).flatMap { Data(base64Encoded: $0) } == Data(content))
                #expect(fields["line"] == nil)
            }
            #expect(fields["time"] as? String == CivilTime.rfc3339(line.time))
            #expect(fields["received"] as? String == CivilTime.rfc3339(TestArchive.sealed))
            #expect(fields["host"] as? String == "web-1" && fields["source"] as? String == "/var/log/app.log")
            #expect(fields["labels"] as? [String: String] == ["env": "prod"])
        }
    }

    @Test func nothingHarmfulReachesATerminal() async throws {
        for format in [OutputFormat.raw, .prefixed(PrefixStyle())] {
            let (sink, _) = try await answer(OutputOptions(format: format, escapesControls: true))
            let text = try #require(String(validating: sink.bytes, as: UTF8.self))
            let controls = text.unicodeScalars.filter { $0.properties.generalCategory == .control }
            #expect(controls.allSatisfy { $0 == "\n" || $0 == "\t" })
            #expect(text.contains("\\x1b[31m") && text.contains("\\xff\\xfe\\x00A") && text.contains("π and 😀"))
        }
        let terminal = TestSink()
        let bytes = Array("a\u{1B}[0m\nπ\n".utf8) + [0xC3]
        try bytes.withUnsafeBytes { try TerminalSink(terminal).write($0) }
        #expect(terminal.text == "a\\x1b[0m\nπ\n\\xc3")
    }

    @Test func prefixedLinesNameTimeHostAndSource() async throws {
        let style = PrefixStyle(zone: TimeZoneRules(fixed: 3600), fractionDigits: 3)
        let (sink, _) = try await answer(OutputOptions(format: .prefixed(style)))
        #expect(sink.text.hasPrefix("2025-06-15T16:06:40.000+01:00 web-1 /var/log/app.log plain\n"))
        #expect(sink.text.contains("\n2025-06-15T16:06:41.234+01:00 web-1 /var/log/app.log quote"))
        let (coloured, _) = try await answer(OutputOptions(format: .prefixed(PrefixStyle(isColoured: true))))
        #expect(coloured.text.contains("\u{1B}[32m2025-06-15T15:06:40.000Z\u{1B}[0m"))
    }

    /// Lines that are longer than is held at once are printed in pieces, which together are the line.
    @Test func longLinesGoThroughInPieces() async throws {
        var life = try Fixtures.life(lines: 3)
        life.lines[1].bytes = Array(repeating: UInt8(ascii: "y"), count: 5000) + [10]
        var archive = try TestArchive()
        let length = life.bytes.count
        for first in stride(from: 0, to: length, by: 700) { try archive.add(life, first..<min(first + 700, length)) }
        try archive.seal()
        let reader = ArchiveReader(
            store: archive.store, planner: archive.planner, options: ReadOptions(memory: 4 << 10, joinedBytes: 1000))
        let raw = TestSink()
        #expect(try await reader.get(GetRequest(Selection()), to: raw).lines == 3)
        #expect(raw.bytes == life.bytes)
        let json = TestSink()
        _ = try await reader.get(GetRequest(Selection(), output: OutputOptions(format: .json)), to: json)
        var joined: [[UInt8]] = [[]]
        for object in json.bytes.split(separator: 10) {
            let fields = try #require(try JSONSerialization.jsonObject(with: Data(object)) as? [String: Any])
            joined[joined.count - 1] += Array((fields["line"] as? String ?? "").utf8)
            if fields["continues"] as? Bool != true { joined.append([]) }
        }
        #expect(joined.dropLast() == life.lines.map { $0.bytes.dropLast() }[...])
    }

    @Test func patternsThatExplodeAreToldNotGuessed() async throws {
        var life = try Fixtures.life(lines: 2)
        life.lines[0].bytes = Array(repeating: UInt8(ascii: "a"), count: 2000) + [10]
        var archive = try TestArchive()
        try archive.add(life, 0..<life.bytes.count)
        try archive.seal()
        let reader = ArchiveReader(store: archive.store, planner: archive.planner)
        let pattern = try LinePattern("^(a+)+$|line 1")
        var bomb = Selection(text: TextCondition(pattern: try LinePattern("(a*)*b|line 1")))
        bomb.text.pattern = pattern.text.isEmpty ? nil : try LinePattern("(?:a|aa|a.)+\\d$|line 1")
        let sink = TestSink()
        let outcome = try await reader.get(GetRequest(bomb), to: sink)
        #expect(sink.text == "line 1\n")
        #expect(outcome.shortfall.items.map(\.kind) == [.undecided])
        #expect(throws: PatternError.self) { _ = try LinePattern("(unclosed") }
    }
}
