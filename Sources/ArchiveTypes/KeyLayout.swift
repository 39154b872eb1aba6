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

/// `chunks/YYYY-MM-DD/HH/WRITER-SEQUENCE-DIGEST.zst`; the hour is that of sealing.
package struct ChunkKey: Sendable, Hashable, Comparable, CustomStringConvertible {
    package var hour: Hour
    package var name: ObjectName

    package init(hour: Hour, name: ObjectName) {
        self.hour = hour
        self.name = name
    }

    package init?(_ key: some StringProtocol) {
        guard let (hour, name) = parseDated(key, folder: KeyLayout.chunks, ending: ".zst") else { return nil }
        self.init(hour: hour, name: name)
    }

    package var description: String { "\(KeyLayout.chunks)\(hour)/\(name).zst" }

    package static func < (left: ChunkKey, right: ChunkKey) -> Bool {
        left.hour == right.hour ? left.name < right.name : left.hour < right.hour
    }
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
        guard let (hour, name) = parseDated(key, folder: KeyLayout.manifests, ending: ".json.zst") else { return nil }
        self.init(hour: hour, name: name)
    }

    package var description: String { "\(KeyLayout.manifests)\(hour)/\(name).json.zst" }

    package static func < (left: ManifestKey, right: ManifestKey) -> Bool {
        left.hour == right.hour ? left.name < right.name : left.hour < right.hour
    }
}

private func parseDated(_ key: some StringProtocol, folder: String, ending: String) -> (Hour, ObjectName)? {
    guard key.utf8.count <= Limits.keyBytes, key.hasPrefix(folder), key.hasSuffix(ending) else { return nil }
    let middle = key.dropFirst(folder.count).dropLast(ending.count)
    let parts = middle.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 3, let hour = Hour("\(parts[0])/\(parts[1])"), let name = ObjectName(parts[2]) else {
        return nil
    }
    return (hour, name)
}
