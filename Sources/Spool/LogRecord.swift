package import ArchiveTypes

/// One record of the write-ahead log. `WriteAheadLog` describes its frame; the body is a kind (1 byte) and
///
///     1 lines    varint stream, varint position of the first byte, signed varint receive time, bytes to the end
///     2 stream   varint stream, host, source and generation as text with varint lengths, varint position where it
///                stands, varint number of labels, each key and value as text with varint lengths
///     3 mark     varint stream, varint position, bytes to the end
///
/// A stream's number is the log's own and means the same in all its segments.
package enum LogRecord: Sendable, Hashable {
    /// Whole lines that were received.
    case lines(stream: UInt64, position: UInt64, received: Nanoseconds, bytes: ArraySlice<UInt8>)
    /// What a number stands for. The stream's next byte has the position, or a later one where lines follow.
    case stream(UInt64, LoggedStream, position: UInt64)
    /// What the stream's input needs to go on at the position: a journal's cursor.
    case mark(stream: UInt64, position: UInt64, bytes: ArraySlice<UInt8>)

    private enum Kind: UInt8 { case lines = 1, stream, mark }

    init(decoding body: ArraySlice<UInt8>) throws(MalformedBytes) {
        var reader = ByteReader(body)
        guard let kind = Kind(rawValue: try reader.read(UInt8.self)) else {
            throw MalformedBytes("record of an unknown kind", at: 0)
        }
        let number = try reader.readVarint()
        switch kind {
        case .lines:
            let position = try reader.readVarint()
            let received = try reader.readSignedVarint()
            let bytes = try reader.read(count: reader.remaining)
            guard position <= UInt64(Int64.max) else { throw MalformedBytes("position out of range", at: 0) }
            self = .lines(stream: number, position: position, received: received, bytes: bytes)
        case .stream:
            let (stream, position) = try Self.readStream(&reader)
            self = .stream(number, stream, position: position)
        case .mark:
            let position = try reader.readVarint()
            self = .mark(stream: number, position: position, bytes: try reader.read(count: reader.remaining))
        }
    }

    private static func readStream(_ reader: inout ByteReader) throws(MalformedBytes) -> (LoggedStream, UInt64) {
        let host = try reader.readText(atMost: Limits.hostBytes)
        let source = try reader.readText(atMost: Limits.sourceBytes)
        guard let generation = Generation(try reader.readText(atMost: Limits.generationBytes)) else {
            throw MalformedBytes("malformed generation", at: reader.offset)
        }
        let position = try reader.readVarint()
        let count = try reader.readVarint()
        guard count <= UInt64(Limits.labels), position <= UInt64(Int64.max) else {
            throw MalformedBytes("too many labels, or a position out of range", at: reader.offset)
        }
        var pairs: [(key: String, value: String)] = []
        for _ in 0..<count {
            pairs.append(
                (try reader.readText(atMost: Limits.labelBytes), try reader.readText(atMost: Limits.labelBytes)))
        }
        guard let labels = Labels(pairs) else { throw MalformedBytes("malformed labels", at: reader.offset) }
        let stream = SourceGeneration(stream: StreamID(host: host, source: source), generation: generation)
        return (LoggedStream(source: stream, labels: labels), position)
    }

    /// Appends the body's bytes.
    func encode(into bytes: inout [UInt8]) {
        switch self {
        case .lines(let stream, let position, let received, let lines):
            bytes.append(Kind.lines.rawValue)
            bytes.append(varint: stream)
            bytes.append(varint: position)
            bytes.append(signedVarint: received)
            bytes.append(contentsOf: lines)
        case .stream(let number, let stream, let position):
            bytes.append(Kind.stream.rawValue)
            bytes.append(varint: number)
            stream.encode(into: &bytes, position: position)
        case .mark(let stream, let position, let mark):
            bytes.append(Kind.mark.rawValue)
            bytes.append(varint: stream)
            bytes.append(varint: position)
            bytes.append(contentsOf: mark)
        }
    }
}

/// A stream whose lines are logged: one generation under one set of labels.
package struct LoggedStream: Sendable, Hashable {
    package var source: SourceGeneration
    package var labels: Labels

    package init(source: SourceGeneration, labels: Labels) {
        self.source = source
        self.labels = labels
    }

    fileprivate func encode(into bytes: inout [UInt8], position: UInt64) {
        bytes.append(lengthPrefixed: source.stream.host.utf8)
        bytes.append(lengthPrefixed: source.stream.source.utf8)
        bytes.append(lengthPrefixed: source.generation.description.utf8)
        bytes.append(varint: position)
        bytes.append(varint: UInt64(labels.pairs.count))
        for pair in labels.pairs {
            bytes.append(lengthPrefixed: pair.key.utf8)
            bytes.append(lengthPrefixed: pair.value.utf8)
        }
    }
}
