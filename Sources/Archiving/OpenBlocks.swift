import ArchiveTypes
import Inputs

/// The open blocks of all streams and the memory that they share.
///
/// Buffers grow by doubling up to a block's size, are counted by their capacity and are used again: what is held never
/// exceeds the budget by more than one block.
struct OpenBlocks {
    private let budget: Int
    /// Raw bytes of a full block.
    private let blockBytes: Int
    /// What open blocks and spare buffers take.
    private(set) var heldBytes = 0
    private var spare: [[UInt8]] = []
    private var spareBytes = 0
    /// Blocks in the order in which they were opened; some may have been closed since.
    private var queue: [(stream: FollowedStream, opening: Int)] = []
    private var head = 0

    private static let leastCapacity = 256
    /// Of the budget, what may lie idle.
    private static let spareShare = 8

    init(budget: Int, blockBytes: Int) {
        self.budget = budget
        self.blockBytes = blockBytes
    }

    /// What has to be closed so that a stream can take `count` bytes more within the budget: the largest blocks, and a
    /// few more than need be, so that it is not sought again for the next piece.
    func crowding(for count: Int, in stream: FollowedStream) -> ArraySlice<FollowedStream> {
        let wanted = capacity(for: count, in: stream)
        let excess = heldBytes - spareBytes + wanted - budget
        guard wanted > 0, excess > 0 else { return [] }
        let largest = streams.sorted { ($0.capacity, $1.source) > ($1.capacity, $0.source) }
        var freed = 0
        let enough = largest.firstIndex { stream in
            freed += stream.capacity
            return freed >= excess + budget / 16
        }
        return largest.prefix((enough ?? largest.count) + 1)
    }

    /// Takes a piece into its stream's open block, which `takes` it.
    mutating func append(_ piece: Piece, _ content: [UInt8], to stream: FollowedStream, now: Nanoseconds) {
        let wanted = capacity(for: piece.count, in: stream)
        if wanted > 0 {
            var buffer = takeSpare(wanted)
            stream.grow(into: &buffer)
            keep(buffer)
        }
        let isNew = stream.opened == nil
        stream.append(piece, content, now: now)
        if isNew { queue.append((stream, stream.openings)) }
    }

    /// The block that was opened first, if that was at or before `time`.
    mutating func oldest(openedBy time: Nanoseconds) -> FollowedStream? {
        while head < queue.count {
            let (stream, opening) = queue[head]
            if stream.openings == opening, let opened = stream.opened { return opened <= time ? stream : nil }
            head += 1
            if head * 2 > queue.count {
                queue.removeFirst(head)
                head = 0
            }
        }
        return nil
    }

    /// All streams with an open block, in the order of opening.
    var streams: [FollowedStream] {
        queue[head...].filter { $0.stream.openings == $0.opening && $0.stream.opened != nil }.map(\.stream)
    }

    /// Takes back the buffer of a block that was closed.
    mutating func keep(_ buffer: [UInt8]) {
        guard buffer.capacity > 0 else { return }
        if spareBytes + buffer.capacity <= budget / Self.spareShare {
            spareBytes += buffer.capacity
            spare.append(buffer)
        } else {
            heldBytes -= buffer.capacity
        }
    }

    /// The capacity of the buffer that a stream needs for `count` bytes more; 0 where it has room.
    private func capacity(for count: Int, in stream: FollowedStream) -> Int {
        let needed = stream.count + count
        guard needed > stream.capacity else { return 0 }
        return max(needed, min(blockBytes, max(2 * stream.capacity, Self.leastCapacity)))
    }

    /// An empty buffer of at least that capacity: the smallest spare one, unless it is far too large.
    private mutating func takeSpare(_ capacity: Int) -> [UInt8] {
        let fitting = spare.indices.filter { capacity...(4 * capacity) ~= spare[$0].capacity }
        if let index = fitting.min(by: { spare[$0].capacity < spare[$1].capacity }) {
            let buffer = spare.remove(at: index)
            spareBytes -= buffer.capacity
            return buffer
        }
        // Make room for the new one.
        while heldBytes + capacity > budget, let buffer = spare.popLast() {
            spareBytes -= buffer.capacity
            heldBytes -= buffer.capacity
        }
        var buffer: [UInt8] = []
        buffer.reserveCapacity(capacity)
        heldBytes += buffer.capacity
        return buffer
    }
}
