/// The identity of a spool: `[a-z0-9-]`, 1 to `Limits.writerBytes` characters, legible.
package struct WriterID: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let description: String

    package init?(_ text: some StringProtocol) {
        guard 1...Limits.writerBytes ~= text.utf8.count, text.utf8.allSatisfy({ $0.isKeyCharacter }) else { return nil }
        description = String(text)
    }

    /// The host's name, made plain and cut to fit, and 8 hexadecimal digits of `random`.
    package init(host: String, random: UInt32) {
        let plain = host.utf8.prefix(Limits.writerBytes - 9).map { byte -> UInt8 in
            let lower = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte + 32 : byte
            return lower.isKeyCharacter ? lower : UInt8(ascii: "-")
        }
        let digits = String(random, radix: 16)
        let suffix = String(repeating: "0", count: 8 - digits.utf8.count) + digits
        description = String(decoding: plain.isEmpty ? Array("host".utf8) : plain, as: UTF8.self) + "-" + suffix
    }

    package static func < (left: WriterID, right: WriterID) -> Bool { left.description.isBefore(right.description) }
}

/// Keys of an archive's objects. No key is a prefix (by `/`) of another; segments are short, plain ASCII.
package enum KeyLayout {
    package static let archiveDescription = "firn.json"
    package static let chunks = "chunks/"
    package static let manifests = "manifests/"
    package static let index = "index/"
    package static let timeIndex = "index/time/"
    package static let hostIndex = "index/host/"
}

/// What the names of a chunk and of its manifests share: `WRITER-SEQUENCE-DIGEST`.
///
/// The sequence is 10 decimal digits. The digest is the first 32 hexadecimal digits of the SHA-256 of the object's own
/// bytes, so that a repeated upload is harmless and two different objects never share a name.
package struct ObjectName: Sendable, Hashable, Comparable, CustomStringConvertible {
    package var writer: WriterID
    package var sequence: UInt64
    package var digest: String

    package static let digestCharacters = 32
    package static let greatestSequence: UInt64 = 9_999_999_999

    /// `sha256` is 64 hexadecimal digits; the first 32 are kept. `sequence` is at most `greatestSequence`.
    package init(writer: WriterID, sequence: UInt64, sha256: String) {
        precondition(sequence <= Self.greatestSequence, "a spool has run out of sequence numbers")
        self.writer = writer
        self.sequence = sequence
        digest = String(sha256.prefix(Self.digestCharacters))
    }

    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count >= 3, let digest = parts.last, digest.utf8.count == Self.digestCharacters,
            digest.utf8.allSatisfy({ $0.isKeyCharacter && $0 != UInt8(ascii: "-") }),
            parts[parts.count - 2].utf8.count == 10,
            parts[parts.count - 2].utf8.allSatisfy({ 0x30...0x39 ~= $0 }),
            let sequence = UInt64(parts[parts.count - 2]),
            let writer = WriterID(parts.dropLast(2).joined(separator: "-"))
        else { return nil }
        self.writer = writer
        self.sequence = sequence
        self.digest = String(digest)
    }

    package var description: String {
        let digits = String(sequence)
        return "\(writer)-" + String(repeating: "0", count: 10 - digits.utf8.count) + digits + "-" + digest
    }

    package static func < (left: ObjectName, right: ObjectName) -> Bool {
        if left.writer != right.writer { return left.writer < right.writer }
        if left.sequence != right.sequence { return left.sequence < right.sequence }
        return left.digest.isBefore(right.digest)
    }
}

/// The name of a chunk, which says in which form stores hold it; the hour is that of sealing.
///
///     chunks/YYYY-MM-DD/HH/WRITER-SEQUENCE-DIGEST.zst                   an object: the chunk itself
///     chunks/YYYY-MM-DD/HH/WRITER-SEQUENCE-DIGEST.ecDATA-PARITY-LENGTH  shards, which are objects: see `ShardKey`
package struct ChunkKey: Sendable, Hashable, Comparable, CustomStringConvertible {
    package var hour: Hour
    package var name: ObjectName
    package var form: ChunkForm

    package init(hour: Hour, name: ObjectName, form: ChunkForm = .whole) {
        self.hour = hour
        self.name = name
        self.form = form
    }

    package init?(_ key: some StringProtocol) {
        guard let (hour, name, ending) = parseDated(key, folder: KeyLayout.chunks),
            let form = ChunkForm(ending: ending)
        else { return nil }
        self.init(hour: hour, name: name, form: form)
    }

    package var description: String { "\(KeyLayout.chunks)\(hour)/\(name).\(form.ending)" }

    package static func < (left: ChunkKey, right: ChunkKey) -> Bool {
        if left.hour != right.hour { return left.hour < right.hour }
        return left.name == right.name ? left.form < right.form : left.name < right.name
    }
}

/// How stores hold a chunk.
package enum ChunkForm: Sendable, Hashable, Comparable {
    /// Each as one object.
    case whole
    /// Reed-Solomon, one shard a store.
    case sharded(ShardGeometry)

    fileprivate init?(ending: Substring) {
        if ending == "zst" {
            self = .whole
        } else if let geometry = ShardGeometry(ending: ending) {
            self = .sharded(geometry)
        } else {
            return nil
        }
    }

    fileprivate var ending: String {
        switch self {
        case .whole: "zst"
        case .sharded(let geometry): geometry.ending
        }
    }

    package static func < (left: ChunkForm, right: ChunkForm) -> Bool {
        switch (left, right) {
        case (_, .whole): false
        case (.whole, .sharded): true
        case (.sharded(let one), .sharded(let other)):
            (one.data, one.parity, one.length) < (other.data, other.parity, other.length)
        }
    }
}

/// How a chunk is cut into shards. Data shard `i` is the bytes from `i * shardLength` up to `(i + 1) * shardLength` or the
/// chunk's end: put after one another, the data shards are the chunk. A parity shard is `shardLength` bytes, of data
/// shards that count as filled up with zeros.
package struct ShardGeometry: Sendable, Hashable {
    /// 1 to `Limits.shards` together.
    package let data: Int
    package let parity: Int
    /// Bytes of the chunk, at least 1.
    package let length: UInt64

    package init?(data: Int, parity: Int, length: UInt64) {
        guard data >= 1, parity >= 1, data + parity <= Limits.shards, 1...UInt64(Limits.objectBytes) ~= length else {
            return nil
        }
        self.data = data
        self.parity = parity
        self.length = length
    }

    package var shards: Int { data + parity }

    /// Bytes of a full shard, without its trailer.
    package var shardLength: UInt64 { (length + UInt64(data) - 1) / UInt64(data) }

    /// Bytes of shard `index`, without its trailer.
    package func length(ofShard index: Int) -> UInt64 {
        guard index < data else { return shardLength }
        let start = min(UInt64(index) * shardLength, length)
        return min(shardLength, length - start)
    }

    fileprivate init?(ending: Substring) {
        let parts = ending.dropFirst(2).split(separator: "-", omittingEmptySubsequences: false)
        guard ending.hasPrefix("ec"), parts.count == 3, let data = plainNumber(parts[0]).flatMap({ Int(exactly: $0) }),
            let parity = plainNumber(parts[1]).flatMap({ Int(exactly: $0) }), let length = plainNumber(parts[2])
        else { return nil }
        self.init(data: data, parity: parity, length: length)
    }

    fileprivate var ending: String { "ec\(data)-\(parity)-\(length)" }
}

/// One shard of a chunk: the chunk's key, a point, and the shard's number from 0; parity comes after data.
package struct ShardKey: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let chunk: ChunkKey
    package let geometry: ShardGeometry
    package let index: Int

    /// Nil where `chunk` has no such shard.
    package init?(_ chunk: ChunkKey, index: Int) {
        guard case .sharded(let geometry) = chunk.form, 0..<geometry.shards ~= index else { return nil }
        self.chunk = chunk
        self.geometry = geometry
        self.index = index
    }

    package init?(_ key: some StringProtocol) {
        guard let point = key.lastIndex(of: "."), let number = plainNumber(key[key.index(after: point)...]),
            let index = Int(exactly: number), let chunk = ChunkKey(key[..<point])
        else { return nil }
        self.init(chunk, index: index)
    }

    package var description: String { "\(chunk).\(index)" }

    package static func < (left: ShardKey, right: ShardKey) -> Bool {
        left.chunk == right.chunk ? left.index < right.index : left.chunk < right.chunk
    }
}

/// A number in its only form: decimal digits without leading zeros.
private func plainNumber(_ text: some StringProtocol) -> UInt64? {
    guard text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), text == "0" || text.utf8.first != 0x30 else { return nil }
    return UInt64(text)
}

/// `manifests/YYYY-MM-DD/HH/WRITER-SEQUENCE-DIGEST.json.zst`; the hour is that of its PUT by the store's clock, writer
/// and sequence are the chunk's, the digest is of the manifest's own bytes.
package struct ManifestKey: Sendable, Hashable, Comparable, CustomStringConvertible {
    package var hour: Hour
    package var name: ObjectName

    package init(hour: Hour, name: ObjectName) {
        self.hour = hour
        self.name = name
    }

    package init?(_ key: some StringProtocol) {
        guard let (hour, name, ending) = parseDated(key, folder: KeyLayout.manifests), ending == "json.zst" else {
            return nil
        }
        self.init(hour: hour, name: name)
    }

    package var description: String { "\(KeyLayout.manifests)\(hour)/\(name).json.zst" }

    package static func < (left: ManifestKey, right: ManifestKey) -> Bool {
        left.hour == right.hour ? left.name < right.name : left.hour < right.hour
    }
}

/// Hour, name, and what comes after the first point behind it.
private func parseDated(_ key: some StringProtocol, folder: String) -> (Hour, ObjectName, Substring)? {
    guard key.utf8.count <= Limits.keyBytes, key.hasPrefix(folder) else { return nil }
    let parts = key.dropFirst(folder.count).split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 3, let point = parts[2].firstIndex(of: "."), let hour = Hour("\(parts[0])/\(parts[1])"),
        let name = ObjectName(parts[2][..<point])
    else { return nil }
    return (hour, name, Substring(parts[2][parts[2].index(after: point)...]))
}
