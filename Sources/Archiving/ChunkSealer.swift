import ArchiveTypes
import Logging
import Spool
import Threads

/// Merges the small blocks of the open chunk and seals it, on a thread of its own: compressing again takes a while, and
/// lines go on being made durable meanwhile.
final class ChunkSealer: Sendable {
    private let spool: Spool
    private let logger: Logger
    private let isInBackground: Bool
    /// A clock that is never set.
    private let ticks: @Sendable () -> Nanoseconds
    private let sealed: @Sendable (SealedChunk) -> Void
    private let state = Monitor(State())

    private struct State {
        var isRunning = false
        var failure: SpoolError?
        /// When to try again where the disk is full; told once, until it works again.
        var heldUpUntil: Nanoseconds?
    }

    private static let pause: Nanoseconds = 5 * .perSecond

    init(
        spool: Spool, logger: Logger, isInBackground: Bool, ticks: @escaping @Sendable () -> Nanoseconds,
        sealed: @escaping @Sendable (SealedChunk) -> Void
    ) {
        self.spool = spool
        self.logger = logger
        self.isInBackground = isInBackground
        self.ticks = ticks
        self.sealed = sealed
    }

    /// Whether nothing is under way, nor tried in vain a moment ago.
    var isFree: Bool {
        state.read { !$0.isRunning && ($0.heldUpUntil ?? .min) <= ticks() }
    }

    /// Begins with what is due, unless that is under way already.
    func start() {
        let isFree = state.update { state in
            defer { state.isRunning = true }
            return !state.isRunning
        }
        guard isFree else { return }
        let work: @Sendable () -> Void = { [self] in
            run { () throws(SpoolError) in try spool.sealIfOld() }
            state.update { $0.isRunning = false }
        }
        if isInBackground { WorkerThreads.start(work) } else { work() }
    }

    /// - Throws: what made the spool's disk fail.
    func check() throws(SpoolError) {
        if let failure = state.read({ $0.failure }) { throw failure }
    }

    /// Seals whatever there is, after what is under way.
    func finish() throws(SpoolError) {
        state.wait { $0.isRunning ? nil : () }
        run { () throws(SpoolError) in try spool.seal() }
        try check()
    }

    private func run(_ seal: () throws(SpoolError) -> SealedChunk?) {
        do throws(SpoolError) {
            do throws(SpoolError) { try spool.mergeOpenChunk() } catch {
                guard error.kind != .io else { throw error }
                logger.warning("small blocks stay as they are: \(error)")
            }
            if let chunk = try seal() { sealed(chunk) }
            state.update { $0.heldUpUntil = nil }
        } catch {
            guard error.kind == .full else { return state.update { $0.failure = $0.failure ?? error } }
            let isNew = state.update { state in
                defer { state.heldUpUntil = ticks() + Self.pause }
                return state.heldUpUntil == nil
            }
            if isNew { logger.error("\(error): the chunk is sealed when there is room") }
        }
    }
}
