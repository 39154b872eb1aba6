import ArchiveTypes
import Checksums

/// A fact about what a file holds: its `count` bytes up to `end` have this XXH64. Positions count decompressed bytes.
///
/// Marks tell a file's content wherever it went: into another inode (a copy) or into a compressed file. They stay true
/// of a generation whatever was read of it since.
package struct ContentMark: Sendable, Hashable {
    package var end: UInt64
    package var count: Int
    package var hash: UInt64

    /// The beginning of a file, as far as it is remembered.
    static let headBytes = 256
    /// What stands before a position, as far as it is remembered.
    static let tailBytes = 64

    var first: UInt64 { end - UInt64(count) }

    /// Nil for no bytes, which say nothing.
    package init?(_ bytes: [UInt8], endingAt end: UInt64) {
        guard !bytes.isEmpty, end >= UInt64(bytes.count) else { return nil }
        self.end = end
        count = bytes.count
        hash = xxh64(bytes)
    }
}

extension ContentMark {
    /// The last `tailBytes` of `known` and then `more`. By indices: an operand of `+` would be gone through as a sequence.
    static func tail(_ known: [UInt8], _ more: ArraySlice<UInt8>) -> [UInt8] {
        let added = more[(more.endIndex - min(more.count, tailBytes))...]
        return Array(known[(known.count - min(known.count, tailBytes - added.count))...]) + Array(added)
    }

    /// `encode` appends no more than that.
    static let mostEncodedBytes = 10 + 10 + 8

    /// End and count as varints, then the hash (8 bytes, little endian).
    func encode(into bytes: inout [UInt8]) {
        bytes.append(varint: end)
        bytes.append(varint: UInt64(count))
        bytes.append(littleEndian: hash)
    }

    init(from reader: inout ByteReader) throws(MalformedBytes) {
        end = try reader.readVarint()
        let at = reader.offset
        let count = try reader.readVarint()
        guard count > 0, count <= UInt64(Self.headBytes), count <= end else {
            throw MalformedBytes("a mark of a file's content is malformed", at: at)
        }
        self.count = Int(count)
        hash = try reader.read(UInt64.self)
    }
}

/// Marks checked against bytes that come one after another.
struct MarkCheck {
    private var open: [(mark: ContentMark, bytes: [UInt8])]
    private(set) var position: UInt64 = 0
    /// The last bytes that were passed, at most `ContentMark.tailBytes`.
    private(set) var tail: [UInt8] = []
    /// A mark did not hold.
    private(set) var hasFailed = false

    /// Only marks that end at `end` or before are checked.
    init(_ marks: [ContentMark], upTo end: UInt64) {
        open = marks.filter { $0.end <= end }.map { ($0, []) }
    }

    /// Reads `source`, which stands where the check stands, up to `end`. False where a mark does not hold, or the source
    /// ends before.
    mutating func skim(_ source: any ByteSource, to end: UInt64) throws(InputError) -> Bool {
        var buffer = [UInt8](repeating: 0, count: Int(min(64 << 10, max(end - position, 1))))
        while position < end, !hasFailed {
            let wanted = Int(min(UInt64(buffer.count), end - position))
            let count = try buffer.withUnsafeMutableBufferPointer { (bytes) throws(InputError) in
                try source.read(
                    into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(bytes)[..<wanted]))
            }
            guard count > 0 else { return false }
            pass(buffer[..<count])
        }
        return !hasFailed && open.isEmpty
    }

    private mutating func pass(_ bytes: ArraySlice<UInt8>) {
        let end = position + UInt64(bytes.count)
        for index in open.indices where open[index].mark.first < end && open[index].mark.end > position {
            let mark = open[index].mark
            let from = Int(max(mark.first, position) - position)
            let to = Int(min(mark.end, end) - position)
            open[index].bytes += bytes[(bytes.startIndex + from)..<(bytes.startIndex + to)]
        }
        position = end
        tail = ContentMark.tail(tail, bytes)
        hasFailed = hasFailed || open.contains { $0.mark.end <= end && xxh64($0.bytes) != $0.mark.hash }
        open.removeAll { $0.mark.end <= end }
    }
}
