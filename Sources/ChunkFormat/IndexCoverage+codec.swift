package import ArchiveTypes
import Checksums

/// The canonical bytes of a coverage; the digest in the names of index objects is of them.
///
///     1 byte    edition
///     1 byte    0: no closed hours; 1: from the beginning; 2: from the hour after
///     signed varint   (2 only) the hour before the first closed one, in hours since 1970
///     signed varint   (1 and 2) the last closed hour
///     varint    number of open hours, in ascending order; each:
///         signed varint   hour
///         varint          number of writers, in ascending order; each:
///             name, with a varint length
///             varint      number of ranges, in ascending order; each two varints: the first sequence, as the distance
///                         to the end of the range before (to 0 for the first), and the number of sequences less one
///     varint    number of exceptions, in ascending order; each the manifest's key, with a varint length
extension IndexCoverage {
    package static let greatestLength = 16 << 20

    package func encoded() -> [UInt8] {
        var bytes: [UInt8] = [edition, closed == nil ? 0 : closed?.after == nil ? 1 : 2]
        if let closed {
            if let after = closed.after { bytes.append(signedVarint: Int64(after.number)) }
            bytes.append(signedVarint: Int64(closed.through.number))
        }
        bytes.append(varint: UInt64(sequences.count))
        for (hour, writers) in sequences.sorted(by: { $0.key < $1.key }) {
            bytes.append(signedVarint: Int64(hour.number))
            bytes.append(varint: UInt64(writers.count))
            for (writer, set) in writers.sorted(by: { $0.key < $1.key }) { Self.append(writer, set, to: &bytes) }
        }
        bytes.append(varint: UInt64(exceptions.count))
        for key in exceptions.sorted() { bytes.append(lengthPrefixed: Array(key.description.utf8)) }
        return bytes
    }

    private static func append(_ writer: WriterID, _ set: SequenceSet, to bytes: inout [UInt8]) {
        bytes.append(lengthPrefixed: Array(writer.description.utf8))
        bytes.append(varint: UInt64(set.ranges.count))
        var end: UInt64 = 0
        for range in set.ranges {
            bytes.append(varint: range.lowerBound - end)
            bytes.append(varint: range.upperBound - range.lowerBound)
            end = range.upperBound
        }
    }

    /// The 32 hexadecimal digits in the names of the objects of this coverage.
    package var digest: String { String(hex(sha256(encoded())).prefix(32)) }

    /// Reads exactly what `encoded()` writes.
    package init(decoding bytes: ArraySlice<UInt8>) throws(MalformedBytes) {
        var reader = ByteReader(bytes)
        let edition = try reader.read(UInt8.self)
        let closed = try Self.readClosed(&reader)
        let sequences = try Self.readSequences(&reader)
        let exceptions = try Self.readExceptions(&reader)
        self.init(edition: edition, closed: closed, sequences: sequences, exceptions: exceptions)
        guard reader.isAtEnd, isInOrder, encoded().elementsEqual(bytes) else {
            throw MalformedBytes("coverage is not in its one form", at: reader.offset)
        }
    }

    /// Whether open hours lie outside of the closed ones and have sequences, and exceptions lie inside.
    private var isInOrder: Bool {
        sequences.allSatisfy { hour, writers in
            !(closed?.contains(hour) ?? false) && !writers.isEmpty && writers.values.allSatisfy { !$0.ranges.isEmpty }
        } && exceptions.allSatisfy { closed?.contains($0.hour) ?? false }
    }

    private static func readClosed(_ reader: inout ByteReader) throws(MalformedBytes) -> ClosedHours? {
        let form = try reader.read(UInt8.self)
        guard form > 0 else { return nil }
        let after = form == 2 ? try readHour(&reader) : nil
        let through = try readHour(&reader)
        guard form <= 2, let closed = ClosedHours(after: after, through: through) else {
            throw MalformedBytes("malformed run of closed hours", at: reader.offset)
        }
        return closed
    }

    private static func readHour(_ reader: inout ByteReader) throws(MalformedBytes) -> Hour {
        let number = try reader.readSignedVarint()
        guard let hour = Hour(checking: number) else { throw MalformedBytes("hour out of range", at: reader.offset) }
        return hour
    }

    /// A count of things of at least one byte each.
    private static func readCount(_ reader: inout ByteReader) throws(MalformedBytes) -> Int {
        let count = try reader.readVarint()
        guard count <= UInt64(reader.remaining) else {
            throw MalformedBytes("\(count) entries exceed what is there", at: reader.offset)
        }
        return Int(count)
    }

    private static func readSequences(
        _ reader: inout ByteReader
    ) throws(MalformedBytes) -> [Hour: [WriterID: SequenceSet]] {
        var sequences: [Hour: [WriterID: SequenceSet]] = [:]
        for _ in 0..<(try readCount(&reader)) {
            let hour = try readHour(&reader)
            var writers: [WriterID: SequenceSet] = [:]
            for _ in 0..<(try readCount(&reader)) {
                guard let writer = WriterID(try reader.readText(atMost: Limits.writerBytes)) else {
                    throw MalformedBytes("malformed writer", at: reader.offset)
                }
                writers[writer] = try readRanges(&reader)
            }
            sequences[hour] = writers
        }
        return sequences
    }

    private static func readRanges(_ reader: inout ByteReader) throws(MalformedBytes) -> SequenceSet {
        var set = SequenceSet()
        var end: UInt64 = 0
        for _ in 0..<(try readCount(&reader)) {
            let (first, overflow) = end.addingReportingOverflow(try reader.readVarint())
            let (last, tooLarge) = first.addingReportingOverflow(try reader.readVarint())
            guard !overflow, !tooLarge, last <= ObjectName.greatestSequence else {
                throw MalformedBytes("sequence out of range", at: reader.offset)
            }
            set.insert(first...last)
            end = last
        }
        return set
    }

    private static func readExceptions(_ reader: inout ByteReader) throws(MalformedBytes) -> Set<ManifestKey> {
        var exceptions: Set<ManifestKey> = []
        for _ in 0..<(try readCount(&reader)) {
            guard let key = ManifestKey(try reader.readText(atMost: Limits.keyBytes)) else {
                throw MalformedBytes("malformed key of a manifest", at: reader.offset)
            }
            exceptions.insert(key)
        }
        return exceptions
    }
}

extension Hour {
    /// Nil outside of `Hour.years`.
    init?(checking number: Int64) {
        let least = CivilTime.day(ofYear: Hour.years.lowerBound, month: 1, day: 1) * 24
        let end = CivilTime.day(ofYear: Hour.years.upperBound + 1, month: 1, day: 1) * 24
        guard let number = Int(exactly: number), least..<end ~= number else { return nil }
        self.init(number: number)
    }
}
