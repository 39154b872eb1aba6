package import ArchiveTypes
package import ChunkFormat
package import EventTime
import Inputs

/// Cuts the lines of one generation into blocks and finds their event times, in order.
package struct BlockCutter {
    package let stream: StreamID
    package private(set) var labels: Labels
    package let generation: Generation
    private var timer: LineTimer
    private var wrapped: WrappedTimes?

    /// A jump of event time ends a block only when it holds this much: shorter ones compress badly.
    private static let splitAfter = 64 << 10

    package init(
        stream: StreamID, labels: Labels, generation: Generation, timer: LineTimer, wrapping: LineWrapping? = nil
    ) {
        self.stream = stream
        self.labels = labels
        self.generation = generation
        self.timer = timer
        wrapped = wrapping.map(WrappedTimes.init)
    }

    /// Says, before the first block, how lines are wrapped.
    mutating func unwrap(_ wrapping: LineWrapping?) {
        labels = labels.marked(wrapping)
        wrapped = wrapping.map(WrappedTimes.init)
    }

    /// Goes on, before the first block, where the generation before this one ended.
    /// - Parameter lines: the first ones of this generation.
    mutating func goOn(after previous: BlockCutter, with lines: UnsafeRawBufferPointer) {
        // Any other line has a time of its own, or belongs to the time of the new file.
        if lines.first?.opensContinuation == true { timer.goOn(after: previous.timer) }
        if let before = previous.wrapped { wrapped?.goOn(after: before) }
    }

    /// The block that the lines of `piece` begin with: all of them, or those before a jump of event time. As many bytes
    /// as it has positions.
    /// - Parameter bytes: exactly those of `piece`.
    mutating func cut(_ bytes: UnsafeRawBufferPointer, _ piece: Piece, received: Nanoseconds) -> BlockDraft {
        let scan = timer.scan(
            bytes, received: received, startsInsideLine: piece.startsInsideLine, splitAfter: Self.splitAfter)
        var draft = BlockDraft(
            stream: stream, labels: labels, generation: generation,
            positions: PositionRange(first: piece.first, end: piece.first + UInt64(scan.byteCount)),
            lineCount: scan.lineCount, leastTime: scan.leastTime, greatestTime: scan.greatestTime, received: received,
            times: scan.times, continuesBefore: piece.startsInsideLine,
            continuesAfter: scan.byteCount == piece.count && piece.endsInsideLine)
        if scan.lineCount > 0 { unwrap(&draft, bytes, scan) }
        return draft
    }

    /// Learns formats, and what lines may go on with, from lines that are archived already: those before `position`.
    mutating func prime(_ lines: UnsafeRawBufferPointer, endingAt position: UInt64, received: Nanoseconds) {
        var rest = lines
        while !rest.isEmpty {
            let scan = timer.scan(
                rest, received: received, startsInsideLine: false, splitAfter: Self.splitAfter)
            guard scan.byteCount > 0 else { return }
            do throws(MalformedBytes) {
                try wrapped?.prime(
                    UnsafeRawBufferPointer(rebasing: rest[..<scan.byteCount]), at: position - UInt64(rest.count), scan)
            } catch {
                preconditionFailure("times that were just found do not read back: \(error)")
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[scan.byteCount...])
        }
    }

    /// Gives records of wrapped lines the times of what they belong to.
    private mutating func unwrap(_ draft: inout BlockDraft, _ bytes: UnsafeRawBufferPointer, _ scan: LineScan) {
        guard wrapped != nil else { return }
        let lines = UnsafeRawBufferPointer(rebasing: bytes[..<scan.byteCount])
        do throws(MalformedBytes) {
            guard
                let outcome = try wrapped?.take(
                    lines, at: draft.positions.first, scan, startsInsideLine: draft.continuesBefore)
            else { return }
            (draft.times, draft.leastTime, draft.greatestTime) = (outcome.times, outcome.least, outcome.greatest)
            draft.wrapping = outcome.wrapping
        } catch {
            preconditionFailure("times that were just found do not read back: \(error)")
        }
    }
}

extension Piece {
    /// What is left of it after its first `count` bytes, which are whole lines.
    func dropping(_ count: Int) -> Piece {
        Piece(
            first: first + UInt64(count), count: self.count - count, startsInsideLine: false,
            endsInsideLine: endsInsideLine, isLast: isLast)
    }
}
