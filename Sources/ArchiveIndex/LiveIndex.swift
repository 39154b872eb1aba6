import ArchiveTypes
import ChunkFormat

/// The index sets that are in use, as the indexer sees them: those that both indexes have.
struct LiveIndex: Sendable {
    var catalog = IndexCatalog([])
    /// Covers all hours up to `through`, in order. Of the time index.
    var chain: [LoadedSet] = []
    var through: Hour?
    /// Covers something of later hours, none wholly what another does. Of the time index.
    var open: [LoadedSet] = []

    var all: [LoadedSet] { chain + open }
    var coverages: [IndexCoverage] { all.map(\.coverage) }

    /// Sets that should become one, in ascending order; nil where `limit` is kept. Those of the last hours first, since
    /// they are small. Else the newest of the chain, and each one before them that is not much greater than all after
    /// it: so the sizes of what remains fall geometrically, and a row is written again only some logarithm of times.
    func mergeable(limit: Int) -> [LoadedSet]? {
        guard all.count > limit else { return nil }
        if let joined = joinable(open), joined.count > 1 { return joined }
        guard chain.count > 1 else { return nil }
        var start = chain.count - 2
        var rows = chain[start...].reduce(0) { $0 + $1.rows }
        while start > 0, chain[start - 1].rows <= 3 * rows {
            start -= 1
            rows += chain[start].rows
        }
        return Array(chain[start...])
    }

    /// Those whose coverage can be united with the first's.
    private func joinable(_ sets: [LoadedSet]) -> [LoadedSet]? {
        guard var coverage = sets.first?.coverage else { return nil }
        return sets.filter { set in
            guard let union = coverage.union(set.coverage) else { return false }
            coverage = union
            return true
        }
    }

    /// Drops sets that others make needless.
    mutating func dropContained() {
        var kept: [LoadedSet] = []
        for set in open.sorted(by: { ($0.rows, $0.id.name) > ($1.rows, $1.id.name) })
        where !(chain + kept).contains(where: { $0.coverage.contains(set.coverage) }) {
            kept.append(set)
        }
        open = kept.sorted { $0.id.name < $1.id.name }
    }
}
