import ArchiveTypes

extension TimeZoneRules {
    /// Reads a zone file (RFC 9636, TZif versions 1 to 4); nil where it is none. Leap seconds are not counted.
    init?(zoneFile bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        do {
            var header = try ZoneFileHeader(&reader)
            var timeBytes = 4
            if header.version >= UInt8(ascii: "2") {
                _ = try reader.read(count: header.dataBytes(timeBytes: 4))
                header = try ZoneFileHeader(&reader)
                timeBytes = 8
            }
            let (before, explicit) = try header.changes(&reader, timeBytes: timeBytes)
            let footer = timeBytes == 8 ? Self.footer(try reader.read(count: reader.remaining)) : []
            guard let zone = PosixZone(footer) else {
                self.init(before: before, changes: explicit)
                return
            }
            let last = explicit.last?.at ?? .min
            // The footer's offset holds from the last change on, though it may have none itself.
            let later = zone.changes.filter { $0.at > last }
            self.init(before: explicit.isEmpty ? zone.rules.utcOffset(at: 0) : before, changes: explicit + later)
        } catch {
            return nil
        }
    }

    /// The text between the newlines after the data.
    private static func footer(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        guard bytes.first == 0x0A, let end = bytes.dropFirst().firstIndex(of: 0x0A) else { return [] }
        return Array(bytes[bytes.startIndex + 1..<end])
    }
}

/// Counts of a zone file's data block, in the order of the file.
private struct ZoneFileHeader {
    let version: UInt8
    private let utcIndicators: Int
    private let standardIndicators: Int
    private let leaps: Int
    private let times: Int
    private let types: Int
    private let characters: Int

    init(_ reader: inout ByteReader) throws(MalformedBytes) {
        guard Array(try reader.read(count: 4)) == Array("TZif".utf8) else { throw MalformedBytes("no TZif header", at: 0) }
        version = try reader.read(UInt8.self)
        _ = try reader.read(count: 15)
        utcIndicators = try reader.readCount()
        standardIndicators = try reader.readCount()
        leaps = try reader.readCount()
        times = try reader.readCount()
        types = try reader.readCount()
        characters = try reader.readCount()
        guard types > 0 else { throw MalformedBytes("no types of local time", at: reader.offset) }
    }

    func dataBytes(timeBytes: Int) -> Int {
        times * timeBytes + times + types * 6 + characters + leaps * (timeBytes + 4) + standardIndicators + utcIndicators
    }

    /// The offset before the first change, and the changes. Reads the whole data block.
    func changes(
        _ reader: inout ByteReader, timeBytes: Int
    ) throws(MalformedBytes) -> (before: Int32, changes: [TimeZoneRules.Change]) {
        var block = ByteReader(try reader.read(count: dataBytes(timeBytes: timeBytes)))
        var at: [Int64] = []
        for _ in 0..<times { at.append(try block.readTime(timeBytes)) }
        let indexes = Array(try block.read(count: times))
        var offsets: [Int32] = []
        for _ in 0..<types {
            offsets.append(Int32(bitPattern: try block.read(UInt32.self).byteSwapped))
            _ = try block.read(count: 2)
        }
        guard offsets.allSatisfy({ $0.magnitude <= LineTimes.greatestOffset.magnitude }),
            indexes.allSatisfy({ Int($0) < types })
        else { throw MalformedBytes("impossible offset", at: block.offset) }
        var before = offsets[0]
        var changes: [TimeZoneRules.Change] = []
        for (time, index) in zip(at, indexes) {
            // Nanoseconds reach from 1677 to 2262.
            guard time > -9_200_000_000 else {
                before = offsets[Int(index)]
                continue
            }
            if time < 9_200_000_000 { changes.append(.init(at: time, offset: offsets[Int(index)])) }
        }
        return (before, changes)
    }
}

extension ByteReader {
    /// A big-endian count; a file of at most 1 MiB has no greater one, and sums of such do not overflow.
    fileprivate mutating func readCount() throws(MalformedBytes) -> Int {
        let at = offset
        let count = try read(UInt32.self).byteSwapped
        guard count <= 1 << 20 else { throw MalformedBytes("count \(count) is impossible", at: at) }
        return Int(count)
    }

    fileprivate mutating func readTime(_ bytes: Int) throws(MalformedBytes) -> Int64 {
        bytes == 8
            ? Int64(bitPattern: try read(UInt64.self).byteSwapped)
            : Int64(Int32(bitPattern: try read(UInt32.self).byteSwapped))
    }
}
