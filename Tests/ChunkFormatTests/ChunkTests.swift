import ArchiveTypes
import Checksums
import ChunkFormat
import TestSupport
import Testing

@Suite struct ChunkTests {
    @Test(arguments: 0..<20 as Range<UInt64>)
    func aChunkReadsBackAsItWasWritten(seed: UInt64) throws {
        let chunk = try ChunkFixture(seed: seed, blocks: Int(seed) % 12 + 1)
        let found = try chunk.bytes.withUnsafeBytes {
            try Manifest.describing(chunk: $0, key: chunk.manifest.chunk, deep: true)
        }
        #expect(found == chunk.manifest)
        let decoder = BlockDecoder()
        var lines: [UInt8] = []
        var expected = chunk.lines.makeIterator()
        for entry in chunk.manifest.blocks {
            let bytes = Array(chunk.bytes[Int(entry.offset)..<Int(entry.offset + entry.length)])
            let header = try bytes.withUnsafeBytes { try decoder.decode($0, entry: entry, lines: &lines) }
            #expect(header.kind == entry.kind)
            #expect(lines == (entry.kind == .lines ? expected.next() : []))
        }
    }

    @Test func aManifestReadsBackAsItWasWritten() throws {
        let manifest = try ChunkFixture(seed: 3, blocks: 30).manifest
        let object = try manifest.encoded()
        let key = manifest.key(hour: Hour(number: 480_000), object: object)
        #expect(try Manifest.decode(object, key: key) == manifest)
    }

    @Test func anyFlippedBitOfAChunkIsFound() throws {
        let chunk = try ChunkFixture(seed: 11, blocks: 8)
        for offset in chunk.bytes.indices {
            var bytes = chunk.bytes
            bytes[offset] ^= 1 << (offset % 8)
            #expect(throws: FormatError.self, "flipped bit in byte \(offset)") {
                try bytes.withUnsafeBytes { try Manifest.describing(chunk: $0, key: chunk.manifest.chunk, deep: false) }
            }
        }
    }

    @Test func aFlippedBitOfABlockIsNeverPrinted() throws {
        let chunk = try ChunkFixture(seed: 12, blocks: 5)
        let decoder = BlockDecoder()
        for entry in chunk.manifest.blocks {
            for offset in Int(entry.offset)..<Int(entry.offset + entry.length) {
                var bytes = Array(chunk.bytes[Int(entry.offset)..<Int(entry.offset + entry.length)])
                bytes[offset - Int(entry.offset)] ^= 0x10
                var lines: [UInt8] = [1]
                #expect(throws: FormatError.self) {
                    try bytes.withUnsafeBytes { try decoder.decode($0, entry: entry, lines: &lines) }
                }
                #expect(lines.isEmpty)
            }
        }
    }

    @Test func anyFlippedBitOfAManifestIsFound() throws {
        let manifest = try ChunkFixture(seed: 13, blocks: 3).manifest
        let object = try manifest.encoded()
        let key = manifest.key(hour: Hour(number: 480_000), object: object)
        for offset in object.indices {
            var bytes = object
            bytes[offset] ^= 1 << (offset % 8)
            #expect(throws: FormatError.self, "flipped bit in byte \(offset)") { try Manifest.decode(bytes, key: key) }
        }
    }

    @Test func anyFlippedBitOfTheArchiveDescriptionIsFound() throws {
        let bytes = ArchiveDescription(archive: "prod").encoded()
        #expect(try ArchiveDescription.decode(bytes).archive == "prod")
        for offset in bytes.indices {
            var damaged = bytes
            damaged[offset] ^= 1 << (offset % 8)
            #expect(throws: FormatError.self) { try ArchiveDescription.decode(damaged) }
        }
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func cutAndMutatedChunksAreRefused(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let chunk = try ChunkFixture(seed: seed % 5, blocks: 4)
        var bytes = chunk.bytes
        for _ in 0...Int.random(in: 0...6, using: &random) {
            let at = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0...3, using: &random) {
            case 0: bytes[at] = .random(in: 0...255, using: &random)
            case 1: bytes.removeSubrange(at..<min(bytes.count, at + .random(in: 1...64, using: &random)))
            case 2: bytes.insert(contentsOf: [255, 255, 255, 255], at: at)
            default: bytes.removeLast(min(bytes.count - 20, at))
            }
            if bytes.count < 40 { break }
        }
        guard bytes != chunk.bytes else { return }
        #expect(throws: FormatError.self, "seed \(seed)") {
            try bytes.withUnsafeBytes { try Manifest.describing(chunk: $0, key: chunk.manifest.chunk, deep: true) }
        }
    }

    @Test(arguments: 0..<2000 as Range<UInt64>)
    func arbitraryBytesAreRefusedWithoutHarm(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var bytes = (0..<Int.random(in: 0...300, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
        if bytes.count > 8, Bool.random(using: &random) {
            bytes.replaceSubrange(0..<8, with: [0x51, 0x2A, 0x4D, 0x18, UInt8(min(255, bytes.count - 8)), 0, 0, 0])
        }
        #expect(throws: FormatError.self) { try bytes.withUnsafeBytes { try BlockHeader.decode($0) } }
        #expect(throws: FormatError.self) { try bytes.withUnsafeBytes { try ChunkScanner.neededTail($0) } }
    }

    @Test func aHeaderWithAnUnknownFieldIsSkippedOrRefused() throws {
        let chunk = try ChunkFixture(seed: 1, blocks: 1)
        let entry = chunk.manifest.blocks[0]
        let frame = Array(chunk.bytes[..<Int(entry.headerLength)])
        for (key, isRequired) in [(UInt8(100), false), (101, true)] {
            var content = Array(frame[8..<(frame.count - 8)]) + [key, 2, 9, 9]
            var extended: [UInt8] = []
            extended.append(littleEndian: 0x184D_2A51 as UInt32)
            extended.append(littleEndian: UInt32(content.count + 8))
            extended += content
            extended.append(littleEndian: xxh64(extended))
            content = extended
            if isRequired {
                let error = #expect(throws: FormatError.self) {
                    try content.withUnsafeBytes { try BlockHeader.decode($0) }
                }
                #expect(error?.kind == .unsupported)
            } else {
                let header = try content.withUnsafeBytes { try BlockHeader.decode($0) }.header
                #expect(header.stream == entry.stream)
            }
        }
    }

    @Test func aDecompressionBombIsRefusedBeforeItIsOpened() throws {
        let compressor = try ZstdCompressor(.standard)
        var frame: [UInt8] = []
        let zeroes = [UInt8](repeating: 0, count: 32 << 20)
        _ = try zeroes.withUnsafeBytes { try compressor.compress($0, appendingTo: &frame) }
        var output: [UInt8] = []
        for claimed in [zeroes.count, 1000] {
            #expect(throws: FormatError.self) {
                try frame.withUnsafeBytes {
                    try ZstdDecompressor().decompress($0, rawLength: claimed, into: &output)
                }
            }
        }
        #expect(output.capacity < 1 << 20)
    }
}
