import ArchiveTypes
import ChunkFormat
import Testing

enum Fixtures {
    static let start: Nanoseconds = 1_750_000_000 * .perSecond

    /// Lines a second apart: `line 0`, `line 1`, ...
    static func life(host: String = "web-1", lines: Int, born: Nanoseconds = 1) throws -> TestLife {
        TestLife(
            stream: StreamID(host: host, source: "/var/log/app.log"), labels: try #require(Labels([("env", "prod")])),
            generation: Generation(born: born, hash: 7),
            lines: (0..<lines).map {
                TestLife.Line(
                    bytes: Array("line \($0)\n".utf8), time: start + Nanoseconds($0) * .perSecond, hasOwnTime: true)
            })
    }

    static func gap(_ life: TestLife, at positions: Range<UInt64>, reason: String) -> BlockHeader {
        BlockHeader(
            kind: .gap, stream: life.stream, labels: life.labels, generation: life.generation,
            positions: PositionRange(first: positions.lowerBound, end: positions.upperBound), leastTime: start,
            greatestTime: start, received: start,
            gap: BlockHeader.Gap(lines: nil, bytes: UInt64(positions.count), reason: reason))
    }
}
