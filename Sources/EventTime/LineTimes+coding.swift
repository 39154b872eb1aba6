package import ArchiveTypes

/// A kind's tag, then its fields:
///
/// - 1, a format: its name (a length of at most 32, then `[a-z0-9@._-]`), `utcOffset`, `year`, `carry` and `received`
///   as signed varints, the number of exceptions as a varint, and for each of them a varint of the lines since the one
///   before (for the first: its line) and a signed varint of the time since the one before (for the first: since
///   `carry`).
/// - 2, a column: its bytes, as `LineTimes.column` describes them.
extension LineTimes {
    private enum Tag {
        static let format: UInt8 = 1
        static let column: UInt8 = 2
    }

    static let formatNameBytes = 32
    /// Farther from UTC than any zone has ever been.
    static let greatestOffset: Int32 = 93_600

    package func encoded() -> [UInt8] {
        switch self {
        case .column(let bytes): return [Tag.column] + bytes
        case .format(let use):
            var bytes = [Tag.format]
            bytes.append(lengthPrefixed: Array(use.format.utf8))
            bytes.append(signedVarint: Int64(use.utcOffset))
            bytes.append(signedVarint: Int64(use.year))
            bytes.append(signedVarint: use.carry)
            bytes.append(signedVarint: use.received)
            use.appendExceptions(to: &bytes)
            return bytes
        }
    }

    /// A format whose name this version does not know is kept: only reading by it fails.
    /// - Parameter lineCount: lines of the block: nothing is allocated for exceptions of more.
    package init(decoding bytes: ArraySlice<UInt8>, lineCount: UInt32 = .max) throws(MalformedBytes) {
        var reader = ByteReader(bytes)
        switch try reader.read(UInt8.self) {
        case Tag.column: self = .column(Array(try reader.read(count: reader.remaining)))
        case Tag.format:
            self = .format(try TimeFormatUse(&reader, lineCount: lineCount))
            guard reader.isAtEnd else { throw MalformedBytes("line times go on after their end", at: reader.offset) }
        case let tag: throw MalformedBytes("kind \(tag) of line times is unknown", at: 0)
        }
    }

    /// The column of these times: for whoever knows them otherwise.
    package static func column(of times: [Nanoseconds]) -> LineTimes {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(times.count * 4)
        var last: Nanoseconds = 0
        for time in times {
            bytes.append(signedVarint: time &- last)
            last = time
        }
        return .column(bytes)
    }
}

extension TimeFormatUse {
    fileprivate init(_ reader: inout ByteReader, lineCount: UInt32) throws(MalformedBytes) {
        let at = reader.offset
        let name = try reader.readText(atMost: LineTimes.formatNameBytes)
        guard !name.isEmpty, name.utf8.allSatisfy(\.isFormatNameCharacter) else {
            throw MalformedBytes("name of a time format is malformed", at: at)
        }
        let utcOffset = try reader.read(boundedBy: LineTimes.greatestOffset, "offset from UTC")
        let year = try reader.read(boundedBy: 9999, "year")
        let carry = try reader.readSignedVarint()
        let received = try reader.readSignedVarint()
        self.init(format: name, utcOffset: utcOffset, year: year, carry: carry, received: received)
        try readExceptions(&reader, lineCount: lineCount)
    }

    fileprivate func appendExceptions(to bytes: inout [UInt8]) {
        bytes.append(varint: UInt64(exceptions.count))
        var before = Exception(line: 0, time: carry)
        for exception in exceptions {
            bytes.append(varint: UInt64(exception.line &- before.line))
            bytes.append(signedVarint: exception.time &- before.time)
            before = exception
        }
    }

    private mutating func readExceptions(_ reader: inout ByteReader, lineCount: UInt32) throws(MalformedBytes) {
        let at = reader.offset
        let count = try reader.readVarint()
        guard count <= UInt64(reader.remaining / 2), count <= UInt64(lineCount) else {
            throw MalformedBytes("\(count) exceptions do not fit", at: at)
        }
        exceptions.reserveCapacity(Int(count))
        var before = Exception(line: 0, time: carry)
        for index in 0..<count {
            let at = reader.offset
            let distance = try reader.readVarint()
            guard distance <= UInt64(UInt32.max - before.line), index == 0 || distance > 0 else {
                throw MalformedBytes("exceptions of line times are out of order", at: at)
            }
            before.line += UInt32(distance)
            before.time &+= try reader.readSignedVarint()
            exceptions.append(before)
        }
    }
}

extension ByteReader {
    fileprivate mutating func read(boundedBy limit: Int32, _ what: String) throws(MalformedBytes) -> Int32 {
        let at = offset
        let value = try readSignedVarint()
        guard value.magnitude <= UInt64(limit) else { throw MalformedBytes("\(what) \(value) is impossible", at: at) }
        return Int32(value)
    }
}

extension UInt8 {
    fileprivate var isFormatNameCharacter: Bool {
        isKeyCharacter || self == UInt8(ascii: ".") || self == UInt8(ascii: "@") || self == UInt8(ascii: "_")
    }
}
