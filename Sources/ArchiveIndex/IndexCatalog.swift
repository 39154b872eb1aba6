import ArchiveTypes
import ChunkFormat
import ObjectStore

/// The parts of one coverage in one of the two indexes, as a listing shows them.
struct IndexSet: Sendable, Hashable {
    struct ID: Sendable, Hashable {
        var kind: IndexKind
        var name: IndexName
    }

    struct Part: Sendable, Hashable {
        var key: IndexObjectKey
        var size: UInt64
    }

    var id: ID
    /// Ascending, from part 0 without a gap.
    var parts: [Part]

    var name: IndexName { id.name }
    var size: UInt64 { parts.reduce(0) { $0 + $1.size } }
}

/// What there is under `index/`, and which of it is worth reading. Knows names only.
struct IndexCatalog: Sendable {
    private(set) var sets: [IndexSet] = []
    /// Keys that are not of this format.
    private(set) var strangers: [String] = []

    init(_ entries: [ListPage.Entry]) {
        var parts: [IndexSet.ID: [IndexSet.Part]] = [:]
        for entry in entries {
            if let key = IndexObjectKey(entry.key) {
                let id = IndexSet.ID(kind: key.kind, name: key.name)
                parts[id, default: []].append(IndexSet.Part(key: key, size: entry.size))
            } else {
                strangers.append(entry.key)
            }
        }
        for (id, found) in parts {
            let sorted = found.sorted { $0.key.part < $1.key.part }
            guard sorted.enumerated().allSatisfy({ $0.offset == $0.element.key.part }) else { continue }
            sets.append(IndexSet(id: id, parts: sorted))
        }
    }

    /// Only what both indexes have, of the time index: what an indexer builds on.
    func paired(without excluded: Set<IndexName>) -> IndexCatalog {
        var catalog = self
        let hosts = Set(sets.lazy.filter { $0.id.kind == .host }.map(\.name))
        catalog.sets = sets.filter { $0.id.kind == .time && hosts.contains($0.name) && !excluded.contains($0.name) }
        return catalog
    }

    /// The sets to read instead of manifests.
    struct Choice: Sendable {
        /// Together they cover all hours up to `through`, without a gap; in that order.
        var chain: [IndexSet] = []
        var through: Hour?
        /// Sets that cover something of later hours.
        var open: [IndexSet] = []

        var all: [IndexSet] { chain + open }
    }

    /// A reader need not look at every set of the last hours, since whatever it leaves out it reads from manifests:
    /// merged ones are greater than those that they replace.
    static let openSets = 24

    func choice(preferring kind: IndexKind, without excluded: Set<IndexSet.ID> = []) -> Choice {
        let usable = sets.filter { !excluded.contains($0.id) }
        var choice = Choice()
        while let next = usable.filter({ extends($0, choice.through) }).max(by: { isWorse($0, $1, kind) }) {
            choice.chain.append(next)
            choice.through = next.name.closed?.through
        }
        let open = usable.filter { set in
            guard let last = set.name.last, !choice.chain.contains(set) else { return false }
            return choice.through.map { $0 < last } ?? true
        }
        let byName = Dictionary(grouping: open, by: \.name).values.compactMap { twins in
            twins.first { $0.id.kind == kind } ?? twins.first
        }
        choice.open = Array(byName.sorted { ($0.size, $1.name) > ($1.size, $0.name) }.prefix(Self.openSets))
        return choice
    }

    private func extends(_ set: IndexSet, _ through: Hour?) -> Bool {
        guard let closed = set.name.closed else { return false }
        return !IndexCoverage.ClosedHours.isBefore(through, closed.after)
            && (through.map { $0 < closed.through } ?? true)
    }

    private func isWorse(_ left: IndexSet, _ right: IndexSet, _ kind: IndexKind) -> Bool {
        if left.name.edition != right.name.edition { return left.name.edition < right.name.edition }
        if let ours = left.name.closed?.through, let theirs = right.name.closed?.through, ours != theirs {
            return ours < theirs
        }
        if left.id.kind != right.id.kind { return right.id.kind == kind }
        return left.name < right.name
    }
}
