package import ArchiveTypes
import Checksums
import FoundationEssentials

/// A manifest's object: one zstd frame with content size and checksum, of one line of JSON with sorted keys and a
/// newline. Times are RFC 3339 in UTC with nanoseconds; digests and checksums are lower-case hexadecimal (checksums as
/// the 16 digits of the number); positions, lengths and counts are integers.
extension Manifest {
    package static let version = 1

    package func encoded() throws(FormatError) -> [UInt8] {
        let text = ManifestText(self)
        let compressor = try ZstdCompressor(Self.compression(of: text.count))
        return try compressor.compressStream(length: text.count) { take throws(FormatError) in
            try text.write(in: 128 << 10, take)
        }
    }

    /// A long one is compressed with tables of 1 MiB, where the level's own are of 24.
    private static func compression(of length: Int) -> CompressionSettings {
        var settings = CompressionSettings(level: 9)
        guard length > 256 << 10 else { return settings }
        settings.windowLog = 20
        settings.hashLog = 17
        settings.chainLog = 17
        return settings
    }

    /// The key of this manifest under an hour of the store's clock. `object` is `encoded()`.
    package func key(hour: Hour, object: [UInt8]) -> ManifestKey {
        let name = ObjectName(
            writer: description.writer, sequence: description.sequence, sha256: hex(Checksums.sha256(object)))
        return ManifestKey(hour: hour, name: name)
    }

    /// Checks the object's bytes against the digest in `key`, then everything inside.
    package static func decode(_ object: [UInt8], key: ManifestKey) throws(FormatError) -> Manifest {
        do throws(FormatError) {
            guard hex(Checksums.sha256(object)).hasPrefix(key.name.digest) else {
                throw FormatError(.damaged, at: 0, "digest of the manifest does not match its name")
            }
            let manifest = try decode(object)
            guard manifest.description.writer == key.name.writer, manifest.description.sequence == key.name.sequence
            else { throw FormatError(.damaged, at: 0, "manifest is of another chunk than its name says") }
            return manifest
        } catch {
            throw error.within(key.description)
        }
    }

    private static func decode(_ object: [UInt8]) throws(FormatError) -> Manifest {
        let announced = object.withUnsafeBytes { ZstdDecompressor.announcedContentSize($0) }
        guard let announced, announced <= UInt64(Limits.manifestBytes) else {
            throw FormatError(.damaged, at: 0, "manifest is no zstd frame of a bounded size")
        }
        let json = try decompressed(object, rawLength: Int(announced), limit: Limits.manifestBytes)
        let document: ManifestDocument
        do { document = try JSONDecoder().decode(ManifestDocument.self, from: Data(json)) } catch {
            throw FormatError(.damaged, at: 0, "manifest is no JSON of the known shape: \(error)")
        }
        return try document.manifest()
    }
}

private struct ManifestDocument: Decodable {
    var format: Int
    var archive: String
    var chunk: String
    var length: UInt64
    var sha256: String
    var writer: String
    var sequence: UInt64
    var sealed: String
    var previous: String?
    /// Absent for 0.
    var revision: Int?
    var redundancy: RedundancyDocument
    var streams: [StreamDocument]
    var blocks: [BlockDocument]

    /// Either `copies`, or `data` and `parity`.
    struct RedundancyDocument: Decodable {
        var copies: UInt64?
        var data: UInt64?
        var parity: UInt64?
        var acknowledge: UInt64
        var placement: [String]
    }

    struct StreamDocument: Decodable {
        var host: String
        var source: String
        var generation: String
        var labels: [String: String]
    }

    struct BlockDocument: Decodable {
        /// Index in `streams`.
        var stream: Int
        var kind: String
        var first: UInt64
        var end: UInt64
        var offset: UInt64
        var header: UInt64
        var length: UInt64
        var lines: UInt32
        var raw: UInt64
        var rawXXH64: String
        var xxh64: String
        var least: String
        var greatest: String
        var received: String

        enum CodingKeys: String, CodingKey {
            case stream, kind, first, end, offset, header, length, lines, raw, xxh64, least, greatest, received
            case rawXXH64 = "raw_xxh64"
        }
    }
}

extension ManifestDocument {
    func manifest() throws(FormatError) -> Manifest {
        guard format == Manifest.version else {
            throw FormatError(.unsupported, at: 0, "manifest of format \(format), this reader knows 1; update firn")
        }
        guard let chunk = ChunkKey(chunk), let writer = WriterID(writer), let sha256 = unhex(sha256),
            sha256.count == 32,
            let sealed = parseTime(sealed), sequence <= ObjectName.greatestSequence
        else { throw FormatError(.damaged, at: 0, "manifest has a malformed key, writer, digest or time") }
        var previousDigest: [UInt8]?
        if let previous {
            guard let digest = unhex(previous), digest.count == 32 else {
                throw FormatError(.damaged, at: 0, "manifest has a malformed previous digest")
            }
            previousDigest = digest
        }
        let expected = ObjectName(writer: writer, sequence: sequence, sha256: hex(sha256))
        let rule = try redundancy.redundancy()
        guard rule.key(hour: Hour(containing: sealed), name: expected, length: length) == chunk,
            0...Self.greatestRevision ~= revision ?? 0
        else { throw FormatError(.damaged, at: 0, "manifest's chunk key does not follow from its fields") }
        let description = ChunkDescription(
            archive: archive, writer: writer, sequence: sequence, sealed: sealed, previous: previousDigest,
            redundancy: rule)
        var manifest = Manifest(
            chunk: chunk, length: length, sha256: sha256, description: description, blocks: try entries())
        manifest.revision = revision ?? 0
        return manifest
    }

    private static let greatestRevision = 1_000_000

    private func entries() throws(FormatError) -> [BlockEntry] {
        var identities: [(StreamID, Generation, Labels)] = []
        for stream in streams { identities.append(try stream.identity()) }
        var entries: [BlockEntry] = []
        var end: UInt64 = 0
        for block in blocks {
            guard identities.indices.contains(block.stream), block.offset == end else {
                throw FormatError(.damaged, at: 0, "manifest's blocks do not abut")
            }
            let entry = try block.entry(identities[block.stream])
            end = entry.offset + entry.length
            guard end <= length else { throw FormatError(.damaged, at: 0, "manifest's blocks exceed the chunk") }
            entries.append(entry)
        }
        return entries
    }
}

extension ManifestDocument.RedundancyDocument {
    func redundancy() throws(FormatError) -> Redundancy {
        let rule: Redundancy.Rule?
        switch (copies, data, parity) {
        case (let copies?, nil, nil): rule = Redundancy.Rule(copies: copies)
        case (nil, let data?, let parity?): rule = Redundancy.Rule(data: data, parity: parity)
        default: rule = nil
        }
        guard let rule, acknowledge <= UInt64(rule.parts), placement.count <= 1024,
            placement.allSatisfy({ $0.utf8.count <= Limits.keySegmentBytes })
        else { throw FormatError(.damaged, at: 0, "manifest has a malformed rule of redundancy") }
        return Redundancy(rule, acknowledge: Int(acknowledge), placement: placement)
    }
}

/// What many blocks share and the document holds once.
struct StreamIdentity: Hashable {
    var stream: StreamID
    var generation: Generation
    var labels: Labels

    init(_ block: BlockEntry) {
        stream = block.stream
        generation = block.generation
        labels = block.labels
    }
}

extension ManifestDocument.StreamDocument {
    func identity() throws(FormatError) -> (StreamID, Generation, Labels) {
        guard let generation = Generation(generation), let labels = Labels(labels.map { ($0.key, $0.value) }),
            1...Limits.hostBytes ~= host.utf8.count, 1...Limits.sourceBytes ~= source.utf8.count
        else { throw FormatError(.damaged, at: 0, "manifest has a malformed stream") }
        return (StreamID(host: host, source: source), generation, labels)
    }
}

extension ManifestDocument.BlockDocument {
    func entry(_ identity: (StreamID, Generation, Labels)) throws(FormatError) -> BlockEntry {
        guard let kind = BlockKind(name: kind), first <= end, header > 0, header <= length,
            length <= UInt64(Limits.blockHeaderBytes + Limits.blockStoredBytes), raw <= UInt64(Limits.blockRawBytes),
            let rawChecksum = unhex(checksum: rawXXH64), let checksum = unhex(checksum: xxh64),
            let least = parseTime(least), let greatest = parseTime(greatest), let received = parseTime(received),
            least <= greatest
        else { throw FormatError(.damaged, at: offset, "manifest has a malformed block") }
        return BlockEntry(
            kind: kind, stream: identity.0, labels: identity.2, generation: identity.1,
            positions: PositionRange(first: first, end: end), offset: offset, headerLength: header, length: length,
            lineCount: lines, rawLength: raw, rawChecksum: rawChecksum, checksum: checksum, leastTime: least,
            greatestTime: greatest, received: received)
    }
}

extension BlockKind {
    package var name: String {
        switch self {
        case .lines: "lines"
        case .gap: "gap"
        case .heartbeat: "heartbeat"
        }
    }

    package init?(name: String) {
        guard let kind = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = kind
    }
}

func hex(checksum: UInt64) -> String {
    let digits = String(checksum, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
}

private func unhex(checksum text: String) -> UInt64? {
    text.utf8.count == 16 && text.first != "+" && text.first != "-" ? UInt64(text, radix: 16) : nil
}

private func parseTime(_ text: String) -> Nanoseconds? { CivilTime(rfc3339Nanoseconds: text)?.nanoseconds }
