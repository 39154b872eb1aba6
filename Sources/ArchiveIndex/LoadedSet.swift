import ArchiveTypes
import ChunkFormat

/// An index set whose footers have been read and checked.
struct LoadedSet: Sendable {
    struct Part: Sendable {
        var key: IndexObjectKey
        var footer: IndexFooter
        /// All bytes of a small object.
        var whole: [UInt8]?
    }

    var id: IndexSet.ID
    var parts: [Part]
    var coverage: IndexCoverage

    var rows: UInt64 { parts.reduce(0) { $0 + $1.footer.rows } }

    /// Neighbouring frames of one part, fetched in one request.
    struct Run: Sendable {
        var part: Part
        var fences: [IndexFence]

        /// Offset and length of the run in the object.
        var range: (offset: UInt64, length: UInt64) {
            guard let first = fences.first, let last = fences.last else { return (0, 0) }
            return (first.offset, last.offset + UInt64(last.length) - first.offset)
        }
    }

    /// The frames that `isWanted`, in runs where the bytes between two are at most `gap` and all are at most `limit`.
    func runs(gap: UInt64, limit: UInt64, where isWanted: (IndexFence) -> Bool) -> [Run] {
        var runs: [Run] = []
        for part in parts {
            var fences: [IndexFence] = []
            for fence in part.footer.frames where isWanted(fence) {
                if let first = fences.first, let last = fences.last,
                    fence.offset - last.offset - UInt64(last.length) > gap
                        || fence.offset + UInt64(fence.length) - first.offset > limit
                {
                    runs.append(Run(part: part, fences: fences))
                    fences = []
                }
                fences.append(fence)
            }
            if !fences.isEmpty { runs.append(Run(part: part, fences: fences)) }
        }
        return runs
    }
}
