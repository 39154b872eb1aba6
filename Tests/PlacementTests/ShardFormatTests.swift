import ArchiveTypes
import Checksums
import ChunkFormat
import Foundation
import ObjectStore
import Placement
import TestSupport
import Testing

@Suite struct ShardFormatTests {
    private func key(_ data: Int, _ parity: Int, length: UInt64, sequence: UInt64 = 7) throws -> ChunkKey {
        let name = ObjectName(
            writer: try #require(WriterID("host-0a1b2c3d")), sequence: sequence,
            sha256: String(repeating: "0123456789abcdef", count: 4))
        let geometry = try #require(ShardGeometry(data: data, parity: parity, length: length))
        return ChunkKey(hour: Hour(number: 486_111), name: name, form: .sharded(geometry))
    }

    /// Data shards put after one another are the chunk; none is longer than a parity shard.
    @Test func dataShardsCoverTheChunkOnce() throws {
        for data in [1, 2, 4, 10, 63] {
            for length in (1...300).map(UInt64.init) + [1 << 20, 1 << 30] {
                let geometry = try #require(ShardGeometry(data: data, parity: 1, length: length))
                let lengths = (0..<data).map { geometry.length(ofShard: $0) }
                #expect(lengths.reduce(0, +) == length)
                #expect(lengths.allSatisfy { $0 <= geometry.shardLength })
                #expect(geometry.length(ofShard: data) == geometry.shardLength)
                var offset: UInt64 = 0
                for (shard, bytes) in lengths.enumerated() where bytes > 0 {
                    #expect(offset == UInt64(shard) * geometry.shardLength)
                    offset += bytes
                }
            }
        }
        #expect(ShardGeometry(data: 0, parity: 1, length: 1) == nil)
        #expect(ShardGeometry(data: 1, parity: 0, length: 1) == nil)
        #expect(ShardGeometry(data: 60, parity: 5, length: 1) == nil)
        #expect(ShardGeometry(data: 4, parity: 2, length: 0) == nil)
    }

    @Test func keysAreReadBackAndOthersRefused() throws {
        let chunk = try key(4, 2, length: 1000)
        let text = "chunks/2025-06-15/15/host-0a1b2c3d-0000000007-0123456789abcdef0123456789abcdef.ec4-2-1000"
        #expect(chunk.description == text)
        #expect(ChunkKey(text) == chunk)
        for index in 0..<6 {
            let shard = try #require(ShardKey(chunk, index: index))
            #expect(shard.description == "\(text).\(index)" && ShardKey("\(text).\(index)") == shard)
        }
        #expect(ShardKey(chunk, index: 6) == nil && ShardKey(chunk, index: -1) == nil)
        for wrong in [".6", ".06", ".-1", ".", "", ".x", ".5.5"] { #expect(ShardKey(text + wrong) == nil, "\(wrong)") }
        for ending in ["ec04-2-1000", "ec4-2-0", "ec4-2", "ec4-2-1000-", "ec+4-2-1000", "ec60-5-1000", "zst"] {
            #expect(ShardKey(text.replacingOccurrences(of: "ec4-2-1000", with: ending) + ".0") == nil, "\(ending)")
        }
    }

    /// Byte for byte, as it is described.
    @Test func aTrailerIsTheDescribedBytes() throws {
        let chunk = try key(4, 2, length: 1001)
        let shard = try #require(ShardKey(chunk, index: 3))
        let (whole, payload) = ([UInt8](repeating: 0xAA, count: 32), [UInt8](repeating: 0xBB, count: 32))
        let bytes = ShardTrailer(key: shard, chunkDigest: whole, payloadDigest: payload).encoded()
        var wanted = Array("FIRNSHRD".utf8) + [1, 4, 2, 3, 0, 0, 0, 0]
        // The last data shard of 1001 bytes in pieces of 251.
        wanted += [0xE9, 3, 0, 0, 0, 0, 0, 0] + [248, 0, 0, 0, 0, 0, 0, 0] + whole + payload
        let name = Array(chunk.description.utf8)
        wanted += [UInt8(name.count), 0] + name
        wanted += [UInt8](repeating: 0, count: 504 - wanted.count)
        let sum = xxh64(wanted)
        wanted += (0..<8).map { UInt8(truncatingIfNeeded: sum >> ($0 * 8)) }
        #expect(bytes == wanted)
        let read = try ShardTrailer.decode(bytes, key: shard)
        #expect(read.key == shard && read.chunkDigest == whole && read.payloadDigest == payload)
    }

    @Test func anythingElseIsRefused() throws {
        let chunk = try key(4, 2, length: 1001)
        let shard = try #require(ShardKey(chunk, index: 3))
        let digest = [UInt8](repeating: 1, count: 32)
        let bytes = ShardTrailer(key: shard, chunkDigest: digest, payloadDigest: digest).encoded()
        let others = [
            ShardKey(chunk, index: 2), ShardKey(chunk, index: 4),
            ShardKey(try key(4, 2, length: 1001, sequence: 8), index: 3),
            ShardKey(try key(4, 2, length: 1002), index: 3),
            ShardKey(try key(4, 3, length: 1001), index: 3), ShardKey(try key(5, 2, length: 1001), index: 3),
        ]
        for other in others {
            let other = try #require(other)
            let error = #expect(throws: FormatError.self) { try ShardTrailer.decode(bytes, key: other) }
            #expect(error?.reason.contains("shard 3 of \(chunk)") == true, "\(error as Any)")
        }
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 1 << UInt8(index % 8)
            #expect(throws: FormatError.self) { try ShardTrailer.decode(damaged, key: shard) }
        }
        #expect(throws: FormatError.self) { try ShardTrailer.decode(bytes.dropLast(), key: shard) }
        #expect(throws: FormatError.self) { try ShardTrailer.decode([UInt8](), key: shard) }
    }

    /// Shards as they lie in the stores: payloads, trailers, and digests that hold; chunks of all lengths, also shorter
    /// than there are data shards.
    @Test(arguments: [(1, 1), (2, 1), (4, 2), (10, 4)])
    func shardsHoldTheChunk(data: Int, parity: Int) async throws {
        let archive = try TestArchive(
            .erasure(data: data, parity: parity), acknowledge: data, stores: data + parity, seed: 1)
        let writer = archive.writer(archive.members())
        for blocks in 1...3 {
            let chunk = try archive.chunk(blocks: blocks)
            let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: chunk.path)))
            _ = try await writer.archive(chunk)
            let manifest = chunk.manifest
            guard case .sharded(let geometry) = manifest.chunk.form else {
                Issue.record("\(manifest.chunk) has no shards")
                return
            }
            var joined: [UInt8] = []
            for index in 0..<geometry.shards {
                let key = try #require(ShardKey(manifest.chunk, index: index))
                let place = manifest.description.redundancy.placement[index]
                let held = archive.bases.filter { $0.objects[key.description] != nil }
                #expect(held.map(\.name) == [place])
                let object = try #require(held.first?.objects[key.description])
                let trailer = try ShardTrailer.decode(object.suffix(ShardTrailer.length), key: key)
                let payload = object.dropLast(ShardTrailer.length)
                #expect(trailer.payloadDigest == sha256(Array(payload)) && trailer.chunkDigest == sha256(whole))
                #expect(UInt64(payload.count) == geometry.length(ofShard: index))
                if index < data { joined += payload }
            }
            #expect(joined == whole)
        }
        // Parity is gone with the deliveries.
        let left = try FileManager.default.contentsOfDirectory(atPath: archive.directory.path + "/parity")
        #expect(left.isEmpty)
    }

    /// More data shards than bytes: those behind the end are empty, and any sufficient set gives the chunk.
    @Test func aChunkShorterThanItsShardsIsReadBack() async throws {
        let members = (0..<6).map { StoreMember(name: "store\($0)", store: MemoryStore(name: "store\($0)")) }
        let rule = PlacementRule(
            .erasure(data: 4, parity: 2), acknowledge: 5, stores: members.map { .init($0.name) })
        for length in 1...9 {
            let bytes = (0..<length).map { UInt8($0 * 31 + 7) }
            let directory = TemporaryDirectory()
            let path = directory.path + "/chunk"
            try Data(bytes).write(to: URL(fileURLWithPath: path))
            let digest = hex(sha256(bytes))
            let name = ObjectName(
                writer: try #require(WriterID("h-1")), sequence: UInt64(length), sha256: digest)
            let redundancy = rule.redundancy(writer: name.writer, sequence: name.sequence)
            let key = try #require(redundancy.key(hour: Hour(number: 1), name: name, length: UInt64(length)))
            guard case .sharded(let geometry) = key.form else { return }
            // The shards by hand: data as it is, parity by the code over what is filled up with zeros.
            let size = Int(geometry.shardLength)
            let code = ReedSolomon(data: 4, parity: 2)
            let buffers = (0..<6).map { _ in UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 64) }
            defer { buffers.forEach { $0.deallocate() } }
            for (shard, buffer) in buffers.enumerated() {
                buffer.initializeMemory(as: UInt8.self, repeating: 0)
                if shard < 4 { buffer.copyBytes(from: bytes.dropFirst(shard * size).prefix(size)) }
            }
            code.encoder.apply(Array(buffers[..<4]), to: Array(buffers[4...]))
            for (index, place) in redundancy.placement.enumerated() {
                let shard = try #require(ShardKey(key, index: index))
                let payload = Array(buffers[index].prefix(Int(geometry.length(ofShard: index))))
                let trailer = ShardTrailer(
                    key: shard, chunkDigest: sha256(bytes), payloadDigest: sha256(payload)
                ).encoded()
                let store = try #require(members.first { $0.name == place }?.store as? MemoryStore)
                store.set(shard.description, payload + trailer)
                store.set(KeyLayout.archiveDescription, ArchiveDescription(archive: "main").encoded())
            }
            for failing in subsets(of: 6, count: 2) {
                let reading = members.enumerated().map { index, member in
                    failing.contains(index)
                        ? StoreMember(
                            name: member.name, store: FaultyStore(member.store, faults: [Fault(.error(.transient))]))
                        : StoreMember(name: member.name, store: member.store)
                }
                let united = RedundantStore(reading, rule: rule, archive: nil, isStrict: false)
                #expect(try await united.get(key.description, .whole).bytes == bytes, "\(length) without \(failing)")
                #expect(try await united.get(key.description, .suffix(length: 1)).bytes == [bytes[length - 1]])
            }
        }
    }
}
