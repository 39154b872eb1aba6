import ArchiveTypes
import Checksums
import ChunkFormat
import Glibc
import ObjectStore
import Threads

/// A chunk put together in a local file from objects of its parts, whose bytes are checked as they come.
///
/// Used by one task at a time, which waits for the threads that do its work.
final class ChunkAssembly: @unchecked Sendable {
    enum Verdict: Sendable {
        /// SHA-256 of the object.
        case sound([UInt8])
        case missing
        /// A clause.
        case damaged(String)
        case unreadable(StoreError)
    }

    /// Of the form that is assembled; without blocks.
    let manifest: Manifest
    /// The chunk, once `finish` has returned.
    let path: String
    private let geometry: ShardGeometry?
    private let file: LocalFile
    private let parityPaths: [String]
    private let parity: [LocalFile]
    /// Parts whose bytes are in the files.
    private var held: Set<Int> = []
    private let bandwidth: Bandwidth
    private let moved: @Sendable (Int) -> Void

    /// Bytes of a request, and in memory at a time.
    private static let piece: UInt64 = 4 << 20
    private static let stripe = 256 << 10

    init(
        _ manifest: Manifest, scratch: String, bandwidth: Bandwidth, moved: @escaping @Sendable (Int) -> Void
    ) throws(ChunkParts.Failure) {
        self.manifest = manifest
        self.bandwidth = bandwidth
        self.moved = moved
        let mark = String(UInt64.random(in: .min ... .max), radix: 16)
        path = "\(scratch)/\(mark)"
        if case .sharded(let geometry) = manifest.chunk.form { self.geometry = geometry } else { geometry = nil }
        let paths = (0..<(geometry?.parity ?? 0)).map { "\(scratch)/\(mark).\($0)" }
        parityPaths = paths
        file = try LocalFile(creating: path)
        var files: [LocalFile] = []
        for path in paths { files.append(try LocalFile(creating: path)) }
        parity = files
    }

    deinit {
        for path in [path] + parityPaths { unlink(path) }
    }

    /// Whether no further part is needed.
    var isEnough: Bool { held.count >= (geometry?.data ?? 1) }

    /// Whether a part is in the files already.
    func holds(_ index: Int) -> Bool { held.contains(index) }

    // MARK: Parts

    /// Reads an object of part `index` from a store, and keeps what it holds where that is new.
    func take(_ index: Int, from member: StoreMember) async throws -> Verdict {
        let key = PartName(form: manifest.chunk.form, index: index).key(manifest.chunk)
        let length = manifest.payloadLength(index)
        let size = manifest.size(index)
        let reading = PartReading(self, index, payload: length, keeps: !held.contains(index))
        var offset: UInt64 = 0
        while offset < size {
            let count = min(Self.piece, size - offset)
            try await bandwidth.spend(count)
            let bytes: [UInt8]
            do throws(StoreError) {
                let began = MonotonicClock.now()
                let data = try await member.store.get(key, .bytes(offset: offset, length: count))
                member.pace.took(MonotonicClock.now() - began, bytes: data.bytes.count)
                moved(data.bytes.count)
                guard data.objectSize == size else {
                    return .damaged("it has \(data.objectSize) bytes where \(size) are right")
                }
                bytes = data.bytes
            } catch {
                switch error.kind {
                case .cancelled: throw CancellationError()
                case .notFound: return .missing
                case .rangeNotSatisfiable, .corrupt: return .damaged(error.reason)
                default: return .unreadable(error)
                }
            }
            try await WorkerThreads.run { reading.add(bytes) }.get()
            offset += count
        }
        let verdict = reading.verdict()
        if case .sound = verdict { held.insert(index) }
        return verdict
    }

    /// One object that is being read.
    private final class PartReading: @unchecked Sendable {
        private let assembly: ChunkAssembly
        private let index: Int
        private let payload: UInt64
        private let keeps: Bool
        private var offset: UInt64 = 0
        private let object = Digest(.sha256)
        private let content = Digest(.sha256)
        private var trailer: [UInt8] = []

        init(_ assembly: ChunkAssembly, _ index: Int, payload: UInt64, keeps: Bool) {
            (self.assembly, self.index, self.payload, self.keeps) = (assembly, index, payload, keeps)
        }

        /// Fails where the file cannot be written.
        func add(_ bytes: [UInt8]) -> Result<Void, ChunkParts.Failure> {
            object.update(bytes)
            let count = Int(min(UInt64(bytes.count), payload - min(payload, offset)))
            defer { offset += UInt64(bytes.count) }
            trailer += bytes[count...]
            return bytes.withUnsafeBytes { all in
                let piece = UnsafeRawBufferPointer(rebasing: all[..<count])
                content.update(piece)
                guard keeps, count > 0 else { return .success(()) }
                do throws(ChunkParts.Failure) { return .success(try assembly.keep(piece, index, offset)) } catch {
                    return .failure(error)
                }
            }
        }

        func verdict() -> Verdict {
            let digest = Digest(copying: content).finish()
            let whole = Digest(copying: object).finish()
            let manifest = assembly.manifest
            guard let key = ShardKey(manifest.chunk, index: index) else {
                return digest == manifest.sha256 ? .sound(whole) : .damaged("its bytes are not what was written")
            }
            do throws(FormatError) {
                let found = try ShardTrailer.decode(trailer, key: key)
                guard found.chunkDigest == manifest.sha256 else { return .damaged("it is a shard of another chunk") }
                guard found.payloadDigest == digest else { return .damaged("its bytes are not what was written") }
                return .sound(whole)
            } catch {
                return .damaged(error.reason)
            }
        }
    }

    private func keep(_ bytes: UnsafeRawBufferPointer, _ index: Int, _ offset: UInt64) throws(ChunkParts.Failure) {
        guard let geometry else { return try file.write(bytes, at: offset) }
        guard index < geometry.data else { return try parity[index - geometry.data].write(bytes, at: offset) }
        try file.write(bytes, at: UInt64(index) * geometry.shardLength + offset)
    }

    // MARK: The chunk

    /// Computes what is missing.
    /// - Returns: whether the whole is the chunk.
    func finish() async throws(ChunkParts.Failure) -> Bool {
        precondition(isEnough, "as many parts as reading needs")
        let result = await WorkerThreads.run { [self] in
            do throws(ChunkParts.Failure) {
                if let geometry {
                    let missing = (0..<geometry.data).filter { !held.contains($0) }
                    try decode(missing, from: held, geometry, shift: 0)
                }
                return Result<Bool, ChunkParts.Failure>.success(try digest() == manifest.sha256)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Looks for parts that lie although their trailers are right: those without which the others give the chunk.
    /// - Returns: whether the whole is the chunk now.
    func finishWithoutLiars() async throws(ChunkParts.Failure) -> Bool {
        guard let geometry else { return false }
        let result = await WorkerThreads.run { [self] in
            do throws(ChunkParts.Failure) {
                for liars in geometry.suspects where liars.isSubset(of: held) {
                    if try isChunk(without: liars, geometry) { return Result<Bool, ChunkParts.Failure>.success(true) }
                }
                return .success(false)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private func isChunk(without liars: Set<Int>, _ geometry: ShardGeometry) throws(ChunkParts.Failure) -> Bool {
        let honest = held.subtracting(liars)
        guard honest.count >= geometry.data else { return false }
        let lacking = (0..<geometry.data).filter { !honest.contains($0) }
        // Beyond the chunk's end: what is called a lie may prove to be none.
        let shift = UInt64(geometry.data) * geometry.shardLength
        try decode(lacking, from: honest, geometry, shift: shift)
        guard try digest(shift: shift, of: Set(lacking)) == manifest.sha256 else { return false }
        for shard in lacking { try settle(shard, geometry, shift: shift) }
        try file.truncate(to: manifest.length)
        return true
    }

    /// Puts a shard that was computed at a shift into its place.
    private func settle(_ shard: Int, _ geometry: ShardGeometry, shift: UInt64) throws(ChunkParts.Failure) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.stripe, alignment: 64)
        defer { buffer.deallocate() }
        let (first, length) = (UInt64(shard) * geometry.shardLength, geometry.length(ofShard: shard))
        var offset: UInt64 = 0
        while offset < length {
            let piece = UnsafeMutableRawBufferPointer(
                rebasing: buffer[..<Int(min(UInt64(buffer.count), length - offset))])
            try file.read(into: piece, at: shift + first + offset)
            try file.write(UnsafeRawBufferPointer(piece), at: first + offset)
            offset += UInt64(piece.count)
        }
    }

    /// Computes data shards, and keeps each `shift` bytes after its place.
    private func decode(
        _ missing: [Int], from held: Set<Int>, _ geometry: ShardGeometry, shift: UInt64
    ) throws(ChunkParts.Failure) {
        guard !missing.isEmpty else { return }
        let sources = Array(held.sorted().prefix(geometry.data))
        let transform = ReedSolomon(data: geometry.data, parity: geometry.parity).decoder(of: missing, from: sources)
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Self.stripe * (sources.count + missing.count), alignment: 64)
        defer { memory.deallocate() }
        var offset: UInt64 = 0
        while offset < geometry.shardLength {
            let count = Int(min(UInt64(Self.stripe), geometry.shardLength - offset))
            let buffers = (0..<(sources.count + missing.count)).map {
                UnsafeMutableRawBufferPointer(rebasing: memory[($0 * Self.stripe)..<($0 * Self.stripe + count)])
            }
            for (source, buffer) in zip(sources, buffers) { try read(source, geometry, offset, into: buffer) }
            let results = Array(buffers[sources.count...])
            transform.apply(Array(buffers[..<sources.count]), to: results)
            for (shard, buffer) in zip(missing, results) {
                let wanted = Self.count(geometry, shard, offset, count)
                try file.write(
                    UnsafeRawBufferPointer(rebasing: buffer[..<wanted]),
                    at: shift + UInt64(shard) * geometry.shardLength + offset)
            }
            offset += UInt64(count)
        }
    }

    /// A shard's bytes from `offset`, filled up with zeros.
    private func read(
        _ shard: Int, _ geometry: ShardGeometry, _ offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(ChunkParts.Failure) {
        let count = Self.count(geometry, shard, offset, buffer.count)
        let filled = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
        if shard < geometry.data {
            try file.read(into: filled, at: UInt64(shard) * geometry.shardLength + offset)
        } else {
            try parity[shard - geometry.data].read(into: filled, at: offset)
        }
        UnsafeMutableRawBufferPointer(rebasing: buffer[count...]).initializeMemory(as: UInt8.self, repeating: 0)
    }

    /// Bytes of a shard from `offset`, at most `count`.
    private static func count(_ geometry: ShardGeometry, _ shard: Int, _ offset: UInt64, _ count: Int) -> Int {
        let length = geometry.length(ofShard: shard)
        return Int(min(UInt64(count), length - min(length, offset)))
    }

    /// Of the chunk, with the bytes of `shifted` data shards taken from there.
    private func digest(shift: UInt64 = 0, of shifted: Set<Int> = []) throws(ChunkParts.Failure) -> [UInt8] {
        let shard = geometry?.shardLength ?? manifest.length
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.stripe, alignment: 64)
        defer { buffer.deallocate() }
        let digest = Digest(.sha256)
        var offset: UInt64 = 0
        while offset < manifest.length {
            let end = min(manifest.length, (offset / shard + 1) * shard)
            let count = Int(min(UInt64(buffer.count), end - offset))
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
            try file.read(into: piece, at: shifted.contains(Int(offset / shard)) ? shift + offset : offset)
            digest.update(UnsafeRawBufferPointer(piece))
            offset += UInt64(count)
        }
        return digest.finish()
    }
}

extension Manifest {
    /// Parts of its form: 1 for copies, however many there are.
    var parts: Int { if case .sharded(let geometry) = chunk.form { geometry.shards } else { 1 } }

    /// Bytes of the object of a part, without a shard's trailer.
    func payloadLength(_ index: Int) -> UInt64 {
        if case .sharded(let geometry) = chunk.form { geometry.length(ofShard: index) } else { length }
    }

    /// Bytes of the object of a part.
    func size(_ index: Int) -> UInt64 {
        if case .sharded(let geometry) = chunk.form {
            geometry.length(ofShard: index) + UInt64(ShardTrailer.length)
        } else {
            length
        }
    }

    /// The same without blocks: small enough to keep all of an archive's.
    var head: Manifest {
        var head = Manifest(chunk: chunk, length: length, sha256: sha256, description: description, blocks: [])
        head.revision = revision
        return head
    }
}
