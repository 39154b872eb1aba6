import ArchiveTypes
import ChunkFormat
import EventTime
import Foundation
import Testing

@Suite struct WrappingTests {
    /// To the byte, as the documentation says: never to be changed.
    @Test func theFieldIsWrittenAsItAlwaysWas() throws {
        let wrapping = BlockWrapping(
            .docker, openBefore: [nil, 1_000_005], openAfter: [true, false], joins: true, isBeginningUnknown: true)
        let frame = try header(wrapping).encodedFrame()
        // Key 24, 3 bytes, kind 2, flags 1 + 2 + 8 + 16, then 5 as a signed varint: before the checksum of 8 bytes.
        #expect(Array(frame.dropLast(8).suffix(5)) == [24, 3, 2, 27, 10])
        let read = try frame.withUnsafeBytes { try BlockHeader.decode($0).header }
        #expect(read.wrapping == wrapping)
        let plain = try header(nil).encodedFrame().withUnsafeBytes { try BlockHeader.decode($0).header }
        #expect(plain.wrapping == nil)
    }

    /// A chunk that `firn archive --format cri` wrote.
    @Test func theGoldenWrappedChunkReadsAsItAlwaysDid() throws {
        let url = try #require(Bundle.module.url(forResource: "Golden/wrapped.zst", withExtension: nil))
        let chunk = try [UInt8](Data(contentsOf: url))
        let read = try chunk.withUnsafeBytes { try BlockHeader.decode($0).header }
        #expect(read.wrapping == BlockWrapping(.cri, openAfter: [false, true], joins: true))
        #expect(read.labels["wrapping"] == "cri")
        var lines: [UInt8] = []
        let (_, length) = try chunk.withUnsafeBytes { try BlockHeader.decode($0) }
        try chunk[length...].withUnsafeBytes { bytes in
            try BlockDecoder().open(
                UnsafeRawBufferPointer(rebasing: bytes[..<Int(read.storedLength)]), read, &lines)
        }
        var table = LineTable()
        try lines.withUnsafeBytes { try read.times?.read($0, startsInsideLine: false, into: &table) }
        let start: Nanoseconds = 1_795_341_600 * .perSecond
        #expect(table.times.map { $0 - start } == [100_000_000, 200_000_000, 100_000_000, 200_000_000, 500_000_000])
    }

    private func header(_ wrapping: BlockWrapping?) throws -> BlockHeader {
        BlockHeader(
            kind: .lines, stream: StreamID(host: "h", source: "s"), labels: .none,
            generation: try #require(Generation("g")),
            positions: PositionRange(first: 0, end: 4), lineCount: 1, rawLength: 4, storedLength: 13,
            leastTime: 1_000_000, greatestTime: 1_000_010, received: 2_000_000, times: .column([0]), wrapping: wrapping)
    }

    @Test(arguments: [
        ("2026-11-22T10:00:00.123456789Z stdout F hello", LineWrapping.cri, "hello", false),
        ("2026-11-22T10:00:00Z stderr P half", .cri, "half", true),
        ("2026-11-22T10:00:00.1234+02:00 stdout P:more tags", .cri, "tags", true),
        ("2026-11-22T10:00:00.123456789+00:00 stdout F ", .cri, "", false),
        ("2026-11-22T10:00:00.123456789Z stdout F", .cri, "", false),
        (#"{"log":"hello\n","stream":"stdout","time":"2026-11-22T10:00:00Z"}"#, .docker, "hello", false),
        (
            #"{"log":"say \"hi\" \\n","stream":"stderr","time":"2026-11-22T10:00:00Z"}"#, .docker, #"say \"hi\" \\n"#,
            true
        ),
        (#"{"log":"\\\n","stream":"stderr","attrs":{"a":"b"},"time":"2026-11-22T10:00:00Z"}"#, .docker, #"\\"#, false),
        (#"{"log":"","stream":"stdout","time":"2026-11-22T10:00:00Z"}"#, .docker, "", true),
    ])
    func recordsAreTakenApart(text: String, wrapping: LineWrapping, content: String, isPartial: Bool) throws {
        let line = Array(text.utf8)
        let record = try #require(line.withUnsafeBytes { wrapping.record($0) })
        #expect(String(decoding: line[record.content], as: UTF8.self) == content && record.isPartial == isPartial)
        #expect(record.stream == (text.contains("stderr") ? .stderr : .stdout))
    }

    @Test(arguments: [
        "", "2026-11-22T10:00:00.123456789Zxx stdout", "2026-11-22T10:00:00.1 stdout ",
        "2026-11-22T10:00:00.123456789Z stdin F hello", "2026-11-22T10:00:00.123456789Z stdout X hello",
        "2026-11-22T10:00:00.123456789Z stdout Full", "2026-11-22 10:00:00.123456789 stdout F hello",
        #"{"log":"hello\n"}"#, #"{"log":"hello\n,"stream":"stdout"#, #"{"log":"hello\n","stream":"stdxxx","time":"x"}"#,
        #"{"stream":"stdout","log":"hello\n","time":"2026-11-22T10:00:00Z"}"#,
    ])
    func otherLinesAreNone(text: String) {
        for wrapping in LineWrapping.allCases {
            #expect(Array(text.utf8).withUnsafeBytes { wrapping.record($0) } == nil)
        }
    }
}
