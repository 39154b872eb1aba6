import ArchiveTypes
import Checksums
import ChunkFormat
import ObjectStore
import Synchronization

/// Fetches bytes of chunks and opens blocks with workers that are used again. For any number of tasks at once.
final class BlockSource: Sendable {
    private let store: any ObjectStore
    let progress: ReadProgress
    private let question: Question
    let buffers: BufferPool
    private let idle = Mutex<[WorkerBox]>([])
    private let running = Atomic(0)
    private let failures = Atomic(0)
    private let detours = Mutex<[Incompleteness]>([])
    private static let detoursKept = 1000

    /// After this many failures of the store in a row the rest is not tried: each try may take as long as all retries do.
    private static let failuresInARow = 12

    /// Workers are handed from task to task, never shared.
    private struct WorkerBox: @unchecked Sendable { let worker: BlockWorker }

    init(_ store: any ObjectStore, _ question: Question, progress: ReadProgress, spareMemory: Int) {
        self.store = store
        self.question = question
        self.progress = progress
        self.buffers = BufferPool(limit: spareMemory)
    }

    var isRemote: Bool { store.capabilities.isRemote }

    /// Requests that are under way or announced.
    var inFlight: Int { running.load(ordering: .relaxed) }

    /// Announces a `fetch`, which must follow.
    func announce() { running.add(1, ordering: .relaxed) }

    /// To be called after `announce`.
    /// - Parameter checksum: XXH64 of the bytes: a copy that has it is looked for.
    func fetch(
        _ chunk: ChunkKey, offset: UInt64, length: UInt64, checksum: UInt64? = nil
    ) async -> Result<[UInt8], StoreError> {
        defer { running.subtract(1, ordering: .relaxed) }
        if failures.load(ordering: .relaxed) >= Self.failuresInARow { return .failure(givenUp(chunk)) }
        do throws(StoreError) {
            let data = try await store.get(chunk.description, .bytes(offset: offset, length: length)) { data in
                checksum.map { data.bytes.withUnsafeBytes(xxh64) == $0 } ?? true
            }
            failures.store(0, ordering: .relaxed)
            progress.fetched(bytes: data.bytes.count)
            return .success(data.bytes)
        } catch {
            if error.kind != .notFound, error.kind != .rangeNotSatisfiable { failures.add(1, ordering: .relaxed) }
            return .failure(error)
        }
    }

    private func givenUp(_ chunk: ChunkKey) -> StoreError {
        StoreError(
            .transient, store: store.name, operation: "GET \(chunk)",
            reason: "not tried, since the last \(Self.failuresInARow) requests failed")
    }

    /// Opens a block from bytes that hold it at `start`.
    func open<Output>(
        _ piece: Piece, _ fetched: [UInt8], at start: Int,
        _ work: (BlockWorker, UnsafeRawBufferPointer) throws(Incompleteness) -> Output
    ) -> Result<Output, Incompleteness> {
        let worker = idle.withLock { $0.popLast() }?.worker ?? BlockWorker(question, buffers)
        defer {
            let box = WorkerBox(worker: worker)
            idle.withLock { $0.append(box) }
        }
        return fetched.withUnsafeBytes { bytes in
            let end = start + Int(piece.row.block.length)
            guard start >= 0, end <= bytes.count else {
                return .failure(Incompleteness(piece, .damaged, reason: "chunk is shorter than the index says"))
            }
            do throws(Incompleteness) {
                return .success(try work(worker, UnsafeRawBufferPointer(rebasing: bytes[start..<end])))
            } catch {
                return .failure(error)
            }
        }
    }

    /// The bytes of a piece's block.
    func fetch(_ piece: Piece) async -> Result<[UInt8], StoreError> {
        announce()
        let block = piece.row.block
        return await fetch(piece.row.chunk, offset: block.offset, length: block.length, checksum: block.checksum)
    }

    /// Fetches a block by itself and opens it.
    func open<Output: Sendable>(
        _ piece: Piece, _ work: (BlockWorker, UnsafeRawBufferPointer) throws(Incompleteness) -> Output
    ) async -> Result<Output, Incompleteness> {
        switch await fetch(piece) {
        case .failure(let error): return .failure(Incompleteness(piece, error))
        case .success(let fetched): return open(piece, fetched, at: 0, work)
        }
    }

    /// `answer`, or where that is a failure, what another copy of the block gives, or another block of the same lines. Who is
    /// answered by another block is told by `warnings`.
    func otherwise<Output: Sendable>(
        _ answer: Result<Output, Incompleteness>, _ piece: Piece,
        _ work: (BlockWorker, Piece, UnsafeRawBufferPointer) throws(Incompleteness) -> Output
    ) async -> Result<Output, Incompleteness> {
        guard case .failure(let lack) = answer else { return answer }
        if lack.kind == .damaged, store.capabilities.hasCopies {
            let found = await open(piece) { worker, bytes throws(Incompleteness) in try work(worker, piece, bytes) }
            if case .success = found { return found }
        }
        for other in piece.otherwise {
            let found = await open(other) { worker, bytes throws(Incompleteness) in try work(worker, other, bytes) }
            guard case .success = found else { continue }
            detours.withLock { if $0.count < Self.detoursKept { $0.append(lack) } }
            return found
        }
        return answer
    }

    /// What could not be read, but was archived twice and answered from there.
    var warnings: [String] { detours.withLock { $0.map { "\($0); read from another chunk that holds the same" } } }
}
