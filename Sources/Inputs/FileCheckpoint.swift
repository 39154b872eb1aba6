package import ArchiveTypes

/// How far a file was read: what has to outlive a restart so that reading goes on there.
package struct FileCheckpoint: Sendable, Hashable {
    /// The stream's source: the path at which the file was first seen.
    package var source: String
    package var generation: Generation
    package var identity: FileIdentity
    /// The first byte that was not read. In a compressed file: of what it holds, decompressed.
    package var position: UInt64
    /// What stood before the position, or before another one: where it has changed, the file was truncated and written
    /// anew. Nil: not known.
    package var tail: ContentMark?
    /// What the generation begins with.
    package var head: ContentMark?
    /// Where the file was last seen, links resolved; nil where that is `source`.
    package var path: RawPath?
    package var isCompressed = false
    /// The file's size at which everything in it had been read; nil where the position says so.
    package var exhaustedAt: UInt64?

    private static let machineBytes = 512

    package init(
        source: String, generation: Generation, identity: FileIdentity, position: UInt64, tail: ContentMark? = nil,
        head: ContentMark? = nil
    ) {
        self.source = source
        self.generation = generation
        self.identity = identity
        self.position = position
        self.tail = tail
        self.head = head
    }

    /// Where the file was last seen.
    var lastPath: RawPath { path ?? RawPath(source: source) }

    /// What tells the generation's content, wherever it lies.
    var marks: [ContentMark] { [head, tail].compactMap { $0 } }

    /// As far as `end`, the first byte that is not durable. The marks stay: they are true of the file all the same.
    package func at(_ end: UInt64) -> FileCheckpoint {
        guard end != position else { return self }
        var moved = self
        moved.position = end
        moved.exhaustedAt = nil
        return moved
    }
}

extension FileCheckpoint {
    /// Which of the optional fields follow.
    private struct Fields: OptionSet {
        var rawValue: UInt8
        static let tail = Fields(rawValue: 1)
        static let head = Fields(rawValue: 2)
        static let path = Fields(rawValue: 4)
        static let exhaustedAt = Fields(rawValue: 8)
        static let compressed = Fields(rawValue: 16)
        static let birth = Fields(rawValue: 32)
        static let known = Fields(rawValue: 63)
    }

    /// Source, generation, machine and file system as length-prefixed text, inode and position as varints, one byte
    /// of `Fields`, then those fields in their order: marks, length-prefixed path, varint, nothing, signed varint.
    package func encode(into bytes: inout [UInt8]) {
        for text in [source, generation.description, identity.machine.description, identity.fileSystem.description] {
            bytes.append(lengthPrefixed: text.utf8)
        }
        bytes.append(varint: identity.inode)
        bytes.append(varint: position)
        var fields: Fields = isCompressed ? .compressed : []
        if tail != nil { fields.insert(.tail) }
        if head != nil { fields.insert(.head) }
        if path != nil { fields.insert(.path) }
        if exhaustedAt != nil { fields.insert(.exhaustedAt) }
        if identity.birth != nil { fields.insert(.birth) }
        bytes.append(fields.rawValue)
        tail?.encode(into: &bytes)
        head?.encode(into: &bytes)
        if let path { bytes.append(lengthPrefixed: path.description.utf8) }
        if let exhaustedAt { bytes.append(varint: exhaustedAt) }
        if let birth = identity.birth { bytes.append(signedVarint: birth) }
    }

    /// `encode` appends no more than that.
    package var mostEncodedBytes: Int {
        let texts = [
            source.utf8.count, generation.description.utf8.count, identity.machine.description.utf8.count,
            identity.fileSystem.description.utf8.count, path?.description.utf8.count ?? 0,
        ]
        return texts.reduce(5 * 5 + 4 * 10 + 1) { $0 + $1 } + 2 * ContentMark.mostEncodedBytes
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
        let fieldsAt = reader.offset
        let fields = Fields(rawValue: try reader.read(UInt8.self))
        guard fields.isSubset(of: .known) else { throw MalformedBytes("unknown fields; update firn", at: fieldsAt) }
        tail = fields.contains(.tail) ? try ContentMark(from: &reader) : nil
        head = fields.contains(.head) ? try ContentMark(from: &reader) : nil
        path = fields.contains(.path) ? RawPath(source: try reader.readText(atMost: Limits.sourceBytes * 3)) : nil
        exhaustedAt = fields.contains(.exhaustedAt) ? try reader.readVarint() : nil
        isCompressed = fields.contains(.compressed)
        let birth = fields.contains(.birth) ? try reader.readSignedVarint() : nil
        identity = FileIdentity(machine: machine, fileSystem: fileSystem, inode: inode, birth: birth)
    }
}
