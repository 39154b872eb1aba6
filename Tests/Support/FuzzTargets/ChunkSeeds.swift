import ArchiveTypes
import Checksums
import ChunkFormat
import EventTime

/// A chunk by the project's own encoders: a block of every kind, times by column and by format.
struct ChunkSeed: Sendable {
    /// Header frames of all blocks; lines and zstd frames of those that have some.
    var headers: [[UInt8]] = []
    var lines: [[UInt8]] = []
    var frames: [[UInt8]] = []
    var bytes: [UInt8] = []
    var manifest: Manifest

    static let sealed: Nanoseconds = 1_763_800_000 * .perSecond
    static let writer = "web-1-0badcafe"
    static let sequence: UInt64 = 42

    /// Made once: bodies begin with it too.
    static let made = Result { try ChunkSeed() }

    private init() throws {
        var builder = ChunkBuilder()
        let text = Array("2025-11-22T08:26:40.125Z start\n  at once\n2025-11-22T08:26:41Z stop\n".utf8)
        let exception = TimeFormatUse.Exception(line: 1, time: Self.sealed + 7)
        let format = TimeFormatUse(
            format: "rfc3339.1", utcOffset: 0, year: 0, carry: Self.sealed, received: Self.sealed,
            exceptions: [exception])
        let column = LineTimes.column(of: (0..<40).map { Self.sealed + $0 * 1_234_567 })
        let drafts: [(BlockKind, [UInt8], LineTimes?)] = [
            (.lines, text, .format(format)), (.gap, [], nil), (.heartbeat, [], nil),
            (.lines, Array(repeatElement(Array("line of a column\n".utf8), count: 40).joined()), column),
        ]
        for (index, (kind, raw, times)) in drafts.enumerated() {
            let frame = kind == .lines ? try raw.parsed { try Frames.compressed($0, withLength: false) } : []
            let header = try Self.header(kind, raw, frame, times, index).encodedFrame()
            let (decoded, _) = try header.parsed { try BlockHeader.decode($0) }
            frame.parsed { builder.append(decoded, headerFrame: header, frame: $0) }
            headers.append(header)
            if kind == .lines {
                lines.append(raw)
                frames.append(frame)
            }
            bytes += header + frame
        }
        let (tail, manifest) = try builder.finish(try Self.description())
        bytes += tail
        self.manifest = manifest
    }

    static func description() throws -> ChunkDescription {
        guard let writer = WriterID(writer) else { throw PropertyViolation(description: "no writer") }
        return ChunkDescription(
            archive: "main", writer: writer, sequence: sequence, sealed: sealed,
            previous: [UInt8](repeating: 7, count: 32),
            redundancy: Redundancy(copies: 2, acknowledge: 1, placement: ["disk", "cloud"]))
    }

    static func header(
        _ kind: BlockKind, _ raw: [UInt8], _ frame: [UInt8], _ times: LineTimes?, _ index: Int
    ) throws -> BlockHeader {
        guard let labels = Labels(index == 0 ? [(key: "env", value: "prod"), (key: "zone", value: "a,b=c")] : []) else {
            throw PropertyViolation(description: "no labels")
        }
        return BlockHeader(
            kind: kind, stream: StreamID(host: "web-1", source: "/var/log/\u{fc}\(index % 2).log"), labels: labels,
            generation: Generation(born: sealed, hash: 0xDEAD_BEEF),
            positions: PositionRange(first: 1000, end: 1000 + UInt64(raw.count)),
            lineCount: UInt32(raw.count { $0 == 10 }), rawLength: UInt64(raw.count), storedLength: UInt64(frame.count),
            storedChecksum: xxh64(frame), rawChecksum: raw.isEmpty ? 0 : xxh64(raw), leastTime: sealed,
            greatestTime: sealed + .perSecond, received: sealed + 2 * .perSecond, times: times,
            continuesBefore: index == 3, durableLength: UInt64(index * 100),
            gap: kind == .gap ? BlockHeader.Gap(lines: 3, bytes: nil, reason: "file deleted before it was read") : nil)
    }
}
