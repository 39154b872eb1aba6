import CSystem

/// Cuts a source into pieces of whole lines, each of at most `pieceBytes` bytes and as long as fits. A line longer than
/// that becomes pieces of its own that begin and end inside it.
///
/// Bytes are read into the caller's buffer and stay there. Only what follows a piece's last newline is copied, once:
/// it holds no newline, so either the next piece has one after it, or the next piece is nothing but that line.
package struct LineChunker: ~Copyable {
    private let source: any ByteSource
    private let pieceBytes: Int
    /// Position of the next piece.
    private var position: UInt64
    /// Read already, but belonging to the next piece; at most `pieceBytes` bytes.
    private var carry: [UInt8] = []
    private var isInsideLine = false
    private var sourceEnded = false
    private var failure: InputError?

    /// Positions count decompressed bytes from `position` on. `pieceBytes` is at least 1.
    package init(_ source: any ByteSource, pieceBytes: Int, position: UInt64 = 0) {
        precondition(pieceBytes > 0, "a piece holds a byte at least")
        self.source = source
        self.pieceBytes = pieceBytes
        self.position = position
    }

    /// Replaces the content of `buffer`, whose capacity is kept, with the next piece; nil at the end. Throws what the
    /// source threw, after all bytes before it were delivered.
    package mutating func next(into buffer: inout [UInt8]) throws(InputError) -> Piece? {
        let filled = fill(&buffer)
        guard filled > 0 else {
            buffer.removeAll(keepingCapacity: true)
            if let failure { throw failure }
            return nil
        }
        let count = sourceEnded ? filled : endOfLastLine(in: buffer) ?? filled
        carry.removeAll(keepingCapacity: true)
        carry.append(contentsOf: buffer[count..<filled])
        buffer.removeLast(buffer.count - count)
        if carry.isEmpty, !sourceEnded { lookAhead() }
        return describe(count, endsLine: buffer[count - 1] == .newline)
    }

    private mutating func describe(_ count: Int, endsLine: Bool) -> Piece {
        let isLast = sourceEnded && carry.isEmpty
        defer {
            position += UInt64(count)
            isInsideLine = !endsLine
        }
        return Piece(
            first: position, count: count, startsInsideLine: isInsideLine, endsInsideLine: !endsLine && !isLast,
            isLast: isLast)
    }

    /// Makes `buffer` as long as a piece may be and fills it; less only where the source ended.
    private mutating func fill(_ buffer: inout [UInt8]) -> Int {
        if buffer.count < pieceBytes { buffer.append(contentsOf: repeatElement(0, count: pieceBytes - buffer.count)) }
        if buffer.count > pieceBytes { buffer.removeLast(buffer.count - pieceBytes) }
        return buffer.withUnsafeMutableBytes { bytes in
            bytes.copyBytes(from: carry)
            var filled = carry.count
            while filled < bytes.count, !sourceEnded {
                filled += read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[filled...]))
            }
            return filled
        }
    }

    private mutating func read(into bytes: UnsafeMutableRawBufferPointer) -> Int {
        do throws(InputError) {
            let count = try source.read(into: bytes)
            sourceEnded = count == 0
            return count
        } catch {
            failure = error
            sourceEnded = true
            return 0
        }
    }

    /// A piece that fills its buffer to the last byte: one byte more tells whether it was the last.
    private mutating func lookAhead() {
        var byte: UInt8 = 0
        if withUnsafeMutableBytes(of: &byte, { read(into: $0) }) == 1 { carry.append(byte) }
    }
}

/// The bytes up to and including the last newline; nil without one.
func endOfLastLine(in bytes: [UInt8]) -> Int? {
    bytes.withUnsafeBytes { endOfLastLine(in: $0) }
}

func endOfLastLine(in bytes: UnsafeRawBufferPointer) -> Int? {
    guard let start = bytes.baseAddress, let found = firn_memrchr(start, Int32(UInt8.newline), bytes.count) else {
        return nil
    }
    return found - start + 1
}
