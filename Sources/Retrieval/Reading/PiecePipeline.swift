import ArchiveTypes
import ChunkFormat
import ObjectStore
import Synchronization
import Threads

/// Fetches and opens pieces ahead of who needs them, in the order of need, within memory's ceiling. What is asked for
/// out of order, or does not fit, is opened at once: nobody ever waits for memory.
///
/// Belongs to one task. Fetching and opening run on the pool of tasks.
final class PiecePipeline<Output: Sendable> {
    typealias Answer = Result<Output, Incompleteness>
    /// Opens the block of a piece: the piece as planned or of an alternative block, and its number.
    typealias Work = @Sendable (BlockWorker, Piece, Int, UnsafeRawBufferPointer) throws(Incompleteness) -> Output

    private let source: BlockSource
    private let pieces: [Piece]
    private let order: [Int]
    private let plan: FetchPlan
    private let options: ReadOptions
    private let costs: [Int]
    private let work: Work
    private let completion: LineCompletion?
    /// Pieces opened ahead may be this many more than were taken; doubles as they are taken, where little may be needed.
    private var lookahead: Int

    private var fetches: [Int: Fetch] = [:]
    private var openings: [Int: Task<Answer, Never>] = [:]
    private var wasTaken: [Bool]
    private var nextToFetch = 0
    private var nextToOpen = 0
    private var storedBytes = 0
    private var openBytes = 0

    private struct Fetch {
        var task: Task<Result<FetchedBytes, StoreError>, Never>
        var bytes: Int
        /// Pieces that have not been taken yet.
        var left: Int
    }

    /// - Parameters:
    ///   - order: the pieces in the order in which they will probably be taken, each once.
    ///   - costs: bytes of memory of each piece once open.
    ///   - isGradual: only the first few may be needed.
    ///   - completion: brings along what a piece's lines go on with in others; nil where that is not wanted.
    init(
        source: BlockSource, pieces: [Piece], order: [Int], plan: FetchPlan, costs: [Int], options: ReadOptions,
        isGradual: Bool, completion: LineCompletion? = nil, work: @escaping Work
    ) {
        self.source = source
        self.pieces = pieces
        self.order = order
        self.plan = plan
        self.options = options
        self.costs = costs
        self.work = work
        self.completion = completion
        lookahead = isGradual ? 2 : .max
        wasTaken = Array(repeating: false, count: pieces.count)
    }

    deinit { cancel() }

    /// The opened piece. Each piece is taken once; its memory counts until `release`.
    func take(_ piece: Int) async -> Answer {
        advance()
        if openings[piece] == nil { open(piece) }
        guard let opening = openings.removeValue(forKey: piece) else { preconditionFailure("a piece was not opened") }
        wasTaken[piece] = true
        let answer = await opening.value
        source.progress.finishBlock()
        dropFetch(of: piece)
        if lookahead < order.count { lookahead *= 2 }
        advance()
        return answer
    }

    /// A piece once more, or for the first time by itself, with other work.
    func again<Other: Sendable>(
        _ piece: Int,
        _ work: @escaping @Sendable (BlockWorker, Piece, UnsafeRawBufferPointer) throws(Incompleteness) -> Other
    ) async -> Result<Other, Incompleteness> {
        let (source, completion) = (source, completion)
        let planned = pieces[piece]
        return await Task.detached {
            var wanted = planned
            let answer: Result<Other, Incompleteness>
            switch await source.fetch(wanted) {
            case .failure(let error): answer = .failure(Incompleteness(wanted, error))
            case .success(let fetched):
                if let completion { wanted = await completion.complete(wanted, fetched, at: 0) }
                let completed = wanted
                answer = source.open(completed, fetched, at: 0) { worker, bytes throws(Incompleteness) in
                    try work(worker, completed, bytes)
                }
            }
            return await source.otherwise(answer, wanted, work)
        }.value
    }

    /// Says that of the memory of a piece, `bytes` are still held.
    func release(_ piece: Int, keeping bytes: Int = 0) {
        openBytes -= costs[piece] - bytes
    }

    func release(bytes: Int) { openBytes -= bytes }

    func cancel() {
        openings.values.forEach { $0.cancel() }
        fetches.values.forEach { $0.task.cancel() }
    }

    /// Starts what fits.
    private func advance() {
        while nextToOpen < order.count, openings.count < min(lookahead, openAhead) {
            let piece = order[nextToOpen]
            if !wasTaken[piece], openings[piece] == nil {
                guard openBytes + costs[piece] <= options.openMemory, fitsFetch(of: piece) else { break }
                open(piece)
            }
            nextToOpen += 1
        }
        nextToFetch = max(nextToFetch, nextToOpen)
        while nextToFetch < order.count, nextToFetch - nextToOpen < lookahead, fitsFetch(of: order[nextToFetch]) {
            if !wasTaken[order[nextToFetch]] { _ = fetch(for: order[nextToFetch]) }
            nextToFetch += 1
        }
    }

    private func fitsFetch(of piece: Int) -> Bool {
        if fetches[plan.requestOfPiece[piece]] != nil || wasTaken[piece] { return true }
        let length = Int(plan.requests[plan.requestOfPiece[piece]].length)
        let memory = source.isRemote ? options.storedMemory : min(options.storedMemory, localAhead)
        return (storedBytes == 0 || storedBytes + length <= memory) && source.inFlight < options.requests
    }

    private func open(_ piece: Int) {
        openBytes += costs[piece]
        let fetch = fetch(for: piece)
        let (source, planned, work, start) = (source, pieces[piece], work, start(of: piece))
        openings[piece] = Task.detached { [completion] in
            let answer: Answer
            var wanted = planned
            switch await fetch.task.value {
            case .failure(let error): answer = .failure(Incompleteness(wanted, error))
            case .success(let fetched):
                if let completion { wanted = await completion.complete(planned, fetched.bytes, at: start) }
                let completed = wanted
                answer = source.open(completed, fetched.bytes, at: start) { worker, bytes throws(Incompleteness) in
                    try work(worker, completed, piece, bytes)
                }
                fetched.finish()
            }
            return await source.otherwise(answer, wanted) { worker, other, bytes throws(Incompleteness) in
                try work(worker, other, piece, bytes)
            }
        }
    }

    /// Where the block begins in the bytes of its request.
    private func start(of piece: Int) -> Int {
        Int(pieces[piece].row.block.offset - plan.requests[plan.requestOfPiece[piece]].offset)
    }

    private func fetch(for piece: Int) -> Fetch {
        let index = plan.requestOfPiece[piece]
        if let fetch = fetches[index] { return fetch }
        let request = plan.requests[index]
        let source = source
        source.announce()
        let task = Task.detached {
            await source.fetch(request.chunk, offset: request.offset, length: request.length)
                .map { FetchedBytes($0, users: request.pieces) }
        }
        let fetch = Fetch(task: task, bytes: Int(request.length), left: request.pieces)
        storedBytes += fetch.bytes
        fetches[index] = fetch
        return fetch
    }

    private func dropFetch(of piece: Int) {
        let index = plan.requestOfPiece[piece]
        guard var fetch = fetches[index] else { return }
        fetch.left -= 1
        fetches[index] = fetch.left > 0 ? fetch : nil
        if fetch.left == 0 { storedBytes -= fetch.bytes }
    }
}

/// Fetching a file ahead saves nothing, and fresh memory costs more than reading it.
private let localAhead = 4 << 20
/// Pieces that wait opened: enough to keep all processors busy while the merge does not need a new one.
private let openAhead = 2 * WorkerThreads.processorCount

/// The bytes of one request, for as many pieces as take theirs from it; gone when the last one has.
private final class FetchedBytes: Sendable {
    private let state: Mutex<(bytes: [UInt8], users: Int)>

    init(_ bytes: [UInt8], users: Int) { state = Mutex((bytes, users)) }

    var bytes: [UInt8] { state.withLock { $0.bytes } }

    func finish() {
        state.withLock { state in
            state.users -= 1
            if state.users == 0 { state.bytes = [] }
        }
    }
}
