import ArchiveTypes
import Checksums

/// The bytes of a segment file. See `WriteAheadLog`.
enum LogSegment {
    static let headerLength = 32
    static let frameLength = 28
    /// A body holds what is received in one go; nothing near this is ever written.
    static let greatestBody = 64 << 20
    private static let magic = Array("FIRNWAL".utf8) + [1]

    static func name(first: UInt64) -> String {
        let digits = String(first)
        return String(repeating: "0", count: 20 - digits.utf8.count) + digits + ".wal"
    }

    /// Nil for names that are not of segments.
    static func first(ofName name: String) -> UInt64? {
        guard name.hasSuffix(".wal"), name.utf8.count == 24, let first = UInt64(name.dropLast(4)) else { return nil }
        return self.name(first: first) == name ? first : nil
    }

    /// - Parameter count: records that were synced before the segment got its name.
    static func header(first: UInt64, count: UInt64) -> [UInt8] {
        var bytes = magic
        bytes.append(littleEndian: first)
        bytes.append(littleEndian: count)
        bytes.append(littleEndian: xxh64(bytes))
        return bytes
    }

    /// What `header` was given as `count`; nil where the header is damaged.
    static func count(inHeader bytes: [UInt8], first: UInt64) -> UInt64? {
        guard bytes.count >= headerLength else { return nil }
        var reader = ByteReader(bytes[16..<24])
        do throws(MalformedBytes) {
            let count = try reader.read(UInt64.self)
            return bytes.starts(with: header(first: first, count: count)) ? count : nil
        } catch { return nil }
    }

    /// Appends a record whose body is `body`.
    static func append(_ body: ArraySlice<UInt8>, sequence: UInt64, durable: UInt64, to bytes: inout [UInt8]) {
        let start = bytes.count
        bytes.append(littleEndian: UInt64(0))
        bytes.append(littleEndian: UInt32(body.count))
        bytes.append(littleEndian: sequence)
        bytes.append(littleEndian: durable)
        bytes.append(contentsOf: body)
        bytes.withUnsafeMutableBytes { all in
            let checksum = xxh64(UnsafeRawBufferPointer(rebasing: all[(start + 8)...]))
            all.storeBytes(of: checksum.littleEndian, toByteOffset: start, as: UInt64.self)
        }
    }
}

/// A whole record in a segment's bytes.
struct LogFrame {
    var sequence: UInt64
    /// Every record below it was synced when this one was written.
    var durable: UInt64
    var body: Range<Int>
}

/// Walks the whole records of a segment, over bytes that are none.
struct LogFrameScanner {
    private let bytes: UnsafeRawBufferPointer
    private var offset = LogSegment.headerLength
    /// Whole records have this sequence number or a greater one.
    private var expected: UInt64

    init(_ bytes: UnsafeRawBufferPointer, first: UInt64) {
        self.bytes = bytes
        expected = first
    }

    mutating func next() -> LogFrame? {
        while offset + LogSegment.frameLength <= bytes.count {
            if let frame = frame(at: offset) {
                offset = frame.body.upperBound
                expected = frame.sequence + 1
                return frame
            }
            offset += 1
        }
        return nil
    }

    private func frame(at offset: Int) -> LogFrame? {
        let sequence = load(UInt64.self, offset + 12)
        // A segment has fewer records than bytes: what lies further off is none of them.
        guard sequence >= expected, sequence - expected < UInt64(bytes.count) else { return nil }
        let length = Int(load(UInt32.self, offset + 8))
        let body = offset + LogSegment.frameLength
        guard length <= LogSegment.greatestBody, length <= bytes.count - body else { return nil }
        let checked = UnsafeRawBufferPointer(rebasing: bytes[(offset + 8)..<(body + length)])
        guard xxh64(checked) == load(UInt64.self, offset) else { return nil }
        return LogFrame(sequence: sequence, durable: load(UInt64.self, offset + 20), body: body..<(body + length))
    }

    private func load<Value: FixedWidthInteger>(_: Value.Type, _ offset: Int) -> Value {
        Value(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Value.self))
    }
}
