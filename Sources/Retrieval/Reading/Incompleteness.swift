package import ArchiveTypes
import ChunkFormat
import ObjectStore

/// Something that an answer lacks, and why: the reader goes on without it, and whoever asked is told.
package struct Incompleteness: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// The object is not in the store.
        case missing
        /// The bytes are not what was archived.
        case damaged
        /// The store could not be asked, or refused.
        case unreadable
        /// Written by a later version of Firn.
        case unsupported
        /// Lost before it was archived, and said so by a gap block.
        case lost
        /// Positions that no block holds.
        case hole
        /// Lines on which the regular expression exceeded its limits.
        case undecided
    }

    package var kind: Kind
    /// Key of the object that could not be read; empty where it is about no single one.
    package var object: String
    /// Where in the object, in bytes, where that is known.
    package var offset: UInt64?
    /// The lines that the answer lacks, as far as the index knows.
    package var stream: StreamID?
    package var generation: Generation?
    package var positions: PositionRange?
    /// Least and greatest event time of what is lacking, both included.
    package var times: ClosedRange<Nanoseconds>?
    /// A lower-case clause; of several blocks, the first one's.
    package var reason: String
    /// How many blocks are lacking.
    package var blocks = 1

    package init(
        _ kind: Kind, object: String = "", offset: UInt64? = nil, stream: StreamID? = nil,
        generation: Generation? = nil, positions: PositionRange? = nil, times: ClosedRange<Nanoseconds>? = nil,
        reason: String
    ) {
        self.kind = kind
        self.object = object
        self.offset = offset
        self.stream = stream
        self.generation = generation
        self.positions = positions
        self.times = times
        self.reason = reason
    }

    package var description: String {
        var parts: [String] = []
        if let stream { parts.append(stream.description) }
        if let times {
            parts.append("\(CivilTime.rfc3339(times.lowerBound)) to \(CivilTime.rfc3339(times.upperBound))")
        }
        if let positions { parts.append("positions \(positions.first) to \(positions.end)") }
        let place = object + (offset.map { " at byte \($0)" } ?? "")
        let what = parts.isEmpty ? "" : parts.joined(separator: ", ") + ": "
        let others = blocks > 1 ? " (the first of \(blocks) blocks)" : ""
        return what + (object.isEmpty ? reason : "\(place): \(reason)") + others
    }
}

extension Incompleteness {
    init(_ piece: Piece, _ kind: Kind, offset: UInt64? = nil, reason: String) {
        let block = piece.row.block
        self.init(
            kind, object: piece.row.chunk.description, offset: offset ?? block.offset, stream: block.stream,
            generation: block.generation, positions: piece.show,
            times: block.leastTime <= block.greatestTime ? block.leastTime...block.greatestTime : nil, reason: reason)
    }

    init(_ piece: Piece, _ error: FormatError) {
        self.init(
            piece, error.kind == .unsupported ? .unsupported : .damaged, offset: error.offset, reason: error.reason)
    }

    init(_ piece: Piece, _ error: StoreError) {
        let hint = error.hint.map { "; \($0)" } ?? ""
        switch error.kind {
        case .notFound: self.init(piece, .missing, reason: "chunk is missing in store \(error.store)")
        case .rangeNotSatisfiable: self.init(piece, .damaged, reason: "chunk is shorter than the index says")
        default: self.init(piece, .unreadable, reason: "store \(error.store): \(error.reason)\(hint)")
        }
    }
}

/// Collects what an answer lacks, in bounded memory.
package struct Shortfall: Sendable {
    /// At most `kept`; `count` counts all.
    package private(set) var items: [Incompleteness] = []
    package private(set) var count = 0
    private static let kept = 10_000

    package init() {}

    package mutating func add(_ item: Incompleteness) {
        count += 1
        if items.count < Self.kept { items.append(item) }
    }

    package mutating func add(contentsOf other: Shortfall) {
        other.items.forEach { add($0) }
        count += other.count - other.items.count
    }

    package var isEmpty: Bool { count == 0 }

    /// What is kept, with ranges of a generation joined that meet, in the order in which each was met first.
    package var joined: [Incompleteness] {
        struct Kind: Hashable {
            var kind: Incompleteness.Kind
            var stream: StreamID?
            var generation: Generation?
        }
        var joined: [(order: Int, item: Incompleteness)] = []
        var ranges: [Kind: [(order: Int, item: Incompleteness, positions: PositionRange)]] = [:]
        for (order, item) in items.enumerated() {
            if let positions = item.positions {
                let kind = Kind(kind: item.kind, stream: item.stream, generation: item.generation)
                ranges[kind, default: []].append((order, item, positions))
            } else {
                joined.append((order, item))
            }
        }
        for found in ranges.values {
            let sorted = found.sorted { ($0.positions.first, $0.order) < ($1.positions.first, $1.order) }
            var (order, last, positions) = sorted[0]
            for next in sorted.dropFirst() {
                if next.positions.first == positions.end {
                    positions.end = next.positions.end
                    last.join(next.item, positions)
                } else {
                    joined.append((order, last))
                    (order, last, positions) = next
                }
            }
            joined.append((order, last))
        }
        return joined.sorted { $0.order < $1.order }.map(\.item)
    }
}

extension Incompleteness {
    fileprivate mutating func join(_ next: Incompleteness, _ all: PositionRange) {
        positions = all
        blocks += next.blocks
        guard let these = times, let those = next.times else { return times = times ?? next.times }
        times = min(these.lowerBound, those.lowerBound)...max(these.upperBound, those.upperBound)
    }
}
