/// Appends integers and lengths to bytes: little endian, varints as in Protocol Buffers (LEB128, at most 10 bytes).
extension [UInt8] {
    package mutating func append<Value: FixedWidthInteger>(littleEndian value: Value) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }

    package mutating func append(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(rest))
    }

    /// Zigzag: small magnitudes of either sign take few bytes.
    package mutating func append(signedVarint value: Int64) {
        append(varint: UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    /// A varint of the length, then the bytes.
    package mutating func append(lengthPrefixed bytes: some Collection<UInt8>) {
        append(varint: UInt64(bytes.count))
        append(contentsOf: bytes)
    }
}

/// Bytes ended early, or a value in them exceeds its limit. `offset` counts from the first byte given to the reader.
package struct MalformedBytes: Error, Hashable, CustomStringConvertible {
    package var what: String
    package var offset: Int

    package init(_ what: String, at offset: Int) {
        self.what = what
        self.offset = offset
    }

    package var description: String { "\(what) at byte \(offset)" }
}

/// Reads what `[UInt8].append(...)` above writes, from hostile bytes: every length is bounded by what is there.
package struct ByteReader {
    private let bytes: ArraySlice<UInt8>
    private var next: Int

    package init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        next = bytes.startIndex
    }

    package init(_ bytes: [UInt8]) { self.init(bytes[...]) }

    package var offset: Int { next - bytes.startIndex }
    package var remaining: Int { bytes.endIndex - next }
    package var isAtEnd: Bool { next == bytes.endIndex }

    package mutating func read<Value: FixedWidthInteger>(_: Value.Type) throws(MalformedBytes) -> Value {
        let slice = try read(count: MemoryLayout<Value>.size)
        var value: Value = 0
        for (index, byte) in slice.enumerated() { value |= Value(truncatingIfNeeded: byte) << (8 * index) }
        return value
    }

    package mutating func readVarint() throws(MalformedBytes) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            guard next < bytes.endIndex else { throw MalformedBytes("integer is cut off", at: offset) }
            let byte = bytes[next]
            guard shift < 63 || (shift == 63 && byte <= 1) else {
                throw MalformedBytes("integer exceeds 64 bits", at: offset)
            }
            next += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return value }
            shift += 7
        }
    }

    package mutating func readSignedVarint() throws(MalformedBytes) -> Int64 {
        let raw = try readVarint()
        return Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1)
    }

    package mutating func read(count: Int) throws(MalformedBytes) -> ArraySlice<UInt8> {
        guard count >= 0, count <= remaining else {
            throw MalformedBytes("\(count) bytes wanted, \(remaining) left", at: offset)
        }
        defer { next += count }
        return bytes[next..<next + count]
    }

    package mutating func readLengthPrefixed(atMost limit: Int) throws(MalformedBytes) -> ArraySlice<UInt8> {
        let at = offset
        let count = try readVarint()
        guard count <= UInt64(limit) else { throw MalformedBytes("length \(count) exceeds \(limit)", at: at) }
        return try read(count: Int(count))
    }

    /// UTF-8 text of at most `limit` bytes.
    package mutating func readText(atMost limit: Int) throws(MalformedBytes) -> String {
        let at = offset
        let slice = try readLengthPrefixed(atMost: limit)
        guard let text = String(validating: slice, as: UTF8.self) else {
            throw MalformedBytes("text is not UTF-8", at: at)
        }
        return text
    }
}
