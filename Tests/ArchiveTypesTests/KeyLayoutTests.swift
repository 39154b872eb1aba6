import ArchiveTypes
import TestSupport
import Testing

@Suite struct KeyLayoutTests {
    private static let digest = "0123456789abcdef0123456789abcdef"
    private static let chunk = "chunks/2026-11-22/18/web-1-0badcafe-0000000042-\(digest).zst"
    private static let manifest = "manifests/2026-11-22/19/web-1-0badcafe-0000000042-\(digest).json.zst"

    @Test func keysAreTheirTexts() throws {
        let chunk = try #require(ChunkKey(Self.chunk))
        #expect(chunk.description == Self.chunk)
        #expect(chunk.name.writer == WriterID("web-1-0badcafe"))
        #expect(chunk.name.sequence == 42 && chunk.name.digest == Self.digest && chunk.hour == Hour("2026-11-22/18"))
        let manifest = try #require(ManifestKey(Self.manifest))
        #expect(manifest.description == Self.manifest && manifest.name == chunk.name)
    }

    @Test func shardsAreNamedAfterTheirChunk() throws {
        let text = Self.chunk.replacing(".zst", with: ".ec4-2-1000003")
        let chunk = try #require(ChunkKey(text))
        #expect(chunk.description == text && chunk.name == ChunkKey(Self.chunk)?.name)
        guard case .sharded(let geometry) = chunk.form else {
            Issue.record("no shards")
            return
        }
        #expect((geometry.data, geometry.parity, geometry.length) == (4, 2, 1_000_003))
        #expect((0..<6).map { geometry.length(ofShard: $0) } == [250_001, 250_001, 250_001, 250_000, 250_001, 250_001])
        let shard = try #require(ShardKey("\(text).5"))
        #expect(shard.chunk == chunk && shard.index == 5 && shard.description == "\(text).5")
        for wrong in ["\(text).6", "\(text).05", "\(text).", text, Self.chunk + ".0", "\(text).0.0"] {
            #expect(ShardKey(wrong) == nil, "\(wrong)")
        }
        for wrong in [
            "ec0-2-9", "ec4-0-9", "ec4-2-0", "ec04-2-9", "ec4-2", "ec60-5-9", "ec4-2-9-9", "ec4-2-99999999999",
        ] {
            #expect(ChunkKey(Self.chunk.replacing(".zst", with: "." + wrong)) == nil, "\(wrong)")
        }
        let tiny = try #require(ShardGeometry(data: 4, parity: 2, length: 5))
        #expect((0..<6).map { tiny.length(ofShard: $0) } == [2, 2, 1, 0, 2, 2])
    }

    /// One character more, less or other: no key, or the key of that very text.
    @Test func whatIsAlmostAKeyIsNone() {
        let seed: UInt64 = 0x4E71
        var random = SeededGenerator(seed: seed)
        let characters = Array("0aA-/._~ \u{00e9}\0")
        for _ in 0..<5000 {
            for text in [Self.chunk, Self.manifest] {
                var other = Array(text)
                let place = Int.random(in: 0..<other.count, using: &random)
                let character = characters[Int.random(in: 0..<characters.count, using: &random)]
                switch Int.random(in: 0..<3, using: &random) {
                case 0: other[place] = character
                case 1: other.insert(character, at: place)
                default: other.remove(at: place)
                }
                let changed = String(other)
                #expect(ChunkKey(changed).map(\.description) ?? changed == changed, "seed \(seed)")
                #expect(ManifestKey(changed).map(\.description) ?? changed == changed, "seed \(seed)")
            }
        }
        for text in ["", "chunks/", Self.chunk + "/", Self.chunk.uppercased(), "../" + Self.chunk] {
            #expect(ChunkKey(text) == nil && ManifestKey(text) == nil)
        }
    }

    @Test func writersAreLegibleWhateverTheHost() {
        let expected = [
            "web-1": "web-1-0000002a", "WEB_1.example.org": "web-1-example-org-0000002a", "": "host-0000002a",
            "é": "---0000002a", String(repeating: "a", count: 80): String(repeating: "a", count: 39) + "-0000002a",
        ]
        for (host, writer) in expected { #expect(WriterID(host: host, random: 42).description == writer) }
        for text in ["", "A", "a b", "a/b", String(repeating: "a", count: 49)] { #expect(WriterID(text) == nil) }
    }

    @Test func generationsSortByBirth() {
        var random = SeededGenerator(seed: 5)
        let births = (0..<200).map { _ in Int64.random(in: 0...Int64.max, using: &random) }.sorted()
        let generations = births.map { Generation(born: $0, hash: random.next()) }
        #expect(
            generations.sorted() == generations
                && generations.map(\.description).sorted() == generations.map(\.description))
        #expect(generations.allSatisfy { Generation($0.description) == $0 })
    }
}
