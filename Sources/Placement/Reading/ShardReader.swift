import ArchiveTypes
import ChunkFormat
import ObjectStore
import Synchronization

/// Reads ranges of a chunk that is held in shards.
///
/// Each piece of a range lies in one data shard and comes from there. Where that shard is missing, late or damaged, the
/// same range of as many others as there are data shards is read, and the piece computed from them.
struct ShardReader: Sendable {
    private let archive: RedundantStore
    private let chunk: ChunkKey
    private let geometry: ShardGeometry

    /// What came of a piece, or of a shard, by its number.
    private struct Answer: Sendable {
        var number: Int
        var result: Result<[UInt8], StoreError>
    }

    /// A range of one data shard's payload.
    struct Piece: Sendable, Hashable {
        var shard: Int
        var offset: UInt64
        var length: Int
    }

    init(_ archive: RedundantStore, _ chunk: ChunkKey, _ geometry: ShardGeometry) {
        self.archive = archive
        self.chunk = chunk
        self.geometry = geometry
    }

    func get(
        _ range: ObjectRange, accepting isAcceptable: @escaping @Sendable (ObjectData) -> Bool
    ) async throws(StoreError) -> ObjectData {
        let (offset, length) = try resolve(range)
        let pieces = Self.pieces(geometry, offset: offset, length: length)
        let answers = await withTaskGroup(of: Answer.self) { group in
            for (index, piece) in pieces.enumerated() {
                group.addTask {
                    let result = await Self.result { () async throws(StoreError) in try await read(piece) }
                    return Answer(number: index, result: result)
                }
            }
            var answers: [Answer] = []
            for await answer in group { answers.append(answer) }
            return answers.sorted { $0.number < $1.number }
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(length)
        for answer in answers { bytes += try answer.result.get() }
        let data = ObjectData(bytes: bytes, objectSize: geometry.length)
        let known = range == .whole ? WholeObject.check(chunk.description) : nil
        let check: @Sendable (ObjectData) -> Bool = { (known?($0.bytes) ?? true) && isAcceptable($0) }
        if check(data) { return data }
        return try await withoutDamage(pieces, check) ?? data
    }

    private func resolve(_ range: ObjectRange) throws(StoreError) -> (offset: UInt64, length: Int) {
        let size = geometry.length
        switch range {
        case .whole: return (0, Int(size))
        case .suffix(let length): return (size - min(length, size), Int(min(length, size)))
        case .bytes(let offset, let length):
            guard offset < size, length > 0 else {
                throw error(.rangeNotSatisfiable, "byte \(offset) wanted of a chunk of \(size) bytes")
            }
            guard length <= size - offset else {
                throw error(.corrupt, "\(length) bytes wanted from byte \(offset) of a chunk of \(size) bytes")
            }
            return (offset, Int(length))
        }
    }

    static func pieces(_ geometry: ShardGeometry, offset: UInt64, length: Int) -> [Piece] {
        var pieces: [Piece] = []
        var next = offset
        let end = offset + UInt64(length)
        while next < end {
            let shard = next / geometry.shardLength
            let stop = min(end, (shard + 1) * geometry.shardLength)
            pieces.append(
                Piece(shard: Int(shard), offset: next - shard * geometry.shardLength, length: Int(stop - next)))
            next = stop
        }
        return pieces
    }

    // MARK: One piece

    private enum Event: Sendable {
        case direct(Result<[UInt8], StoreError>)
        case computed(Result<[UInt8], StoreError>)
        case late
    }

    /// From the shard itself, or where that fails or is late, from the others.
    private func read(_ piece: Piece) async throws(StoreError) -> [UInt8] {
        let late = holder(of: piece.shard)?.pace.late(bytes: piece.length) ?? 0
        let result = await withTaskGroup(of: Event.self) { group -> Result<[UInt8], StoreError> in
            var direct: StoreError?
            var others: StoreError?
            var (running, isComputing) = (1, false)
            group.addTask {
                .direct(await Self.result { () async throws(StoreError) in try await range(piece, of: piece.shard) })
            }
            group.addTask {
                // Cancelled means that the bytes are there.
                do throws(CancellationError) {
                    try await MonotonicTime.system.sleep(.nanoseconds(late))
                } catch {}
                return .late
            }
            func compute() {
                guard !isComputing, !Task.isCancelled else { return }
                isComputing = true
                running += 1
                group.addTask {
                    .computed(await Self.result { () async throws(StoreError) in try await computed(piece) })
                }
            }
            while running > 0, let event = await group.next() {
                switch event {
                case .late: compute()
                case .direct(.success(let bytes)):
                    group.cancelAll()
                    return .success(bytes)
                case .computed(.success(let bytes)):
                    group.cancelAll()
                    if let holder = holder(of: piece.shard), let direct {
                        archive.noteDetour("\(chunk.description).\(piece.shard)", [(holder, direct)])
                    }
                    return .success(bytes)
                case .direct(.failure(let error)):
                    running -= 1
                    direct = error
                    if error.kind != .cancelled { compute() }
                case .computed(.failure(let error)):
                    running -= 1
                    others = error
                }
            }
            group.cancelAll()
            if var error = others, let direct {
                error.reason += "; shard \(piece.shard): \(direct.reason)"
                return .failure(error)
            }
            return .failure(others ?? direct ?? self.error(.transient, "no shard could be read"))
        }
        return try result.get()
    }

    private static func result<Value>(
        _ body: () async throws(StoreError) -> Value
    ) async -> Result<Value, StoreError> {
        do throws(StoreError) { return .success(try await body()) } catch { return .failure(error) }
    }

    /// The range computed from other shards than the one that holds it: those of the best stores first.
    private func computed(_ piece: Piece) async throws(StoreError) -> [UInt8] {
        let others = ranked((0..<geometry.shards).filter { $0 != piece.shard })
        let found = await gather(piece, others, enough: geometry.data)
        guard found.bytes.count >= geometry.data else {
            let missing = found.failures.map { "shard \($0.0): \($0.1.reason)" }.sorted().joined(separator: "; ")
            let kind: StoreError.Kind =
                found.failures.contains { $0.1.kind == .cancelled }
                ? .cancelled
                : found.failures.allSatisfy { $0.1.kind == .notFound } && found.bytes.isEmpty ? .notFound : .transient
            throw error(
                kind,
                "only \(found.bytes.count) of the \(geometry.data) shards that are needed can be read: \(missing)"
            )
        }
        archive.noteDetour(
            "\(chunk.description).\(piece.shard)",
            found.failures.compactMap { shard, error in
                holder(of: shard).map { ($0, error) }
            })
        return decode(piece, found.bytes, Array(found.bytes.keys.sorted().prefix(geometry.data)))
    }

    /// The same range of shards, of `enough` of them at a time; of one more whenever one is late.
    private func gather(
        _ piece: Piece, _ shards: [Int], enough: Int
    ) async -> (bytes: [Int: [UInt8]], failures: [(Int, StoreError)]) {
        await withTaskGroup(of: Answer?.self) { group in
            var rest = shards[...]
            var bytes: [Int: [UInt8]] = [:]
            var failures: [(Int, StoreError)] = []
            var running = 0
            func start() {
                guard let shard = rest.popFirst() else { return }
                running += 1
                let late = holder(of: shard)?.pace.late(bytes: piece.length) ?? 0
                if !rest.isEmpty {
                    group.addTask {
                        // Cancelled means that there are enough.
                        do throws(CancellationError) {
                            try await MonotonicTime.system.sleep(.nanoseconds(late))
                        } catch {}
                        return nil
                    }
                }
                group.addTask {
                    let result = await Self.result { () async throws(StoreError) in try await range(piece, of: shard) }
                    return Answer(number: shard, result: result)
                }
            }
            for _ in 0..<enough { start() }
            while bytes.count < enough, running > 0, let event = await group.next() {
                guard let answer = event else {
                    if !Task.isCancelled { start() }
                    continue
                }
                running -= 1
                switch answer.result {
                case .success(let found): bytes[answer.number] = found
                case .failure(let error):
                    failures.append((answer.number, error))
                    start()
                }
            }
            group.cancelAll()
            return (bytes, failures)
        }
    }

    private func decode(_ piece: Piece, _ bytes: [Int: [UInt8]], _ sources: [Int]) -> [UInt8] {
        let transform = ReedSolomon(data: geometry.data, parity: geometry.parity)
            .decoder(of: [piece.shard], from: sources)
        let memory = UnsafeMutableRawBufferPointer.allocate(
            byteCount: piece.length * (geometry.data + 1), alignment: 64)
        defer { memory.deallocate() }
        let buffers = (0...geometry.data).map {
            UnsafeMutableRawBufferPointer(rebasing: memory[($0 * piece.length)..<(($0 + 1) * piece.length)])
        }
        for (buffer, source) in zip(buffers, sources) { buffer.copyBytes(from: bytes[source] ?? []) }
        transform.apply(Array(buffers[..<geometry.data]), to: [buffers[geometry.data]])
        return Array(buffers[geometry.data])
    }

    // MARK: Shards

    /// The piece's range of any shard: what lies beyond a shorter shard's end counts as zeros.
    private func range(_ piece: Piece, of shard: Int) async throws(StoreError) -> [UInt8] {
        guard let key = ShardKey(chunk, index: shard)?.description else {
            throw error(.rejected, "there is no shard \(shard)")
        }
        let length = geometry.length(ofShard: shard)
        let count = min(UInt64(piece.length), length - min(length, piece.offset))
        guard count > 0 else { return [UInt8](repeating: 0, count: piece.length) }
        let wanted = ObjectRange.bytes(offset: piece.offset, length: count)
        let call: @Sendable (StoreMember) async throws(StoreError) -> [UInt8] = { member throws(StoreError) in
            try await archive.ask(member, bytes: Int(count)) { (store) async throws(StoreError) in
                try await store.get(key, wanted).bytes
            }
        }
        var bytes: [UInt8]
        let holder = holder(of: shard)
        do throws(StoreError) {
            guard let holder else { throw error(.notFound, "no store is meant to hold shard \(shard)") }
            bytes = try await call(holder)
        } catch {
            // It lies elsewhere where stores were added, replaced or renamed since, or the rule was changed.
            guard error.kind == .notFound else { throw error }
            bytes = try await anywhere(key, but: holder, call)
        }
        bytes += [UInt8](repeating: 0, count: piece.length - bytes.count)
        return bytes
    }

    private var isOfTheRule: Bool { archive.rule.rule == .erasure(data: geometry.data, parity: geometry.parity) }

    private func anywhere(
        _ key: String, but holder: StoreMember?,
        _ call: @escaping @Sendable (StoreMember) async throws(StoreError) -> [UInt8]
    ) async throws(StoreError) -> [UInt8] {
        let others = archive.members.filter { $0.name != holder?.name }
        switch await Race(members: archive.ranked(others), call: call).run() {
        case .success(let bytes): return bytes
        case .failure(let failures): throw archive.combined(failures, operation: "GET \(key)")
        }
    }

    /// The store that is meant to hold a shard.
    private func holder(of shard: Int) -> StoreMember? {
        let names = placement
        guard shard < names.count else { return nil }
        return archive.members.first { $0.name == names[shard] }
    }

    private var placement: [String] {
        var rule = archive.rule
        if !isOfTheRule { rule.rule = .erasure(data: geometry.data, parity: geometry.parity) }
        return rule.placement(writer: chunk.name.writer, sequence: chunk.name.sequence)
    }

    private func ranked(_ shards: [Int]) -> [Int] {
        let order = archive.ranked(archive.members).map(\.name)
        return shards.sorted { left, right in
            let (one, other) = (holder(of: left)?.name, holder(of: right)?.name)
            let first = one.flatMap { order.firstIndex(of: $0) } ?? order.count
            let second = other.flatMap { order.firstIndex(of: $0) } ?? order.count
            return (first, left) < (second, right)
        }
    }

    // MARK: Damage

    /// The bytes computed without shards that may lie: all are read, and sources left out until the answer is acceptable.
    private func withoutDamage(
        _ pieces: [Piece], _ check: @Sendable (ObjectData) -> Bool
    ) async throws(StoreError) -> ObjectData? {
        var shards: [[Int: [UInt8]]] = []
        for piece in pieces {
            shards.append(await gather(piece, Array(0..<geometry.shards), enough: geometry.shards).bytes)
        }
        for left in geometry.suspects {
            var bytes: [UInt8] = []
            for (piece, found) in zip(pieces, shards) {
                let sources = found.keys.filter { !left.contains($0) }.sorted().prefix(geometry.data)
                guard sources.count == geometry.data else { break }
                bytes += decode(piece, found, Array(sources))
            }
            let data = ObjectData(bytes: bytes, objectSize: geometry.length)
            guard bytes.count == pieces.reduce(0, { $0 + $1.length }), check(data) else { continue }
            let holders = left.compactMap { holder(of: $0) }
            archive.noteDetour(chunk.description, holders.map { ($0, error(.corrupt, "its shard is damaged")) })
            return data
        }
        return nil
    }

    private func error(_ kind: StoreError.Kind, _ reason: String) -> StoreError {
        StoreError(kind, store: archive.name, operation: "GET \(chunk)", reason: reason)
    }
}

extension ShardGeometry {
    /// Sets of shards that may lie while the others still give the chunk, small sets first; not more than one should try.
    var suspects: [Set<Int>] {
        var sets: [Set<Int>] = []
        var last: [[Int]] = [[]]
        for _ in 0..<parity {
            last = last.flatMap { set in (((set.last ?? -1) + 1)..<shards).map { set + [$0] } }
            sets += last.map { Set($0) }
            if sets.count > 512 { break }
        }
        return Array(sets.prefix(512))
    }
}
