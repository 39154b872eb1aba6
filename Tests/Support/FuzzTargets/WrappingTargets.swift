import ArchiveTypes
import ChunkFormat
import EventTime

extension FuzzTarget {
    static let wrapping: [FuzzTarget] = [
        FuzzTarget("wrapped-record", seeds: { Self.wrappedSeeds }) { bytes in
            for line in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
                let line = UnsafeRawBufferPointer(rebasing: line)
                for wrapping in LineWrapping.allCases {
                    guard let record = wrapping.record(line) else { continue }
                    try require(
                        record.content.lowerBound >= 0 && record.content.upperBound <= line.count,
                        "content at \(record.content) of \(line.count) bytes")
                }
            }
        },
        FuzzTarget("json-string", seeds: { [Array(#"a\n\"b\"\\ \u00e9\ud834\udd1e\ud834x\u12"#.utf8)] }) { bytes in
            var text: [UInt8] = []
            JSONString.append(bytes, to: &text)
            try require(text.count <= bytes.count, "\(text.count) bytes of \(bytes.count)")
            var inPlace = Array(bytes)
            let count = inPlace.withUnsafeMutableBytes { memory in
                memory.baseAddress.map { JSONString.unescape(UnsafeRawBufferPointer(memory), to: $0) } ?? 0
            }
            try require(inPlace.prefix(count).elementsEqual(text), "another text where it stands")
        },
        FuzzTarget("wrapped-times", rounds: 400, seeds: { Self.wrappedSeeds.map { [0, 100] + $0 } }, describeRecords),
    ]

    static let wrappedSeeds = [
        """
        2026-11-22T10:00:00.123456789Z stdout P one
        2026-11-22T10:00:00.2Z stderr F other
        2026-11-22T10:00:00.3+00:00 stdout F:x two
        2026-11-22T10:00:00.4Z stdout F \tat three

        """,
        """
        {"log":"one","stream":"stdout","time":"2026-11-22T10:00:00.123456789Z"}
        {"log":"\\tother\\n","stream":"stderr","time":"2026-11-22T10:00:00.2Z"}
        {"log":" \\u00e9two\\n","stream":"stdout","attrs":{"a":"b"},"time":"2026-11-22T10:00:00.3Z"}

        """,
    ].map { Array($0.utf8) }

    /// A byte of choices, one where a block ends, then lines: times read back as they are said to be, within their bounds.
    private static func describeRecords(_ input: UnsafeRawBufferPointer) throws {
        guard input.count > 2 else { return }
        let kind: LineWrapping = input[0] & 1 == 0 ? .cri : .docker
        let lines = UnsafeRawBufferPointer(rebasing: input[2...])
        let received: Nanoseconds = 1_795_600_000 * .perSecond
        var timer = LineTimer(zone: .utc, reference: received)
        var times = WrappedTimes(kind)
        var table = LineTable()
        var at = 0
        while at < lines.count {
            let end = at == 0 ? min(lines.count, Int(input[1]) + 1) : lines.count
            let rest = UnsafeRawBufferPointer(rebasing: lines[at..<end])
            let inside = at > 0 && lines[at - 1] != 0x0A
            let scan = timer.scan(rest, received: received, startsInsideLine: inside, splitAfter: 64)
            let block = UnsafeRawBufferPointer(rebasing: rest[..<scan.byteCount])
            let outcome = try times.take(block, at: UInt64(at), scan, startsInsideLine: inside)
            try outcome.times.read(block, startsInsideLine: inside, into: &table)
            try require(
                table.times.count == Int(scan.lineCount), "\(table.times.count) times of \(scan.lineCount) lines")
            let bounds = outcome.least...max(outcome.least, outcome.greatest)
            try require(table.times.allSatisfy { bounds.contains($0) }, "times beyond \(bounds)")
            at += scan.byteCount
        }
    }
}
