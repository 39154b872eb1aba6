package import ArchiveTypes
import Checksums

/// What an index object says of itself. See `IndexObject` for its bytes.
package struct IndexFooter: Sendable, Hashable {
    package var kind: IndexKind
    package var coverage: IndexCoverage
    package var part: Int
    /// The last part of its coverage: there are as many parts as this one's number and one.
    package var isLast: Bool
    package var rows: UInt64
    package var frames: [IndexFence]

    /// Footer frame and seek table: the end of an object.
    func encodedTail() throws(FormatError) -> [UInt8] {
        var content = IndexObject.headMagic
        content.append(kind.rawValue)
        content.append(varint: UInt64(part))
        content.append(isLast ? 1 : 0)
        content.append(lengthPrefixed: coverage.encoded())
        content.append(varint: rows)
        content.append(varint: UInt64(frames.count))
        var keyBefore: [UInt8] = []
        for frame in frames { Self.append(frame, after: &keyBefore, to: &content) }
        content.append(littleEndian: xxh64(content))
        let length = content.count + IndexObject.trailerLength
        guard length <= IndexObject.greatestFooterLength else {
            throw FormatError(.excessive, at: 0, "footer of \(length) bytes")
        }
        content.append(littleEndian: UInt32(length))
        content.append(contentsOf: IndexObject.trailerMagic)
        var tail: [UInt8] = []
        SkippableFrame.append(.indexFooter, content, to: &tail)
        return tail + seekTable(footerLength: tail.count)
    }

    private static func append(_ frame: IndexFence, after keyBefore: inout [UInt8], to content: inout [UInt8]) {
        content.append(frame.isLong ? 1 : 0)
        content.append(varint: UInt64(frame.length))
        content.append(varint: UInt64(frame.rawLength))
        content.append(littleEndian: frame.checksum)
        content.append(varint: UInt64(frame.rows))
        content.append(signedVarint: frame.least)
        content.append(signedVarint: frame.greatest)
        for key in [frame.firstKey, frame.lastKey] {
            let shared = zip(keyBefore, key).prefix { $0 == $1 }.count
            content.append(varint: UInt64(shared))
            content.append(lengthPrefixed: key[shared...])
            keyBefore = key
        }
    }

    private func seekTable(footerLength: Int) -> [UInt8] {
        var entries = frames.map { SeekTable.Frame(compressed: $0.length, decompressed: $0.rawLength) }
        entries.append(SeekTable.Frame(compressed: UInt32(footerLength), decompressed: 0))
        return SeekTable.encoded(entries)
    }
}

extension IndexFooter {
    /// How many bytes at an object's end hold footer and seek table. Where `tail` is shorter than the answer, ask again
    /// with that many: the answer may grow once.
    package static func neededTail(_ tail: UnsafeRawBufferPointer) throws(FormatError) -> Int {
        let count = try SeekTable.frameCount(atEndOf: tail, limit: IndexObject.greatestFrameCount + 1)
        let table = SeekTable.encodedLength(frames: count)
        guard tail.count >= table + IndexObject.trailerLength else { return table + IndexObject.trailerLength }
        let trailer = tail.count - table - IndexObject.trailerLength
        guard tail[(trailer + 4)..<(trailer + 12)].elementsEqual(IndexObject.trailerMagic) else {
            throw FormatError(.damaged, at: UInt64(trailer), "no footer of a known version before the seek table")
        }
        let length = UInt32(littleEndian: tail.loadUnaligned(fromByteOffset: trailer, as: UInt32.self))
        guard Int(length) >= IndexObject.trailerLength + 8, Int(length) <= IndexObject.greatestFooterLength else {
            throw FormatError(.excessive, at: UInt64(trailer), "footer of \(length) bytes")
        }
        return SkippableFrame.headerLength + Int(length) + table
    }

    /// Reads the footer from the end of the object `key` of `size` bytes, and checks all of it, the seek table and what
    /// the key promises.
    /// - Parameter tail: at least `neededTail` bytes.
    package static func decode(
        _ tail: UnsafeRawBufferPointer, size: UInt64, key: IndexObjectKey
    ) throws(FormatError) -> IndexFooter {
        do throws(FormatError) {
            let needed = try neededTail(tail)
            guard needed <= tail.count, UInt64(needed) <= size else {
                throw FormatError(.truncated, at: 0, "object ends before its footer")
            }
            let exact = UnsafeRawBufferPointer(rebasing: tail[(tail.count - needed)...])
            do throws(FormatError) {
                return try decode(exact: exact, dataLength: size - UInt64(needed), key: key)
            } catch { throw error.within("", at: size - UInt64(needed)) }
        } catch {
            throw error.within(key.description)
        }
    }

    private static func decode(
        exact tail: UnsafeRawBufferPointer, dataLength: UInt64, key: IndexObjectKey
    ) throws(FormatError) -> IndexFooter {
        let head = SkippableFrame.headerLength
        let length = try SkippableFrame.contentLength(.indexFooter, in: tail, limit: tail.count - head)
        let content = [UInt8](tail[head..<(head + length)])
        let checked = length - IndexObject.trailerLength - 8
        guard checked >= 0, content[(checked + 12)...].elementsEqual(IndexObject.trailerMagic),
            loadLength(content, at: checked + 8) == length
        else { throw FormatError(.damaged, at: 0, "footer does not end as it should") }
        var stored = ByteReader(content[checked..<(checked + 8)])
        let footer: IndexFooter
        do throws(MalformedBytes) {
            guard try stored.read(UInt64.self) == xxh64(content[..<checked]) else {
                throw MalformedBytes("checksum of the footer does not match", at: 0)
            }
            footer = try parse(content[..<checked])
        } catch {
            throw FormatError(.damaged, at: UInt64(head + error.offset), error.what)
        }
        guard footer.kind == key.kind, footer.part == key.part, IndexName(footer.coverage) == key.name else {
            throw FormatError(.damaged, at: 0, "object is not what its name says")
        }
        let end = footer.frames.last.map { $0.offset + UInt64($0.length) } ?? 0
        guard end == dataLength, footer.seekTable(footerLength: head + length).elementsEqual(tail[(head + length)...])
        else { throw FormatError(.damaged, at: 0, "footer and seek table disagree") }
        return footer
    }

    private static func loadLength(_ content: [UInt8], at offset: Int) -> Int {
        content.withUnsafeBytes { Int(UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self))) }
    }

    /// The content before its checksum.
    package static func parse(_ content: ArraySlice<UInt8>) throws(MalformedBytes) -> IndexFooter {
        var reader = ByteReader(content)
        guard try reader.read(count: 8).elementsEqual(IndexObject.headMagic) else {
            throw MalformedBytes("footer of an unknown version", at: 0)
        }
        guard let kind = IndexKind(rawValue: try reader.read(UInt8.self)) else {
            throw MalformedBytes("index of an unknown kind", at: reader.offset)
        }
        let part = try reader.readVarint()
        let isLast = try reader.read(UInt8.self)
        guard part <= UInt64(IndexObjectKey.greatestPart), isLast <= 1 else {
            throw MalformedBytes("malformed part number", at: reader.offset)
        }
        let encoded = try reader.readLengthPrefixed(atMost: IndexCoverage.greatestLength)
        let coverage = try IndexCoverage(decoding: encoded)
        let rows = try reader.readVarint()
        let frames = try parseFrames(&reader)
        guard reader.isAtEnd, rows == frames.reduce(0, { $0 + UInt64($1.rows) }) else {
            throw MalformedBytes("footer does not add up", at: reader.offset)
        }
        return IndexFooter(
            kind: kind, coverage: coverage, part: Int(part), isLast: isLast == 1, rows: rows, frames: frames)
    }

    private static func parseFrames(_ reader: inout ByteReader) throws(MalformedBytes) -> [IndexFence] {
        let count = try reader.readVarint()
        guard count <= UInt64(IndexObject.greatestFrameCount), count <= UInt64(reader.remaining) else {
            throw MalformedBytes("\(count) frames exceed what is there", at: reader.offset)
        }
        var frames: [IndexFence] = []
        var offset: UInt64 = 0
        var key: [UInt8] = []
        var keysLeft = IndexObject.greatestKeysLength
        for _ in 0..<count {
            let frame = try parseFrame(&reader, at: offset, &key, &keysLeft)
            offset += UInt64(frame.length)
            frames.append(frame)
        }
        return frames
    }

    private static func parseFrame(
        _ reader: inout ByteReader, at offset: UInt64, _ key: inout [UInt8], _ keysLeft: inout Int
    ) throws(MalformedBytes) -> IndexFence {
        let section = try reader.read(UInt8.self)
        let (length, rawLength) = (try reader.readVarint(), try reader.readVarint())
        let checksum = try reader.read(UInt64.self)
        let rows = try reader.readVarint()
        let (least, greatest) = (try reader.readSignedVarint(), try reader.readSignedVarint())
        guard section <= 1, let length = UInt32(exactly: length), rawLength > 0,
            rawLength <= UInt64(IndexObject.greatestFrameRawLength), 1...rawLength ~= rows, least <= greatest
        else { throw MalformedBytes("malformed fence", at: reader.offset) }
        let firstKey = try parseKey(&reader, after: key, &keysLeft)
        let lastKey = try parseKey(&reader, after: firstKey, &keysLeft)
        key = lastKey
        return IndexFence(
            isLong: section == 1, offset: offset, length: length, rawLength: UInt32(rawLength), checksum: checksum,
            rows: UInt32(rows), least: least, greatest: greatest, firstKey: firstKey, lastKey: lastKey)
    }

    private static func parseKey(
        _ reader: inout ByteReader, after key: [UInt8], _ keysLeft: inout Int
    ) throws(MalformedBytes) -> [UInt8] {
        let shared = try reader.readVarint()
        let rest = try reader.readLengthPrefixed(atMost: IndexRow.greatestLength)
        guard shared <= UInt64(key.count), Int(shared) + rest.count <= keysLeft else {
            throw MalformedBytes("malformed key of a row", at: reader.offset)
        }
        keysLeft -= Int(shared) + rest.count
        return Array(key[..<Int(shared)] + rest)
    }
}
