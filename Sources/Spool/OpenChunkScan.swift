package import ChunkFormat

/// The whole blocks of an open chunk and what follows them.
package struct OpenChunkScan {
    package private(set) var entries: [BlockEntry] = []
    /// Where the last whole block ends.
    package private(set) var length: UInt64 = 0
    /// Why the bytes after that are damage and not a torn tail; nil where they are torn or there are none.
    package private(set) var damage: String?

    /// - Parameter done: told now and then that the bytes before an offset are not looked at again.
    package init(_ bytes: UnsafeRawBufferPointer, done: (_ offset: Int) -> Void = { _ in }) {
        let decoder = BlockDecoder()
        var durable: UInt64 = 0
        do throws(FormatError) {
            while length < bytes.count,
                let found = try ChunkScanner.block(in: bytes, at: Int(length), deep: false, decoder: decoder)
            {
                entries.append(found.entry)
                length += found.entry.length
                durable = max(durable, found.header.durableLength)
                done(Int(length))
            }
        } catch {
            durable = max(durable, Self.durableLength(promisedAfter: Int(length), in: bytes))
            guard length < durable else { return }
            damage = "damaged at byte \(error.offset) although \(durable) bytes were durable: \(error.reason)"
        }
    }

    /// The greatest durable length that a whole header behind the damage promises.
    private static func durableLength(promisedAfter start: Int, in bytes: UnsafeRawBufferPointer) -> UInt64 {
        let magic = SkippableFrame.magic(.blockHeader)
        var durable: UInt64 = 0
        var offset = start + 1
        while offset + SkippableFrame.headerLength <= bytes.count {
            defer { offset += 1 }
            guard bytes[offset] == UInt8(truncatingIfNeeded: magic),
                UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)) == magic
            else { continue }
            do throws(FormatError) {
                let (header, _) = try BlockHeader.decode(UnsafeRawBufferPointer(rebasing: bytes[offset...]))
                durable = max(durable, header.durableLength)
            } catch { continue }
        }
        return durable
    }
}
