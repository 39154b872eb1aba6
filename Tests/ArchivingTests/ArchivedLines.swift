import ArchiveTypes
import ChunkFormat
import Foundation
import ObjectStore
import Testing

/// Reads an archive's chunks without any of the reading code: the oracle of what was archived.
struct ArchivedLines {
    /// Blocks of each source, generation and first position.
    var blocks: [StreamID: [(Generation, UInt64, [UInt8])]] = [:]
    var manifests: [Manifest] = []
    /// Headers of gaps and heartbeats.
    var bare: [BlockHeader] = []
    /// Headers of blocks of lines.
    var headers: [BlockHeader] = []

    init(_ store: any ObjectStore) async throws {
        var keys: [String] = []
        try await store.listAll(prefix: KeyLayout.manifests) { page throws(StoreError) in
            keys += page.entries.map(\.key)
            return true
        }
        for text in keys {
            let key = try #require(ManifestKey(text))
            let manifest = try Manifest.decode(try await store.get(text, .whole).bytes, key: key)
            try await take(manifest, store)
        }
    }

    private mutating func take(_ manifest: Manifest, _ store: any ObjectStore) async throws {
        let chunk = try await store.get(manifest.chunk.description, .whole).bytes
        let found = try chunk.withUnsafeBytes { try Manifest.describing(chunk: $0, key: manifest.chunk, deep: true) }
        #expect(found == manifest)
        manifests.append(manifest)
        let decoder = BlockDecoder()
        for entry in manifest.blocks {
            var lines: [UInt8] = []
            let header = try Array(chunk[Int(entry.offset)..<Int(entry.offset + entry.length)]).withUnsafeBytes {
                try decoder.decode($0, entry: entry, lines: &lines)
            }
            guard entry.kind == .lines else {
                bare.append(header)
                continue
            }
            headers.append(header)
            blocks[entry.stream, default: []].append((entry.generation, entry.positions.first, lines))
        }
    }

    /// Whether the line before a block is whole: that is so at the beginning of its generation.
    func endsLine(before header: BlockHeader) -> Bool {
        for (generation, first, lines) in blocks[header.stream] ?? [] where generation == header.generation {
            let offset = Int(header.positions.first) - Int(first)
            if offset > 0, offset <= lines.count { return lines[offset - 1] == UInt8(ascii: "\n") }
        }
        return true
    }

    /// The bytes of a stream, generation after generation, each position once; fails on holes.
    func bytes(_ stream: StreamID) -> [UInt8] {
        var (all, generation, end) = ([UInt8](), Generation?.none, UInt64(0))
        for (next, first, lines) in (blocks[stream] ?? []).sorted(by: { ($0.0, $0.1) < ($1.0, $1.1) }) {
            if next != generation { (generation, end) = (next, 0) }
            #expect(first <= end, "hole of \(stream) in \(next) before \(first)")
            let known = Int(end) - Int(first)
            guard known < lines.count else { continue }
            all += lines[max(0, known)...]
            end = first + UInt64(lines.count)
        }
        return all
    }
}
