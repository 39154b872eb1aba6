import ChunkFormat

/// Sorted rows of one section of an index, from memory or from an index set, one after the other.
struct RowSource {
    /// Whole lines, of which those from `next` on are still to come.
    private var text: [UInt8]
    private var next = 0
    private var lineEnd = 0
    private var waiting: ArraySlice<LoadedSet.Run>
    private let id: IndexSet.ID?

    /// Compressed bytes that a merge fetches of each of its sources at a time.
    private static let runLength: UInt64 = 256 << 10

    init(_ batch: RowBatch, _ kind: IndexKind, isLong: Bool) throws {
        text = batch.sorted(kind, isLong: isLong)
        waiting = []
        id = nil
        try findLine()
    }

    /// Has no row before `refill`.
    init(_ set: LoadedSet, isLong: Bool) {
        text = []
        waiting = set.runs(gap: 0, limit: Self.runLength) { $0.isLong == isLong }[...]
        id = set.id
    }

    var hasRow: Bool { next < text.count }

    func withRow<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try text.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[next..<lineEnd])) }
    }

    /// Passes to the next row in memory.
    mutating func advance() throws {
        next = lineEnd
        try findLine()
    }

    private mutating func findLine() throws {
        guard next < text.count else { return }
        let start = next
        lineEnd = try text.withUnsafeBytes { try IndexRowReader.lineEnd($0, from: start) } + 1
    }

    /// Fetches further rows where those in memory are used up.
    mutating func refill(_ fetcher: IndexFetcher) async throws {
        while !hasRow, let id, let run = waiting.popFirst() {
            var rows: [UInt8] = []
            try await fetcher.read(run, of: id) { rows.append(contentsOf: $0) }
            text = rows
            next = 0
            try findLine()
        }
    }
}
