package import ArchiveTypes
import Checksums

/// How far a file was read: what has to outlive a restart so that reading goes on there.
package struct FileCheckpoint: Sendable, Hashable {
    /// The stream's source: the path at which the file was first seen.
    package var source: String
    package var generation: Generation
    package var identity: FileIdentity
    /// The first byte that was not read.
    package var position: UInt64
    /// XXH64 of the last `tailBytes` bytes before the position (fewer near the beginning): where they have changed,
    /// the file was truncated and written anew. Nil: not known.
    package var tail: UInt64?

    package static let tailBytes = 64
    private static let machineBytes = 512

    package init(source: String, generation: Generation, identity: FileIdentity, position: UInt64, tail: UInt64? = nil)
    {
        self.source = source
        self.generation = generation
        self.identity = identity
        self.position = position
        self.tail = tail
    }

    static func tailHash(_ bytes: [UInt8]) -> UInt64 { xxh64(bytes) }
}

extension FileCheckpoint {
    /// Source, generation, machine and file system as length-prefixed text, inode and position as varints, then birth
    /// (signed varint) and tail (8 bytes), each after a byte that says whether it is there.
    package func encode(into bytes: inout [UInt8]) {
        for text in [source, generation.description, identity.machine.description, identity.fileSystem.description] {
            bytes.append(lengthPrefixed: text.utf8)
        }
        bytes.append(varint: identity.inode)
        bytes.append(varint: position)
        bytes.append(identity.birth == nil ? 0 : 1)
        if let birth = identity.birth { bytes.append(signedVarint: birth) }
        bytes.append(tail == nil ? 0 : 1)
        if let tail { bytes.append(littleEndian: tail) }
    }

    package init(from reader: inout ByteReader) throws(MalformedBytes) {
        source = try reader.readText(atMost: Limits.sourceBytes)
        let at = reader.offset
        guard let generation = Generation(try reader.readText(atMost: Limits.generationBytes)) else {
            throw MalformedBytes("a generation's name is malformed", at: at)
        }
        self.generation = generation
        let machine = MachineID(try reader.readText(atMost: Self.machineBytes))
        let fileSystem = FileSystemID(try reader.readText(atMost: Limits.sourceBytes))
        let inode = try reader.readVarint()
        position = try reader.readVarint()
        let birth = try reader.read(UInt8.self) == 0 ? nil : try reader.readSignedVarint()
        tail = try reader.read(UInt8.self) == 0 ? nil : try reader.read(UInt64.self)
        identity = FileIdentity(machine: machine, fileSystem: fileSystem, inode: inode, birth: birth)
    }
}
