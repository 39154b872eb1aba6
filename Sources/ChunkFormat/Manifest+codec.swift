package import ArchiveTypes
import Checksums
import FoundationEssentials

/// A manifest's object: one zstd frame with content size and checksum, of one line of JSON with sorted keys and a
/// newline. Times are RFC 3339 in UTC with nanoseconds; digests and checksums are lower-case hexadecimal (checksums as
/// the 16 digits of the number); positions, lengths and counts are integers.
extension Manifest {
    package static let version = 1
    private static let compression = CompressionSettings(level: 9)

    package func encoded() throws(FormatError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var json: [UInt8]
        do { json = [UInt8](try encoder.encode(ManifestDocument(self))) } catch {
            throw FormatError(.damaged, at: 0, "manifest of \(chunk) has no JSON form: \(error)")
        }
        json.append(UInt8(ascii: "\n"))
        var object: [UInt8] = []
        let compressor = try ZstdCompressor(Self.compression)
        try json.withRawBytes { bytes throws(FormatError) in
            _ = try compressor.compress(bytes, appendingTo: &object)
        }
        return object
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

private struct ManifestDocument: Codable {
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
    struct RedundancyDocument: Codable {
        var copies: UInt64?
        var data: UInt64?
        var parity: UInt64?
        var acknowledge: UInt64
        var placement: [String]
    }

    struct StreamDocument: Codable {
        var host: String
        var source: String
        var generation: String
        var labels: [String: String]
    }

    struct BlockDocument: Codable {
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
    init(_ manifest: Manifest) {
        format = Manifest.version
        archive = manifest.description.archive
        chunk = manifest.chunk.description
        length = manifest.length
        sha256 = hex(manifest.sha256)
        writer = manifest.description.writer.description
        sequence = manifest.description.sequence
        sealed = CivilTime.rfc3339(manifest.description.sealed)
        previous = manifest.description.previous.map { hex($0) }
        revision = manifest.revision == 0 ? nil : manifest.revision
        redundancy = RedundancyDocument(manifest.description.redundancy)
        var interner = Interner<StreamIdentity>()
        let identities = manifest.blocks.map(StreamIdentity.init)
        for identity in identities { interner.add(identity) }
        streams = interner.values.map(StreamDocument.init)
        blocks = zip(manifest.blocks, identities).map { BlockDocument($0, stream: Int(interner.index(of: $1))) }
    }

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
    init(_ redundancy: Redundancy) {
        switch redundancy.rule {
        case .copies(let number): copies = UInt64(number)
        case .erasure(let data, let parity): (self.data, self.parity) = (UInt64(data), UInt64(parity))
        }
        acknowledge = UInt64(redundancy.acknowledge)
        placement = redundancy.placement
    }

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
private struct StreamIdentity: Hashable {
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
    fileprivate init(_ identity: StreamIdentity) {
        host = identity.stream.host
        source = identity.stream.source
        generation = identity.generation.description
        labels = Dictionary(uniqueKeysWithValues: identity.labels.pairs.map { ($0.key, $0.value) })
    }

    func identity() throws(FormatError) -> (StreamID, Generation, Labels) {
        guard let generation = Generation(generation), let labels = Labels(labels.map { ($0.key, $0.value) }),
            1...Limits.hostBytes ~= host.utf8.count, 1...Limits.sourceBytes ~= source.utf8.count
        else { throw FormatError(.damaged, at: 0, "manifest has a malformed stream") }
        return (StreamID(host: host, source: source), generation, labels)
    }
}

extension ManifestDocument.BlockDocument {
    init(_ block: BlockEntry, stream: Int) {
        self.stream = stream
        kind = block.kind.name
        first = block.positions.first
        end = block.positions.end
        offset = block.offset
        header = block.headerLength
        length = block.length
        lines = block.lineCount
        raw = block.rawLength
        rawXXH64 = hex(checksum: block.rawChecksum)
        xxh64 = hex(checksum: block.checksum)
        least = CivilTime.rfc3339(block.leastTime)
        greatest = CivilTime.rfc3339(block.greatestTime)
        received = CivilTime.rfc3339(block.received)
    }

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

private func hex(checksum: UInt64) -> String {
    let digits = String(checksum, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
}

private func unhex(checksum text: String) -> UInt64? {
    text.utf8.count == 16 && text.first != "+" && text.first != "-" ? UInt64(text, radix: 16) : nil
}

private func parseTime(_ text: String) -> Nanoseconds? { CivilTime(rfc3339Nanoseconds: text)?.nanoseconds }
