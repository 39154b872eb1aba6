import ArchiveTypes
import EventTime
import Glibc

extension FuzzTarget {
    static let eventTime: [FuzzTarget] = [
        FuzzTarget("line-timer", rounds: 1000, seeds: { sampleLines().map { [0] + $0 } }, scanLines),
        FuzzTarget("line-times", rounds: 2000, seeds: lineTimesSeeds, readTimes),
        FuzzTarget("zone-file", rounds: 200, seeds: zoneFileSeeds) { try readZone(Array($0)) },
        FuzzTarget(
            "posix-zone", rounds: 200,
            seeds: {
                ["CET-1CEST,M3.5.0,M10.5.0/3", "<-03>3", "EST5EDT", "IST-2IDT,J60/-167:59:59,365/167"].map {
                    Array($0.utf8)
                }
            }
        ) { try readZone(zoneFileHead + [10] + Array($0) + [10]) },
    ]

    /// The beginnings of the samples of all formats, and lines that mix them.
    private static func sampleLines() -> [[UInt8]] {
        let directory = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let folder = "/\(directory)/EventTimeTests/Samples"
        var names: [String] = []
        if let entries = opendir(folder) {
            defer { closedir(entries) }
            while let entry = readdir(entries) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                if name.hasSuffix(".log") { names.append(name) }
            }
        }
        let samples = names.sorted().map { Array(contents("\(folder)/\($0)").prefix(500)) }
        return samples + [Array(samples.flatMap { $0.prefix(120) + [10] })]
    }

    private static func contents(_ path: String) -> [UInt8] {
        guard let file = fopen(path, "rb") else { return [] }
        defer { fclose(file) }
        return [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
            count = fread(buffer.baseAddress, 1, 4096, file)
        }
    }

    /// A byte of choices, then lines.
    private static func scanLines(_ input: UnsafeRawBufferPointer) throws {
        guard let choices = input.first else { return }
        let received: Nanoseconds =
            choices & 8 == 0 ? 1_763_800_000 * .perSecond : [.min, .max, 0, 1 << 60][Int(choices >> 6)]
        let zone = choices & 4 == 0 ? .utc : TimeZoneRules(fixed: 7200)
        var timer = LineTimer(zone: zone, reference: choices & 16 == 0 ? received : .max)
        // Exactly as long as the lines: a read past their end is one past the allocation's.
        let lines = Array(input.dropFirst())
        var start = 0
        var isInside = choices & 2 != 0
        while start < lines.count {
            let rest = Array(lines[start...])
            let scan = rest.parsed {
                timer.scan($0, received: received, startsInsideLine: isInside, splitAfter: choices & 1 == 0 ? 0 : 256)
            }
            try require(1...rest.count ~= scan.byteCount, "block of \(scan.byteCount) of \(rest.count) bytes")
            try check(scan, Array(rest[..<scan.byteCount]), startsInsideLine: isInside)
            start += scan.byteCount
            isInside = false
        }
    }

    private static func check(_ scan: LineScan, _ block: [UInt8], startsInsideLine: Bool) throws {
        var table = LineTable()
        let decoded = try LineTimes(decoding: scan.times.encoded()[...])
        try require(decoded == scan.times, "times changed: \(scan.times)")
        try block.parsed { try decoded.read($0, startsInsideLine: startsInsideLine, into: &table) }
        let newlines = block.count { $0 == 10 } + (block.last == 10 ? 0 : 1)
        try require(Int(scan.lineCount) == newlines, "\(scan.lineCount) lines instead of \(newlines)")
        try require(table.ends.count == newlines && table.times.count == newlines, "\(table.times.count) times")
        try require(Int(table.ends.last ?? 0) == block.count, "the last line ends elsewhere")
        try require(
            table.times.min() == scan.leastTime && table.times.max() == scan.greatestTime,
            "times read from \(table.times.min() ?? 0) to \(table.times.max() ?? 0), scanned \(scan)")
    }

    private static func lineTimesSeeds() -> [[UInt8]] {
        sampleLines().flatMap { lines in
            var timer = LineTimer(zone: .utc, reference: 1_763_800_000 * .perSecond)
            let scan = lines.parsed {
                timer.scan($0, received: 1_763_800_000 * .perSecond, startsInsideLine: false, splitAfter: 1 << 20)
            }
            return [scan.times, .column(of: Array(repeating: scan.leastTime, count: Int(scan.lineCount)))].map {
                var bytes: [UInt8] = [0]
                bytes.append(lengthPrefixed: $0.encoded())
                return bytes + lines.prefix(scan.byteCount)
            }
        }
    }

    /// A byte of choices, coded times with their length, then lines.
    private static func readTimes(_ input: UnsafeRawBufferPointer) throws {
        var reader = ByteReader(Array(input))
        let parts = try unlessRefused(MalformedBytes.self) {
            (
                try reader.read(UInt8.self),
                try LineTimes(decoding: try reader.readLengthPrefixed(atMost: input.count)),
                Array(try reader.read(count: reader.remaining))
            )
        }
        guard let (choices, times, lines) = parts else { return }
        try require(try LineTimes(decoding: times.encoded()[...]) == times, "times changed: \(times)")
        var table = LineTable()
        let read: Void? = try unlessRefused(MalformedBytes.self) {
            try lines.parsed { try times.read($0, startsInsideLine: choices & 1 != 0, into: &table) }
        }
        guard read != nil else { return }
        let newlines = lines.count { $0 == 10 } + (lines.last ?? 10 == 10 ? 0 : 1)
        try require(table.ends.count == newlines && table.times.count == newlines, "\(table.times.count) times")
        try require(zip(table.ends, table.ends.dropFirst()).allSatisfy { $0 < $1 }, "line ends do not ascend")
    }

    // MARK: Zones

    /// An empty data block of either width: what a footer follows (RFC 9636, section 3).
    private static let zoneFileHead: [UInt8] = {
        let counts: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1]
        let block = Array("TZif2".utf8) + [UInt8](repeating: 0, count: 15) + counts + [0, 0, 0, 0, 0, 0, 0]
        return block + block
    }()

    private static func zoneFileSeeds() -> [[UInt8]] {
        let directory = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        return [
            contents("/\(directory)/EventTimeTests/Samples/Europe-Paris.tzif"),
            zoneFileHead + Array("\nCET-1CEST,M3.5.0,M10.5.0/3\n".utf8),
        ]
    }

    private static func readZone(_ file: [UInt8]) throws {
        let zone = try unlessRefused(TimeZoneError.self) {
            try TimeZoneRules(named: "Fuzzed/Zone") { _ in file }
        }
        guard let zone else { return }
        let times: [Nanoseconds] = [.min, .max, 0, -1, 1_763_800_000 * .perSecond, 1_711_846_800 * .perSecond]
        for time in times + times.map({ $0 / 3 }) {
            let offsets = [
                zone.utcOffset(at: time), zone.utcOffset(atLocal: time), zone.utcOffset(atLocal: time, later: true),
            ]
            try require(offsets.allSatisfy { $0.magnitude <= 93_600 }, "offsets \(offsets) from UTC")
        }
        // What reads lines asks a zone in other ways.
        var timer = LineTimer(zone: zone, reference: 1_763_800_000 * .perSecond)
        let line = Array("Nov 22 08:26:40 host a\n2025-03-30 02:30:00 b\n2025-10-26 02:30:00 c\n".utf8)
        _ = line.parsed {
            timer.scan($0, received: 1_763_800_000 * .perSecond, startsInsideLine: false, splitAfter: 1 << 20)
        }
    }
}
