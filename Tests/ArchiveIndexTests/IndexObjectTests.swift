import ArchiveTypes
import ChunkFormat
import Glibc
import TestSupport
import Testing

@Suite struct IndexObjectTests {
    static func row(
        host: String = "web-1", source: String = "/var/log/app.log", at least: Nanoseconds, index: UInt64 = 0
    ) throws -> IndexRow {
        let writer = try #require(WriterID("agent-1"))
        let name = ObjectName(writer: writer, sequence: index, sha256: String(repeating: "0a", count: 32))
        let labels = try #require(Labels([(key: "env", value: "prod"), (key: "zone", value: "a,b=c")]))
        let generation = try #require(Generation("1763800000000000000-00000000deadbeef"))
        return IndexRow(
            chunk: ChunkKey(hour: Hour(containing: 1_763_800_000 * .perSecond), name: name),
            block: BlockEntry(
                kind: .lines, stream: StreamID(host: host, source: source), labels: labels, generation: generation,
                positions: PositionRange(first: index * 1000, end: index * 1000 + 1000), offset: index * 500,
                headerLength: 150, length: 480, lineCount: 12, rawLength: 1000, rawChecksum: 0xABC, checksum: .max,
                leastTime: least, greatestTime: least + 5 * .perSecond, received: least + 6 * .perSecond))
    }

    /// Objects of rows in both sections; all parts.
    private func objects(
        _ kind: IndexKind, rows: [IndexRow], frameLength: Int = 700, partLength: Int = 400
    ) throws -> [(key: IndexObjectKey, object: [UInt8])] {
        let key = try #require(
            ManifestKey("manifests/2025-11-22/08/agent-1-0000000007-\(String(repeating: "b", count: 32)).json.zst"))
        let closed = try #require(IndexCoverage.ClosedHours(after: nil, through: key.hour))
        let coverage = IndexCoverage(closed: closed, exceptions: [key])
        var writer = try IndexObjectWriter(kind, coverage, frameLength: frameLength, partLength: partLength)
        let lines = rows.map { row in
            var line: [UInt8] = []
            row.append(to: &line)
            return (kind == .time ? line : Array(line.dropFirst(IndexRow.hourLength)), kind == .time && row.isLong)
        }
        var parts: [(key: IndexObjectKey, object: [UInt8])] = []
        for (line, isLong) in lines.sorted(by: { $0.1 == $1.1 ? $0.0.lexicographicallyPrecedes($1.0) : $1.1 }) {
            if writer.isPartFull { parts.append(try writer.finishPart(isLast: false)) }
            try line.withUnsafeBytes { try writer.append($0, isLong: isLong) }
        }
        return parts + [try writer.finishPart(isLast: true)]
    }

    private func someRows(_ count: UInt64 = 12) throws -> [IndexRow] {
        try (0..<count).map { index in
            var row = try Self.row(
                host: "h\(index % 3)", at: 1_763_800_000 * .perSecond + Int64(index) * 17 * .perMinute, index: index)
            if index % 5 == 4 { row.block.greatestTime = row.block.leastTime + 2 * .perDay }
            return row
        }
    }

    @Test(arguments: IndexKind.allCases) func partsHoldTheRows(kind: IndexKind) throws {
        let rows = try someRows()
        let parts = try objects(kind, rows: rows)
        #expect(parts.count > 1)
        var found: [IndexRow] = []
        for part in parts {
            let verified = try part.object.withUnsafeBytes { try IndexObject.verify($0, key: part.key) }
            found += verified.rows
            #expect(verified.footer.isLast == (part.key == parts.last?.key))
            #expect(IndexObjectKey(part.key.description) == part.key)
        }
        #expect(found.count == rows.count && Set(found) == Set(rows))
    }

    @Test(arguments: IndexKind.allCases) func everyFlippedBitIsFound(kind: IndexKind) throws {
        let part = try #require(try objects(kind, rows: try someRows(), partLength: 1 << 20).first)
        var random = SeededGenerator(seed: 7)
        for index in part.object.indices {
            var damaged = part.object
            damaged[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            #expect(throws: FormatError.self, "byte \(index) of \(part.object.count)") {
                try damaged.withUnsafeBytes { try IndexObject.verify($0, key: part.key) }
            }
        }
        for count in 0..<part.object.count {
            #expect(throws: FormatError.self, "cut to \(count)") {
                try part.object.prefix(count).withUnsafeBytes { try IndexObject.verify($0, key: part.key) }
            }
        }
    }

    @Test func objectUnderAnotherNameIsRefused() throws {
        let part = try #require(try objects(.host, rows: try someRows()).first)
        var others = [part.key, part.key, part.key]
        others[0].part = 3
        others[1].kind = .time
        others[2].name.edition = 1
        for key in others {
            #expect(throws: FormatError.self) {
                try part.object.withUnsafeBytes { try IndexObject.verify($0, key: key) }
            }
        }
    }

    @Test func emptyObject() throws {
        let part = try #require(try objects(.time, rows: []).first)
        let verified = try part.object.withUnsafeBytes { try IndexObject.verify($0, key: part.key) }
        #expect(verified.rows.isEmpty && verified.footer.isLast)
    }

    /// The format's promise: what was written once is read for ever. `FIRN_WRITE_GOLDEN` makes the files anew.
    @Test(arguments: IndexKind.allCases) func golden(kind: IndexKind) throws {
        let rows = try someRows(6)
        let part = try #require(try objects(kind, rows: rows, frameLength: 900, partLength: 1 << 20).first)
        let path = String(#filePath.dropLast("IndexObjectTests.swift".utf8.count)) + "Golden/\(kind).tsv.zst"
        if getenv("FIRN_WRITE_GOLDEN") != nil { try write(part.object, path) }
        let golden = try read(path)
        #expect(!golden.isEmpty)
        let verified = try golden.withUnsafeBytes { try IndexObject.verify($0, key: part.key) }
        #expect(Set(verified.rows) == Set(rows) && verified.footer.frames.count > 1)
        let ours = try part.object.withUnsafeBytes { try IndexObject.verify($0, key: part.key) }
        #expect(verified.rows == ours.rows && verified.footer.coverage == ours.footer.coverage)
    }

    private func read(_ path: String) throws -> [UInt8] {
        let file = try #require(fopen(path, "r"))
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = fread(&bytes, 1, bytes.count, file)
        return Array(bytes.prefix(count))
    }

    private func write(_ bytes: [UInt8], _ path: String) throws {
        let file = try #require(fopen(path, "w"))
        defer { fclose(file) }
        #expect(fwrite(bytes, 1, bytes.count, file) == bytes.count)
    }
}

@Suite struct IndexRowTests {
    @Test func textForm() throws {
        var row = try IndexObjectTests.row(
            host: "a\tb", source: "x\\\u{1}", at: 1_763_800_000 * .perSecond + 1, index: 2)
        row.block.labels = try #require(Labels([(key: "k=", value: "v,\n")]))
        var text: [UInt8] = []
        row.append(to: &text)
        let columns = String(decoding: text, as: UTF8.self).split(separator: "\t", omittingEmptySubsequences: false)
        #expect(
            columns == [
                "2025-11-22T08", #"a\tb"#, #"x\\\x01"#, "2025-11-22T08:26:40.000000001Z",
                "1763800000000000000-00000000deadbeef", "00000000000000002000", "3000",
                "2025-11-22T08:26:45.000000001Z", "2025-11-22T08:26:46.000000001Z", "lines", #"k\==v\,\n"#, "12",
                "1000",
                "chunks/2025-11-22/08/agent-1-0000000002-0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a.zst", "1000", "150", "480",
                "0000000000000abc", "ffffffffffffffff\n",
            ])
    }

    /// Whatever is read is written again as the same bytes, so that a row has one form only; all else is refused.
    @Test func mutatedRowsAreRefusedOrEqual() throws {
        var random = SeededGenerator(seed: 11)
        let row = try IndexObjectTests.row(host: "a\tb\\", source: "é\u{7F}", at: -5, index: 3)
        var text: [UInt8] = []
        row.append(to: &text)
        var accepted = 0
        for _ in 0..<20_000 {
            var line = text
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let index = Int.random(in: 0..<(line.count - 1), using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: line[index] = UInt8.random(in: 0...255, using: &random)
                case 1: line.remove(at: index)
                default: line.insert(#"0123456789\tnx=,-"#.utf8.randomElement(using: &random) ?? 0, at: index)
                }
            }
            var rows: [IndexRow] = []
            var reader = IndexRowReader(.time, .everything)
            guard (try? line.withUnsafeBytes({ try reader.read($0, into: &rows) })) != nil, !rows.isEmpty else {
                continue
            }
            var again: [UInt8] = []
            for row in rows { row.append(to: &again) }
            #expect(again == line)
            accepted += 1
        }
        #expect(accepted > 100, "some mutations are other valid rows")
    }

    @Test(arguments: [Int64.min, .min + 1, -1_000_000_000, -1, 0, 1, .max - 1, .max]) func extremeTimes(
        _ time: Nanoseconds
    ) throws {
        var text: [UInt8] = []
        IndexText.appendTime(time, to: &text)
        #expect(String(decoding: text, as: UTF8.self) == CivilTime.rfc3339(time))
        #expect(text.withUnsafeBytes { IndexText.time($0) } == time)
    }

    @Test func orderOfBytesIsOrderOfTimes() throws {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<1000 {
            let times = [Int64(bitPattern: random.next()), Int64(bitPattern: random.next())]
            let texts = times.map { time in
                var text: [UInt8] = []
                IndexText.appendTime(time, to: &text)
                return text
            }
            #expect(texts[0].lexicographicallyPrecedes(texts[1]) == (times[0] < times[1]))
        }
    }
}

@Suite struct HostileIndexTests {
    /// Parsers take any bytes: they throw or give a value, and never trap.
    @Test func mutatedFootersAndCoverages() throws {
        var random = SeededGenerator(seed: 5)
        let keys = (0..<30).compactMap { number in
            let digest = String(repeating: "c", count: 32)
            let sequence = String(String(10_000_000_000 + number * number).dropFirst())
            return ManifestKey("manifests/2025-11-22/0\(number % 9)/w\(number % 2)-\(sequence)-\(digest).json.zst")
        }
        #expect(keys.count == 30)
        let closed = try #require(IndexCoverage.ClosedHours(after: nil, through: keys[3].hour))
        let coverage = IndexCoverage(closed: closed, open: keys, exceptions: keys.prefix(2))
        let encoded = coverage.encoded()
        #expect(try IndexCoverage(decoding: encoded[...]) == coverage)
        var head = Array("firnidx".utf8) + [1, 1, 0, 1]
        head.append(lengthPrefixed: encoded)
        let frame: [UInt8] = [1, 2, 0] + [UInt8](repeating: 9, count: 20)
        for round in 0..<40_000 {
            var bytes = round.isMultiple(of: 2) ? encoded : head + frame + frame
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            bytes = Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random)))
            if let read = try? IndexCoverage(decoding: bytes[...]) { #expect(read.encoded() == bytes) }
            _ = try? IndexFooter.parse(bytes[...])
        }
    }

    @Test func randomTailsAndKeys() {
        var random = SeededGenerator(seed: 6)
        let alphabet = Array("index/timhos0123456789-.vz".utf8)
        let good = "index/host/0000000000-2025112208-2025112209-00-\(String(repeating: "d", count: 32))-0001.tsv.zst"
        #expect(IndexObjectKey(good)?.description == good)
        for _ in 0..<20_000 {
            var text = Array(good.utf8)
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                text[Int.random(in: text.indices, using: &random)] = alphabet.randomElement(using: &random) ?? 0
            }
            let key = String(decoding: text, as: UTF8.self)
            if let read = IndexObjectKey(key) { #expect(read.description == key) }
            let tail = (0..<Int.random(in: 0...80, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random)
            }
            let ending = tail + [0, 0, 0, 0, 0, 0xB1, 0xEA, 0x92, 0x8F]
            _ = try? ending.withUnsafeBytes { try IndexFooter.neededTail($0) }
        }
    }
}
