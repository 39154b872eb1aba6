import ArchiveTypes
import Checksums
import Foundation
import Testing

@testable import ChunkFormat

/// Files of version 1, never to be changed: what was archived once stays readable.
@Suite struct GoldenTests {
    @Test func theGoldenChunkReadsAsItAlwaysDid() throws {
        let chunk = try [UInt8](golden("chunk.zst"))
        let expected = try ChunkFixture(seed: 2026, blocks: 9)
        let manifest = try describe(chunk)
        #expect(manifest.blocks.map(\.positions) == expected.manifest.blocks.map(\.positions))
        let decoder = BlockDecoder()
        var lines: [UInt8] = []
        var all: [[UInt8]] = []
        for entry in manifest.blocks where entry.kind == .lines {
            _ = try Array(chunk[Int(entry.offset)..<Int(entry.offset + entry.length)]).withUnsafeBytes {
                try decoder.decode($0, entry: entry, lines: &lines)
            }
            all.append(lines)
        }
        #expect(all == expected.lines)
    }

    @Test func theGoldenManifestReadsAsItAlwaysDid() throws {
        let object = try [UInt8](golden("manifest.json.zst"))
        let expected = try describe([UInt8](golden("chunk.zst")))
        #expect(try Manifest.decode(object, key: expected.key(hour: Hour(number: 0), object: object)) == expected)
    }

    /// The golden one was written by Foundation's encoder, with sorted keys.
    @Test func theWriterStillWritesTheGoldenManifestsJSON() throws {
        let object = try [UInt8](golden("manifest.json.zst"))
        var written: [UInt8] = []
        let length = try #require(object.withUnsafeBytes { ZstdDecompressor.announcedContentSize($0) })
        try object.withUnsafeBytes {
            try ZstdDecompressor().decompress($0, rawLength: Int(length), into: &written)
        }
        var json: [UInt8] = []
        let text = ManifestText(try describe([UInt8](golden("chunk.zst"))))
        text.write(in: 100) { json.append(contentsOf: $0) }
        #expect(json.count == text.count)
        #expect(String(decoding: json, as: UTF8.self) == String(decoding: written, as: UTF8.self))
    }

    @Test func stringsAreEscapedAsFoundationDoes() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        let texts = (0..<0x250).map { "a/\(Unicode.Scalar(UInt32($0)).map(String.init) ?? "")b" }
        for text in texts + ["", "日本\u{1F600}\u{2028}"] {
            var json = JSONBytes()
            json.append(string: text)
            #expect(try Data(json.bytes) == encoder.encode(text), "\(text.debugDescription)")
        }
    }

    private func describe(_ chunk: [UInt8]) throws -> Manifest {
        let name = ObjectName(
            writer: try #require(WriterID("web-1-0badcafe")), sequence: 42, sha256: hex(sha256(chunk)))
        let key = ChunkKey(hour: Hour(containing: 1_700_000_000 * .perSecond), name: name)
        return try chunk.withUnsafeBytes { try Manifest.describing(chunk: $0, key: key, deep: true) }
    }

    /// Directory and headers are this project's own bytes; the zstd frames depend on the library's version.
    @Test func theWriterStillWritesTheGoldenHeaders() throws {
        let chunk = try [UInt8](golden("chunk.zst"))
        let fixture = try ChunkFixture(seed: 2026, blocks: 9)
        for entry in fixture.manifest.blocks where entry.kind != .lines {
            let range = Int(entry.offset)..<Int(entry.offset + entry.length)
            let start = try #require(range.upperBound <= chunk.count ? range : nil)
            #expect(chunk[start].elementsEqual(fixture.bytes[range]))
        }
    }

    private func golden(_ name: String) throws -> Data {
        try Data(contentsOf: try #require(Bundle.module.url(forResource: "Golden/\(name)", withExtension: nil)))
    }

    /// Only ever for a new version's files, into the folder that the variable names.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["FIRN_WRITE_GOLDEN"] != nil))
    func newGoldenFilesAreWritten() throws {
        let folder = try #require(ProcessInfo.processInfo.environment["FIRN_WRITE_GOLDEN"])
        let fixture = try ChunkFixture(seed: 2026, blocks: 9)
        try Data(fixture.bytes).write(to: URL(fileURLWithPath: folder + "/chunk.zst"))
        try Data(fixture.manifest.encoded()).write(to: URL(fileURLWithPath: folder + "/manifest.json.zst"))
    }
}
