import ArchiveTypes
package import ChunkFormat
package import Logging
package import ObjectStore

/// Plans queries: finds the blocks that can hold an answer, from index objects and from the manifests that those do
/// not cover yet. A query sees a chunk from the moment its manifest exists.
///
/// Three round trips, however large the archive is: a listing of the index; the footers of the objects that are worth
/// it, and a listing of the manifests after them; the frames of rows that can match, and the manifests not covered.
package struct IndexReader: Sendable {
    private let fetcher: IndexFetcher
    private let logger: Logger
    private let firstListing: ListingAhead?
    private let rule: Redundancy.Rule?
    /// After as many attempts with index objects that failed, manifests alone are read.
    private static let greatestAttempts = 6
    /// Neighbouring frames are fetched together up to this; a remote store's round trip costs more than as many bytes.
    private static let runLength: UInt64 = 4 << 20
    private static let remoteGap: UInt64 = 64 << 10

    /// - Parameters:
    ///   - rule: of the archive: chunks that are there in several forms are read in its.
    ///   - beginsAtOnce: a plan will be wanted soon: the index is being listed when this returns.
    package init(
        store: any ObjectStore, logger: Logger, rule: Redundancy.Rule? = nil, beginsAtOnce: Bool = false
    ) {
        self.rule = rule
        fetcher = IndexFetcher(store: store)
        self.logger = logger
        firstListing = beginsAtOnce ? ListingAhead(fetcher) : nil
    }

    /// - Throws: `StoreError` where the store cannot be listed, or the task is cancelled.
    package func plan(_ query: BlockQuery) async throws -> BlockPlan {
        var failures = Failures()
        for attempt in 1... {
            failures.ignoresIndex = attempt > Self.greatestAttempts
            do {
                var plan = try await self.plan(query, failures)
                plan.warnings = failures.problems + plan.warnings
                plan.steps.restarts = attempt - 1
                return plan
            } catch let failure as IndexObjectFailure {
                failures.add(failure)
                logger.debug("planning again", metadata: ["why": "\(failure)"])
            }
        }
        return BlockPlan()
    }

    /// What earlier attempts could not use.
    private struct Failures {
        var excluded: Set<IndexSet.ID> = []
        var missedOnce: Set<IndexSet.ID> = []
        var problems: [IndexProblem] = []
        var ignoresIndex = false

        /// An object may have been replaced between listing and reading: the first miss only means to list again.
        mutating func add(_ failure: IndexObjectFailure) {
            if case .missing(let id, _) = failure, missedOnce.insert(id).inserted { return }
            excluded.insert(failure.id)
            if let problem = failure.problem { problems.append(problem) }
        }
    }

    private func plan(_ query: BlockQuery, _ failures: Failures) async throws -> BlockPlan {
        let listed = failures.ignoresIndex ? [] : try await list()
        let catalog = IndexCatalog(listed)
        let kind = Self.preferredKind(query)
        let choice = catalog.choice(preferring: kind, without: failures.excluded)
        async let listing = fetcher.manifests(after: choice.through)
        let sets = try await concurrently(choice.all) { try await fetcher.load($0) }
        let manifests = Self.uncovered(try await listing, by: sets.map(\.coverage))
        async let described = read(manifests, query)
        let (indexed, steps) = try await read(sets, query)
        var plan = assemble(indexed, try await described)
        plan.steps = steps
        plan.steps.manifestsRead = manifests.keys.count
        plan.warnings += (catalog.strangers + manifests.strangers).map {
            IndexProblem(.detour, object: $0, why: "name is not of this archive's format")
        }
        return plan
    }

    /// A listing made ahead is as good as one made now, once.
    private func list() async throws -> [ListPage.Entry] {
        if let ahead = firstListing?.take() {
            return try await withTaskCancellationHandler {
                try await ahead.value
            } onCancel: {
                ahead.cancel()
            }
        }
        return try await fetcher.list(KeyLayout.index).entries
    }

    /// The host index where hosts are given by at least their first characters.
    private static func preferredKind(_ query: BlockQuery) -> IndexKind {
        query.hosts.isEmpty || query.hosts.contains { $0.prefix.isEmpty } ? .time : .host
    }

    /// The manifests that have to be read by themselves.
    static func uncovered(_ listing: ManifestListing, by coverages: [IndexCoverage]) -> ManifestListing {
        let ambiguous = IndexCoverage.ambiguous(among: listing.keys)
        func isCovered(_ key: ManifestKey) -> Bool {
            coverages.contains { coverage in
                coverage.covers(key) && (!ambiguous.contains(key) || coverage.closed?.contains(key.hour) ?? false)
            }
        }
        let exceptions = Set(coverages.flatMap(\.exceptions))
        var result = listing
        result.keys = exceptions.union(listing.keys).filter { !isCovered($0) }.sorted()
        return result
    }

    private func read(
        _ manifests: ManifestListing, _ query: BlockQuery
    ) async throws -> [Result<[IndexRow], IndexProblem>] {
        try await concurrently(manifests.keys) { key in
            try await fetcher.manifest(key).map { manifest in
                manifest.blocks.filter { query.matches($0) }.map { IndexRow(chunk: manifest.chunk, block: $0) }
            }
        }
    }

    private func read(_ sets: [LoadedSet], _ query: BlockQuery) async throws -> ([[IndexRow]], BlockPlan.Steps) {
        var steps = BlockPlan.Steps()
        var runs: [(IndexSet.ID, LoadedSet.Run)] = []
        for set in sets {
            let filter = FenceFilter(set.id.kind, query)
            let found = set.runs(gap: gap, limit: Self.runLength) { filter.canMatch($0) }
            runs += found.map { (set.id, $0) }
            steps.indexObjects += set.parts.map(\.key.description)
            steps.frames += set.parts.reduce(0) { $0 + $1.footer.frames.count }
            steps.framesRead += found.reduce(0) { $0 + $1.fences.count }
        }
        let rows = try await concurrently(runs) { id, run in
            var reader = IndexRowReader(id.kind, query)
            var rows: [IndexRow] = []
            try await fetcher.read(run, of: id) { try reader.read($0, into: &rows) }
            return rows
        }
        return (rows, steps)
    }

    private var gap: UInt64 { fetcher.store.capabilities.isRemote ? Self.remoteGap : 0 }

    private func assemble(_ indexed: [[IndexRow]], _ described: [Result<[IndexRow], IndexProblem>]) -> BlockPlan {
        var plan = BlockPlan()
        var rows: [IndexRow] = []
        var seen: Set<Place> = []
        func add(_ more: [IndexRow]) {
            for row in more where seen.insert(Place(chunk: row.chunk, offset: row.block.offset)).inserted {
                rows.append(row)
            }
        }
        for more in indexed { add(more) }
        for result in described {
            switch result {
            case .success(let more): add(more)
            case .failure(let problem): plan.incomplete.append(problem)
            }
        }
        plan.blocks = Duplicates.resolve(rows, rule: rule)
        plan.duplicates = rows.count - plan.blocks.count
        return plan
    }

    private struct Place: Hashable {
        var chunk: ChunkKey
        var offset: UInt64
    }
}
