import ArchiveTypes

/// Which pieces stay in memory from their first line to their last, and which are opened again and again for the next
/// few of their lines, because more of them overlap in time than memory holds.
struct Residency: Sendable {
    /// Bytes of lines to take at a time, by piece; nil where the piece stays in memory.
    private(set) var windows: [Int?]
    private static let leastWindow = 512
    private static let greatestWindow = 128 << 10

    /// - Parameters:
    ///   - order: the pieces by the time at which they are opened; a piece is closed after its other bound.
    ///   - span: the merge keys of a piece's first and last line.
    init(_ pieces: [Piece], order: [Int], memory: Int, span: (Piece) -> ClosedRange<Nanoseconds>) {
        windows = Array(repeating: nil, count: pieces.count)
        let spans = pieces.map(span)
        let (peakBytes, peakCount) = Self.peak(pieces, order, spans)
        guard peakBytes > memory else { return }
        let window = min(Self.greatestWindow, max(Self.leastWindow, memory / 2 / max(1, peakCount)))
        var open = MergeHeap()
        var held = 0
        for piece in order {
            while let first = open.top, first.key < spans[piece].lowerBound {
                held -= cost(pieces, first.slot)
                open.removeTop()
            }
            let others = max(0, peakCount - open.count - 1)
            if held + pieces[piece].openBytes + others * window > memory { windows[piece] = window }
            held += cost(pieces, piece)
            open.insert(MergeHeap.Entry(key: spans[piece].upperBound, rank: piece, slot: piece))
        }
    }

    func cost(_ pieces: [Piece], _ piece: Int) -> Int { windows[piece] ?? pieces[piece].openBytes }

    /// The most bytes that are open at once when all pieces stay in memory, and the most pieces.
    private static func peak(
        _ pieces: [Piece], _ order: [Int], _ spans: [ClosedRange<Nanoseconds>]
    ) -> (bytes: Int, count: Int) {
        var open = MergeHeap()
        var held = 0
        var peak = (bytes: 0, count: 0)
        for piece in order {
            while let first = open.top, first.key < spans[piece].lowerBound {
                held -= pieces[first.slot].openBytes
                open.removeTop()
            }
            held += pieces[piece].openBytes
            open.insert(MergeHeap.Entry(key: spans[piece].upperBound, rank: piece, slot: piece))
            peak = (max(peak.bytes, held), max(peak.count, open.count))
        }
        return peak
    }
}
