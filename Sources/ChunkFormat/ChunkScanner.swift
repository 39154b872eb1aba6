package import ArchiveTypes
import Checksums

/// Reads chunks from their bytes alone.
package enum ChunkScanner {
    /// Reads the block that begins at `offset` of a chunk: header, checksums, and with `deep` the lines.
    /// - Returns: nil where no block begins but the directory.
    /// - Throws: kind `.truncated` where the bytes end inside the block; offsets count from the chunk's beginning.
    package static func block(
        in chunk: UnsafeRawBufferPointer, at offset: Int, deep: Bool, decoder: BlockDecoder
    ) throws(FormatError) -> (entry: BlockEntry, header: BlockHeader)? {
        let rest = UnsafeRawBufferPointer(rebasing: chunk[offset...])
        if rest.count >= 4,
            UInt32(littleEndian: rest.loadUnaligned(as: UInt32.self)) == SkippableFrame.magic(.chunkDirectory)
        {
            return nil
        }
        do throws(FormatError) {
            let (header, headerLength) = try BlockHeader.decode(rest)
            let length = headerLength + Int(header.storedLength)
            guard rest.count >= length else {
                throw FormatError(.truncated, at: UInt64(rest.count), "block is cut off")
            }
            let frame = UnsafeRawBufferPointer(rebasing: rest[headerLength..<length])
            if header.kind == .lines, deep {
                var lines: [UInt8] = []
                try decoder.open(frame, header, &lines)
                guard xxh64(lines) == header.rawChecksum else {
                    throw FormatError(.damaged, at: 0, "checksum of the lines does not match")
                }
            } else if xxh64(frame) != header.storedChecksum, header.kind == .lines {
                throw FormatError(.damaged, at: 0, "checksum of the compressed lines does not match")
            }
            let headerFrame = [UInt8](rest[..<headerLength])
            return (BlockEntry(header: header, headerFrame: headerFrame, frame: frame, offset: UInt64(offset)), header)
        } catch {
            throw error.within("", at: UInt64(offset))
        }
    }

    /// The directory of a sealed chunk from its last bytes.
    /// - Parameters:
    ///   - tail: the chunk's end.
    ///   - length: the whole chunk's length.
    /// - Returns: nil where `tail` is too short; then `neededTail` tells how much is needed.
    package static func neededTail(_ tail: UnsafeRawBufferPointer) throws(FormatError) -> Int {
        let frames = try SeekTable.frameCount(atEndOf: tail, limit: 2 * Limits.blocksInChunk + 1)
        let tableLength = SeekTable.encodedLength(frames: frames)
        guard tail.count >= tableLength, frames > 0 else { return tableLength }
        let last = tail.count - SeekTable.footerLength - 8
        let directory = UInt32(littleEndian: tail.loadUnaligned(fromByteOffset: last, as: UInt32.self))
        guard directory <= UInt32(Limits.directoryBytes) else {
            throw FormatError(.excessive, at: UInt64(last), "directory of \(directory) bytes")
        }
        return tableLength + Int(directory)
    }

    /// The directory from exactly the last `neededTail` bytes of a chunk of `length` bytes. Checks that directory and
    /// seek table agree and that the blocks fill the chunk without a gap.
    package static func directory(
        _ tail: UnsafeRawBufferPointer, length: UInt64
    ) throws(FormatError) -> ChunkDirectory {
        let frames = try SeekTable.frameCount(atEndOf: tail, limit: 2 * Limits.blocksInChunk + 1)
        let tableLength = SeekTable.encodedLength(frames: frames)
        guard tail.count > tableLength, UInt64(tail.count) <= length else {
            throw FormatError(.damaged, at: 0, "seek table does not fit the chunk")
        }
        let base = length - UInt64(tail.count)
        do throws(FormatError) {
            let directoryLength = tail.count - tableLength
            let table = UnsafeRawBufferPointer(rebasing: tail[directoryLength...])
            let directory = try ChunkDirectory.decode(UnsafeRawBufferPointer(rebasing: tail[..<directoryLength]))
            let end = directory.blocks.last.map { $0.offset + $0.length } ?? 0
            let expected = SeekTable.encoded(ChunkLayout.frames(of: directory.blocks, directoryLength: directoryLength))
            guard end == base, expected.elementsEqual(table) else {
                throw FormatError(.damaged, at: 0, "directory and seek table disagree")
            }
            return directory
        } catch {
            throw error.within("", at: base)
        }
    }
}

extension Manifest {
    /// Reads a whole chunk: every checksum, every byte's place, and its SHA-256 against the digest in `key`.
    /// - Parameters:
    ///   - deep: decompress the lines as well.
    ///   - done: told now and then that the bytes before an offset are not looked at again.
    package static func describing(
        chunk bytes: UnsafeRawBufferPointer, key: ChunkKey, deep: Bool, done: (_ offset: Int) -> Void = { _ in }
    ) throws(FormatError) -> Manifest {
        do throws(FormatError) {
            let directory = try directory(of: bytes)
            let decoder = BlockDecoder()
            let digest = Digest(.sha256)
            var end = 0
            for entry in directory.blocks {
                guard
                    let found = try ChunkScanner.block(in: bytes, at: Int(entry.offset), deep: deep, decoder: decoder),
                    found.entry == entry
                else { throw FormatError(.damaged, at: entry.offset, "block disagrees with the chunk's directory") }
                digest.update(UnsafeRawBufferPointer(rebasing: bytes[end..<Int(entry.offset + entry.length)]))
                end = Int(entry.offset + entry.length)
                done(end)
            }
            digest.update(UnsafeRawBufferPointer(rebasing: bytes[end...]))
            return try describe(directory, length: bytes.count, digest.finish(), key)
        } catch {
            throw error.within(key.description)
        }
    }

    /// The manifest of a chunk of which it is known that it is intact: nothing but its directory is read.
    package static func describing(
        intact bytes: UnsafeRawBufferPointer, key: ChunkKey, sha256: [UInt8]
    ) throws(FormatError) -> Manifest {
        do throws(FormatError) {
            return try describe(try directory(of: bytes), length: bytes.count, sha256, key)
        } catch {
            throw error.within(key.description)
        }
    }

    private static func directory(of bytes: UnsafeRawBufferPointer) throws(FormatError) -> ChunkDirectory {
        let needed = try ChunkScanner.neededTail(bytes)
        guard needed <= bytes.count else { throw FormatError(.truncated, at: 0, "chunk is shorter than its directory") }
        let tail = UnsafeRawBufferPointer(rebasing: bytes[(bytes.count - needed)...])
        return try ChunkScanner.directory(tail, length: UInt64(bytes.count))
    }

    private static func describe(
        _ directory: ChunkDirectory, length: Int, _ sha256: [UInt8], _ key: ChunkKey
    ) throws(FormatError) -> Manifest {
        let description = directory.description
        let name = ObjectName(writer: description.writer, sequence: description.sequence, sha256: hex(sha256))
        guard key.hour == Hour(containing: description.sealed), key.name == name else {
            throw FormatError(.damaged, at: 0, "chunk is not what its name says: its name should be \(name)")
        }
        if case .sharded(let geometry) = key.form, geometry.length != UInt64(length) {
            throw FormatError(.damaged, at: 0, "chunk has \(length) bytes, which is not what its name says")
        }
        var manifest = Manifest(
            chunk: key, length: UInt64(length), sha256: sha256, description: description, blocks: directory.blocks)
        if description.redundancy.key(hour: key.hour, name: name, length: manifest.length) != key {
            // It was converted to another rule; of that the form of its key is all that is known.
            manifest.revision = 1
            manifest.description.redundancy = Redundancy(formOf: key)
        }
        return manifest
    }
}
