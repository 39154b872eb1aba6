import ArchiveTypes
import Checksums
import ChunkFormat

/// Mutated bytes under checksums that fit: else hardly any would come past the first check.
enum Frames {
    /// A skippable frame of `content` and the XXH64 of all before it, as headers and directories are.
    static func sealed(_ kind: SkippableFrame.Kind, _ content: some Collection<UInt8>) -> [UInt8] {
        var frame: [UInt8] = []
        frame.append(littleEndian: SkippableFrame.magic(kind))
        frame.append(littleEndian: UInt32(content.count + 8))
        frame.append(contentsOf: content)
        frame.append(littleEndian: xxh64(frame))
        return frame
    }

    /// The content of a frame that is sealed so.
    static func content(_ frame: [UInt8]) -> [UInt8] { Array(frame.dropFirst(8).dropLast(8)) }

    /// A field of a header or directory that readers must know.
    static func field(_ number: UInt64, _ value: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(varint: number << 1 | 1)
        bytes.append(lengthPrefixed: value)
        return bytes
    }

    /// A zstd frame of `raw`, after its length as a varint where that is wanted.
    static func compressed(_ raw: UnsafeRawBufferPointer, withLength: Bool = true) throws -> [UInt8] {
        var bytes: [UInt8] = []
        if withLength { bytes.append(varint: UInt64(raw.count)) }
        _ = try ZstdCompressor(.standard).compress(raw, appendingTo: &bytes)
        return bytes
    }

    /// The bytes of a chunk with the checksum of each header and directory put right where its length fits.
    static func repaired(_ chunk: UnsafeRawBufferPointer) -> [UInt8] {
        var bytes = Array(chunk)
        var offset = 0
        while offset + 16 <= bytes.count {
            let magic = integer(bytes, offset)
            let kinds = [SkippableFrame.Kind.blockHeader, .chunkDirectory].map(SkippableFrame.magic)
            let length = Int(integer(bytes, offset + 4))
            guard kinds.contains(magic), length >= 8, offset + 8 + length <= bytes.count else {
                offset += 1
                continue
            }
            let end = offset + 8 + length
            var sum: [UInt8] = []
            sum.append(littleEndian: xxh64(bytes[offset..<(end - 8)]))
            bytes.replaceSubrange((end - 8)..<end, with: sum)
            offset = end
        }
        return bytes
    }

    private static func integer(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
        bytes.withUnsafeBytes { UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) }
    }
}
