import ArchiveTypes
import Checksums
package import ChunkFormat
import Glibc
package import ObjectStore

/// A chunk made ready for the stores: one body a part, in the order of the placement. Reading the chunk once gives all of
/// them. Parity stands in files of its own until this is gone.
package final class ChunkParts: Sendable {
    package struct Part: Sendable {
        /// Of the object.
        package var key: String
        package var body: ObjectBody
    }

    package let parts: [Part]
    private let files: [String]

    /// Bytes of each shard that are worked on at a time.
    private static let stripe = 256 << 10

    package struct Failure: Error, CustomStringConvertible {
        package var description: String
    }

    private init(parts: [Part], files: [String]) {
        self.parts = parts
        self.files = files
    }

    deinit {
        // A file that stays behind is removed with the folder's others when the next writer begins.
        for file in files { unlink(file) }
    }

    /// Takes a chunk apart under the rule of its manifest. Blocks.
    /// - Parameters:
    ///   - path: the chunk's file.
    ///   - scratch: a folder for parity, created where it is missing; nobody else's files are in it.
    ///   - stores: what it is for: some want to know a digest, some take a file as it is.
    package static func of(
        _ manifest: Manifest, path: String, scratch: String, for stores: [any ObjectStore]
    ) throws(Failure) -> ChunkParts {
        let wantsMD5 = stores.contains { $0.capabilities.isRemote }
        switch manifest.description.redundancy.rule {
        case .copies(let copies):
            var body = ObjectBody(content: .file(path: path, length: manifest.length), sha256: manifest.sha256)
            if wantsMD5, copies > 1 { body.md5 = try md5(path, manifest.length) }
            let part = Part(key: manifest.chunk.description, body: body)
            // A directory may take the file itself for its object. Two copies must not be one file.
            let copy = Part(key: part.key, body: body.copied)
            return ChunkParts(parts: [part] + Array(repeating: copy, count: max(1, copies) - 1), files: [])
        case .erasure:
            guard case .sharded(let geometry) = manifest.chunk.form else {
                throw Failure(description: "\(manifest.chunk) is not a key of shards")
            }
            let cutter = try ShardCutter(
                manifest, geometry, path: path, scratch: scratch, stripe: stripe, wantsMD5: wantsMD5,
                syncs: stores.contains { $0.capabilities.adoptsFiles })
            return ChunkParts(parts: try cutter.run(), files: cutter.parityPaths)
        }
    }

    private static func md5(_ path: String, _ length: UInt64) throws(Failure) -> [UInt8] {
        let file = try LocalFile(reading: path)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: stripe, alignment: 64)
        defer { buffer.deallocate() }
        let digest = Digest(.md5)
        var offset: UInt64 = 0
        while offset < length {
            let piece = UnsafeMutableRawBufferPointer(
                rebasing: buffer[..<Int(min(UInt64(buffer.count), length - offset))])
            try file.read(into: piece, at: offset)
            digest.update(UnsafeRawBufferPointer(piece))
            offset += UInt64(piece.count)
        }
        return digest.finish()
    }
}

/// Cuts one chunk into shards: reads it once, stripe by stripe through all data shards, and writes parity.
private final class ShardCutter {
    private let manifest: Manifest
    private let geometry: ShardGeometry
    private let path: String
    private let source: LocalFile
    private let parity: [LocalFile]
    let parityPaths: [String]
    private let payloads: [PayloadDigests]
    private let memory: UnsafeMutableRawBufferPointer
    private let stripe: Int
    /// What stores take as it is must be durable.
    private let syncs: Bool

    init(
        _ manifest: Manifest, _ geometry: ShardGeometry, path: String, scratch: String, stripe: Int, wantsMD5: Bool,
        syncs: Bool
    ) throws(ChunkParts.Failure) {
        self.manifest = manifest
        self.geometry = geometry
        self.path = path
        self.syncs = syncs
        self.stripe = Int(min(UInt64(stripe), geometry.shardLength))
        source = try LocalFile(reading: path)
        guard mkdir(scratch, 0o700) == 0 || errno == EEXIST else { throw .system("cannot create", scratch) }
        let mark = String(UInt64.random(in: .min ... .max), radix: 16)
        let paths = (geometry.data..<geometry.shards).map { "\(scratch)/\(mark).\($0)" }
        parityPaths = paths
        var files: [LocalFile] = []
        for path in paths { files.append(try LocalFile(creating: path)) }
        parity = files
        payloads = (0..<geometry.shards).map { _ in PayloadDigests(wantsMD5: wantsMD5) }
        memory = .allocate(byteCount: self.stripe * geometry.shards, alignment: 64)
    }

    deinit { memory.deallocate() }

    func run() throws(ChunkParts.Failure) -> [ChunkParts.Part] {
        let encoder = ReedSolomon(data: geometry.data, parity: geometry.parity).encoder
        var offset: UInt64 = 0
        while offset < geometry.shardLength {
            let count = Int(min(UInt64(stripe), geometry.shardLength - offset))
            let buffers = (0..<geometry.shards).map {
                UnsafeMutableRawBufferPointer(rebasing: memory[($0 * stripe)..<($0 * stripe + count)])
            }
            for shard in 0..<geometry.data { try readData(shard, offset, into: buffers[shard]) }
            encoder.apply(Array(buffers[..<geometry.data]), to: Array(buffers[geometry.data...]))
            for (index, file) in parity.enumerated() {
                let bytes = UnsafeRawBufferPointer(buffers[geometry.data + index])
                payloads[geometry.data + index].update(bytes)
                try file.write(bytes)
            }
            offset += UInt64(count)
        }
        var parts: [ChunkParts.Part] = []
        for shard in 0..<geometry.shards { parts.append(try part(shard)) }
        return parts
    }

    /// The shard's bytes from `offset`, filled up with zeros.
    private func readData(
        _ shard: Int, _ offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(ChunkParts.Failure) {
        let length = geometry.length(ofShard: shard)
        let count = Int(min(UInt64(buffer.count), length - min(length, offset)))
        let held = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
        try source.read(into: held, at: UInt64(shard) * geometry.shardLength + offset)
        payloads[shard].update(UnsafeRawBufferPointer(held))
        UnsafeMutableRawBufferPointer(rebasing: buffer[count...]).initializeMemory(as: UInt8.self, repeating: 0)
    }

    private func part(_ shard: Int) throws(ChunkParts.Failure) -> ChunkParts.Part {
        guard let key = ShardKey(manifest.chunk, index: shard) else {
            throw ChunkParts.Failure(description: "\(manifest.chunk) has no shard \(shard)")
        }
        let payload = payloads[shard]
        let trailer = ShardTrailer(key: key, chunkDigest: manifest.sha256, payloadDigest: payload.digest).encoded()
        let length = geometry.length(ofShard: shard)
        let content: ObjectBody.Content
        if shard < geometry.data {
            let offset = UInt64(shard) * geometry.shardLength
            content = .part(ObjectBody.FilePart(path: path, offset: offset, length: length, ending: trailer))
        } else {
            // A whole file: a store on the same file system takes it as it is.
            let index = shard - geometry.data
            try parity[index].write(trailer)
            if syncs { try parity[index].sync() }
            content = .file(path: parityPaths[index], length: length + UInt64(trailer.count))
        }
        return ChunkParts.Part(key: key.description, body: payload.body(content, ending: trailer))
    }
}

/// Digests of one shard's payload, which go on over its trailer.
private final class PayloadDigests {
    private let sha256 = Digest(.sha256)
    private let md5 = Digest(.md5)
    private let wantsMD5: Bool

    init(wantsMD5: Bool) { self.wantsMD5 = wantsMD5 }

    func update(_ bytes: UnsafeRawBufferPointer) {
        sha256.update(bytes)
        if wantsMD5 { md5.update(bytes) }
    }

    var digest: [UInt8] { Digest(copying: sha256).finish() }

    /// - Parameter ending: the trailer, with which the body ends.
    func body(_ content: ObjectBody.Content, ending: [UInt8]) -> ObjectBody {
        func whole(_ digest: borrowing Digest) -> [UInt8] {
            let copy = Digest(copying: digest)
            copy.update(ending)
            return copy.finish()
        }
        return ObjectBody(content: content, sha256: whole(sha256), md5: wantsMD5 ? whole(md5) : nil)
    }
}

extension ChunkParts {
    /// Removes parity that a writer left when something ended it. Only for a folder that nobody else uses.
    package static func removeLeftovers(in scratch: String) {
        guard !scratch.isEmpty, let directory = opendir(scratch) else { return }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { unlink("\(scratch)/\(name)") }
        }
    }
}
