import ArchiveTypes

/// A zstd frame that decoders pass over (RFC 8878, section 3.1.2): magic number, length of the content as 32 bits,
/// content. The lowest four bits of the magic number tell Firn's kinds apart.
package enum SkippableFrame {
    package static let headerLength = 8
    package static let firstMagic: UInt32 = 0x184D_2A50

    package enum Kind: UInt8, Sendable {
        case blockHeader = 1
        case chunkDirectory = 2
        case indexFooter = 3
        /// As the zstd seekable format has it.
        case seekTable = 14
    }

    package static func magic(_ kind: Kind) -> UInt32 { firstMagic + UInt32(kind.rawValue) }

    package static func append(_ kind: Kind, _ content: [UInt8], to output: inout [UInt8]) {
        output.append(littleEndian: magic(kind))
        output.append(littleEndian: UInt32(content.count))
        output.append(contentsOf: content)
    }

    /// The length of the content of the frame of `kind` at the start of `bytes`, at most `limit`.
    package static func contentLength(
        _ kind: Kind, in bytes: UnsafeRawBufferPointer, limit: Int
    ) throws(FormatError) -> Int {
        guard bytes.count >= headerLength else {
            throw FormatError(.truncated, at: 0, "bytes end inside a frame's head")
        }
        let magic = UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self))
        guard magic == self.magic(kind) else {
            throw FormatError(.damaged, at: 0, "no \(kind) frame here (magic number \(String(magic, radix: 16)))")
        }
        let length = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        guard length <= UInt32(limit) else {
            throw FormatError(.excessive, at: 4, "\(kind) of \(length) bytes exceeds \(limit)")
        }
        return Int(length)
    }
}

/// The seek table of the zstd seekable format (zstd, contrib/seekable_format/zstd_seekable_compression_format.md,
/// version 0.1.0): a skippable frame of two 32-bit lengths a frame, then 9 bytes of footer. Skippable frames stand in it
/// with a decompressed length of 0.
package enum SeekTable {
    package struct Frame: Sendable, Hashable {
        package var compressed: UInt32
        package var decompressed: UInt32

        package init(compressed: UInt32, decompressed: UInt32) {
            self.compressed = compressed
            self.decompressed = decompressed
        }
    }

    /// Number of frames as 32 bits, descriptor, magic number.
    package static let footerLength = 9
    package static let footerMagic: UInt32 = 0x8F92_EAB1

    /// The length of the whole skippable frame of a table of `count` frames.
    package static func encodedLength(frames count: Int) -> Int {
        SkippableFrame.headerLength + 8 * count + footerLength
    }

    package static func encoded(_ frames: [Frame]) -> [UInt8] {
        var content: [UInt8] = []
        content.reserveCapacity(8 * frames.count + footerLength)
        for frame in frames {
            content.append(littleEndian: frame.compressed)
            content.append(littleEndian: frame.decompressed)
        }
        content.append(littleEndian: UInt32(frames.count))
        content.append(0)
        content.append(littleEndian: footerMagic)
        var table: [UInt8] = []
        SkippableFrame.append(.seekTable, content, to: &table)
        return table
    }

    /// The number of frames that the table at the very end of an object lists. `tail` is at least `footerLength` bytes.
    package static func frameCount(atEndOf tail: UnsafeRawBufferPointer, limit: Int) throws(FormatError) -> Int {
        guard tail.count >= footerLength else { throw FormatError(.truncated, at: 0, "bytes end before a seek table") }
        let footer = tail.count - footerLength
        let magic = UInt32(littleEndian: tail.loadUnaligned(fromByteOffset: footer + 5, as: UInt32.self))
        guard magic == footerMagic, tail[footer + 4] == 0 else {
            throw FormatError(.damaged, at: UInt64(footer), "no seek table at the end")
        }
        let count = UInt32(littleEndian: tail.loadUnaligned(fromByteOffset: footer, as: UInt32.self))
        guard count <= UInt32(limit) else {
            throw FormatError(.excessive, at: UInt64(footer), "seek table of \(count) frames exceeds \(limit)")
        }
        return Int(count)
    }

    /// The frames of a whole table: `bytes` are exactly its skippable frame.
    package static func decode(_ bytes: UnsafeRawBufferPointer, limit: Int) throws(FormatError) -> [Frame] {
        let count = try frameCount(atEndOf: bytes, limit: limit)
        let length = try SkippableFrame.contentLength(.seekTable, in: bytes, limit: bytes.count)
        guard length == 8 * count + footerLength, bytes.count == encodedLength(frames: count) else {
            throw FormatError(.damaged, at: 4, "seek table of \(bytes.count) bytes does not hold \(count) frames")
        }
        return (0..<count).map { index in
            let offset = SkippableFrame.headerLength + 8 * index
            return Frame(
                compressed: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)),
                decompressed: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)))
        }
    }
}
