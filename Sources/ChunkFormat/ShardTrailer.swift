package import ArchiveTypes
import Checksums

/// The end of a shard, after its payload: 512 bytes that say whose shard it is. All numbers are little-endian.
///
/// | offset | bytes | content |
/// | --- | --- | --- |
/// | 0 | 8 | `FIRNSHRD` |
/// | 8 | 1 | version, 1 |
/// | 9 | 1 | number of data shards |
/// | 10 | 1 | number of parity shards |
/// | 11 | 1 | number of this shard, from 0 |
/// | 12 | 4 | 0 |
/// | 16 | 8 | bytes of the chunk |
/// | 24 | 8 | bytes of the payload |
/// | 32 | 32 | SHA-256 of the chunk |
/// | 64 | 32 | SHA-256 of the payload |
/// | 96 | 2 | bytes of the chunk's key |
/// | 98 | 398 | the chunk's key (see `ChunkKey`), filled up with 0 |
/// | 496 | 8 | 0 |
/// | 504 | 8 | XXH64 of the 504 bytes before |
package struct ShardTrailer: Sendable, Hashable {
    package var key: ShardKey
    /// 32 bytes each.
    package var chunkDigest: [UInt8]
    package var payloadDigest: [UInt8]

    package static let length = 512
    private static let magic = Array("FIRNSHRD".utf8)
    private static let keyOffset = 98
    private static let keyRoom = 398

    package init(key: ShardKey, chunkDigest: [UInt8], payloadDigest: [UInt8]) {
        precondition(chunkDigest.count == 32 && payloadDigest.count == 32, "a SHA-256 has 32 bytes")
        self.key = key
        self.chunkDigest = chunkDigest
        self.payloadDigest = payloadDigest
    }

    package func encoded() -> [UInt8] {
        let geometry = key.geometry
        let name = Array(key.chunk.description.utf8)
        precondition(name.count <= Self.keyRoom, "keys of chunks have a bounded length")
        var bytes = Self.magic
        bytes += [1, UInt8(geometry.data), UInt8(geometry.parity), UInt8(key.index), 0, 0, 0, 0]
        bytes += Self.littleEndian(geometry.length)
        bytes += Self.littleEndian(geometry.length(ofShard: key.index))
        bytes += chunkDigest + payloadDigest
        bytes += [UInt8(name.count & 0xFF), UInt8(name.count >> 8)] + name
        bytes += [UInt8](repeating: 0, count: Self.length - 8 - bytes.count)
        return bytes + Self.littleEndian(xxh64(bytes))
    }

    /// Reads the trailer of the shard that stands under `key`; a shard of another chunk, of another rule or in another
    /// place is refused.
    /// - Parameter bytes: the last `length` bytes of the object.
    package static func decode(_ bytes: some Collection<UInt8>, key: ShardKey) throws(FormatError) -> ShardTrailer {
        let bytes = Array(bytes)
        guard bytes.count == length, bytes.starts(with: magic) else {
            throw FormatError(.damaged, at: 0, "shard does not end in a trailer")
        }
        guard bytes[8] == 1 else {
            throw FormatError(.unsupported, at: 8, "shard's trailer has version \(bytes[8]); update firn")
        }
        guard littleEndian(xxh64(bytes[..<(length - 8)])) == Array(bytes[(length - 8)...]) else {
            throw FormatError(.damaged, at: 0, "checksum of the shard's trailer does not match")
        }
        let nameLength = Int(bytes[96]) | Int(bytes[97]) << 8
        guard nameLength <= keyRoom else { throw FormatError(.damaged, at: 96, "shard's trailer has a malformed key") }
        let trailer = ShardTrailer(
            key: key, chunkDigest: Array(bytes[32..<64]), payloadDigest: Array(bytes[64..<96]))
        guard trailer.encoded() == bytes else {
            let name = String(decoding: bytes[keyOffset..<(keyOffset + nameLength)], as: UTF8.self)
            throw FormatError(.damaged, at: 0, "it is shard \(bytes[11]) of \(name), not what its name says")
        }
        return trailer
    }

    private static func littleEndian(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
}
