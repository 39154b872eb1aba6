import ArchiveTypes
import ChunkFormat

/// Which requests fetch the blocks of an answer: neighbours in a chunk are fetched by one, as far as memory can hold
/// what is fetched before its time.
struct FetchPlan: Sendable {
    struct Request: Sendable {
        var chunk: ChunkKey
        var offset: UInt64
        var length: UInt64
        /// How many pieces take their bytes from it.
        var pieces: Int
    }

    private(set) var requests: [Request] = []
    /// The request of each piece.
    private(set) var requestOfPiece: [Int] = []

    /// One request is at most this long, unless a block is: longer ones are hardly cheaper, and the first line waits.
    static let greatestJoin = 4 << 20
    /// Bytes between two wanted blocks that are cheaper to fetch than another request is.
    private static let remoteGap: UInt64 = 32 << 10
    /// This many requests at once fill a connection to a store: large answers are not squeezed into fewer.
    private static let parallelRequests: UInt64 = 8
    private static let leastJoin = 1 << 20
    /// Below it a request's round trip costs more than joining saves: where memory is short, joins shrink down to it.
    private static let shortestJoin = 256 << 10

    /// - Parameters:
    ///   - order: the pieces, in the order in which they will be needed.
    ///   - isRemote: a request costs a round trip.
    ///   - memory: bytes that may be fetched before they are needed.
    init(_ pieces: [Piece], order: [Int], isRemote: Bool, memory: Int) {
        let sorted = pieces.indices.sorted { left, right in
            let (one, other) = (pieces[left].row, pieces[right].row)
            return one.chunk == other.chunk ? one.block.offset < other.block.offset : one.chunk < other.chunk
        }
        let total = pieces.reduce(0) { $0 + $1.row.block.length }
        var limit = min(Self.greatestJoin, max(Self.leastJoin, Int(total / Self.parallelRequests)))
        join(sorted, pieces, atMost: isRemote ? limit : 0, gap: isRemote ? Self.remoteGap : 0)
        while isRemote, limit >= Self.shortestJoin, peak(order) > memory {
            limit /= 2
            join(sorted, pieces, atMost: limit < Self.shortestJoin ? 0 : limit, gap: Self.remoteGap)
        }
    }

    private mutating func join(_ sorted: [Int], _ pieces: [Piece], atMost limit: Int, gap: UInt64) {
        requests.removeAll(keepingCapacity: true)
        requestOfPiece = Array(repeating: 0, count: pieces.count)
        for index in sorted {
            let row = pieces[index].row
            if let last = requests.last, extends(last, row.chunk, row.block.offset, row.block.length, limit, gap) {
                let end = max(last.offset + last.length, row.block.offset + row.block.length)
                requests[requests.count - 1].length = end - last.offset
                requests[requests.count - 1].pieces += 1
            } else {
                requests.append(
                    Request(chunk: row.chunk, offset: row.block.offset, length: row.block.length, pieces: 1))
            }
            requestOfPiece[index] = requests.count - 1
        }
    }

    private func extends(
        _ last: Request, _ chunk: ChunkKey, _ offset: UInt64, _ length: UInt64, _ limit: Int, _ gap: UInt64
    ) -> Bool {
        guard last.chunk == chunk else { return false }
        let end = last.offset + last.length
        if offset + length <= end { return true }
        return offset <= end + gap && offset + length - last.offset <= UInt64(limit)
    }

    /// The most bytes that are held at once when each request is made as its first piece is needed and dropped with its
    /// last one.
    private func peak(_ order: [Int]) -> Int {
        var left = requests.map(\.pieces)
        var held = 0
        var greatest = 0
        for piece in order {
            let request = requestOfPiece[piece]
            if left[request] == requests[request].pieces { held += Int(requests[request].length) }
            greatest = max(greatest, held)
            left[request] -= 1
            if left[request] == 0 { held -= Int(requests[request].length) }
        }
        return greatest
    }
}
