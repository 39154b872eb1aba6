import ArchiveTypes
import ChunkFormat
import Logging
import Spool

/// The way of blocks into the spool, in order. Where that has no room they wait here, and so does reading: it is few
/// blocks that wait, those of the lines that were read when there was no room any more.
struct SpoolQueue {
    private let spool: Spool
    private let logger: Logger
    private let sealed: @Sendable (SealedChunk) -> Void
    private var waiting: [EncodedBlock] = []
    private var head = 0
    private var spare: [FrameBuffer] = []
    private(set) var isHeldUp = false
    private(set) var totals = AppendedTotals()

    private static let mostSpare = 2

    init(spool: Spool, logger: Logger, sealed: @escaping @Sendable (SealedChunk) -> Void) {
        self.spool = spool
        self.logger = logger
        self.sealed = sealed
    }

    /// Whether all blocks so far are in the spool.
    var isEmpty: Bool { head == waiting.count }

    /// Storage for the next frame.
    mutating func frame() -> FrameBuffer { spare.popLast() ?? FrameBuffer() }

    /// Hands a block on, after those that wait.
    /// - Throws: `SpoolError` of any kind but `.full`.
    mutating func append(_ block: EncodedBlock) throws(SpoolError) {
        waiting.append(block)
        try flush()
    }

    /// Tries again what waits.
    mutating func flush() throws(SpoolError) {
        while head < waiting.count {
            let block = waiting[head]
            let length = block.frame.bytes.count
            guard spool.hasRoom(for: length) else {
                return holdUp("the spool \(spool.path) is at its ceiling of \(spool.maxBytes) bytes")
            }
            do throws(SpoolError) {
                if let chunk = try spool.append(block.header, frame: block.frame.bytes) { sealed(chunk) }
            } catch {
                guard error.kind == .full else { throw error }
                return holdUp("\(error)")
            }
            head += 1
            totals.add(block.header)
            if spare.count < Self.mostSpare { spare.append(block.frame) }
        }
        waiting.removeAll(keepingCapacity: true)
        head = 0
        if isHeldUp { logger.notice("there is room in the spool again: reading goes on") }
        isHeldUp = false
    }

    private mutating func holdUp(_ reason: String) {
        waiting.removeFirst(head)
        head = 0
        if !isHeldUp { logger.error("\(reason): reading waits until there is room") }
        isHeldUp = true
    }
}

/// What an agent handed to its spool since it began.
package struct AppendedTotals: Codable, Sendable, Hashable {
    package var blocks: UInt64 = 0
    package var lines: UInt64 = 0
    package var rawBytes: UInt64 = 0
    package var gaps: UInt64 = 0
    package var heartbeats: UInt64 = 0

    package init() {}

    mutating func add(_ draft: BlockDraft) {
        blocks += 1
        lines += UInt64(draft.lineCount) - (draft.continuesBefore ? 1 : 0)
        rawBytes += draft.positions.count
    }

    mutating func add(_ header: BlockHeader) {
        switch header.kind {
        case .gap: gaps += 1
        case .heartbeat: heartbeats += 1
        case .lines:
            blocks += 1
            lines += UInt64(header.lineCount) - (header.continuesBefore ? 1 : 0)
            rawBytes += header.rawLength
        }
    }
}
