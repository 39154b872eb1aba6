import ArchiveTypes
import ChunkFormat
import Logging
import ObjectStore

/// One run of the indexer: what it knows of the store, and what it has done.
struct IndexerRun {
    let indexer: Indexer
    var report = IndexReport()
    var live = LiveIndex()
    /// Names of sets that turned out to be damaged or gone.
    private var excluded: Set<IndexName> = []
    /// Of new sets: above all that should not be used any more.
    private var edition: UInt8 = 0

    private var fetcher: IndexFetcher { indexer.fetcher }
    private var settings: IndexerSettings { indexer.settings }
    /// Manifests that are in memory at a time.
    private static let manifestsAtATime = 64
    /// An outage must not make exceptions of every manifest of its time.
    static let endingErrors: Set<StoreError.Kind> = [.cancelled, .transient, .configuration, .full]

    init(_ indexer: Indexer) { self.indexer = indexer }

    /// Begins `body` again, as if it were not there, when an index object cannot be used. Each time there is one less.
    mutating func retryingWithoutDamaged(_ body: (inout IndexerRun) async throws -> Void) async throws {
        while true {
            do {
                return try await body(&self)
            } catch let failure as IndexObjectFailure {
                exclude(failure)
            }
        }
    }

    private mutating func exclude(_ failure: IndexObjectFailure) {
        excluded.insert(failure.id.name)
        if let problem = failure.problem { addProblem(problem) }
    }

    private mutating func addProblem(_ problem: IndexProblem) {
        guard !report.problems.contains(problem) else { return }
        indexer.logger.warning("cannot use an object", metadata: ["key": "\(problem.object)", "why": "\(problem.why)"])
        report.problems.append(problem)
    }

    /// Lists the index and reads the footers of what is in use.
    mutating func load() async throws {
        live = LiveIndex()
        live.catalog = IndexCatalog(try await fetcher.list(KeyLayout.index).entries)
        var choice = live.catalog.paired(without: excluded).choice(preferring: .time)
        var loaded = try await load(choice.all)
        while loaded.count < choice.all.count {
            choice = live.catalog.paired(without: excluded).choice(preferring: .time)
            loaded = try await load(choice.all)
        }
        live.chain = Array(loaded.prefix(choice.chain.count))
        live.open = Array(loaded.dropFirst(choice.chain.count))
        live.through = choice.through
        live.dropContained()
        report.closedThrough = live.through
    }

    /// Those that can be used; the others are excluded.
    private mutating func load(_ sets: [IndexSet]) async throws -> [LoadedSet] {
        let fetcher = fetcher
        let results = try await concurrently(sets) { set -> Result<LoadedSet, IndexObjectFailure> in
            do { return .success(try await fetcher.load(set)) } catch let failure as IndexObjectFailure {
                return .failure(failure)
            }
        }
        var loaded: [LoadedSet] = []
        for result in results {
            switch result {
            case .success(let set): loaded.append(set)
            case .failure(let failure): exclude(failure)
            }
        }
        return loaded
    }

    /// Forgets all index objects; what is written from now on replaces them.
    mutating func startOver() async throws {
        let catalog = IndexCatalog(try await fetcher.list(KeyLayout.index).entries)
        let greatest = catalog.sets.map(\.name.edition).max()
        edition = greatest.map { min($0 + 1, IndexName.greatestEdition) } ?? 0
        live = LiveIndex()
    }
}

extension IndexerRun {
    /// Manifests that could not be read when their hour was indexed: those that can be now are added to their set.
    mutating func readExceptionsAgain() async throws {
        let coverages = live.coverages
        var hasChanged = false
        for set in live.chain {
            let missing = set.coverage.exceptions.filter { key in !coverages.contains { $0.covers(key) } }
            guard !missing.isEmpty else { continue }
            var batch = RowBatch()
            let resolved = try await read(missing.sorted(), into: &batch)
            guard !resolved.isEmpty else { continue }
            var rows = try await self.rows(of: [set])
            rows.batch = batch
            try await write(rows, set.coverage.resolving(resolved))
            hasChanged = true
        }
        if hasChanged { try await load() }
    }

    /// Writes sets for the hours that have been closed since the last run and for new manifests of open hours.
    mutating func indexNewManifests(atLeast least: Int) async throws {
        let listing = try await fetcher.manifests(after: live.through)
        for key in listing.strangers {
            addProblem(IndexProblem(.detour, object: key, why: "name is not of this archive's format"))
        }
        let firstOpen = Hour(containing: listing.time - settings.closingDelay)
        let closing = listing.keys.filter { $0.hour < firstOpen }
        let ambiguous = IndexCoverage.ambiguous(among: listing.keys)
        let coverages = live.coverages
        let open = listing.keys.filter { key in
            key.hour >= firstOpen && !ambiguous.contains(key) && !coverages.contains { $0.covers(key) }
        }
        guard !closing.isEmpty || open.count >= least else { return }
        var batch = Batch(after: live.through)
        try await add(closing: closing, to: &batch)
        try await add(open: open, to: &batch)
        try await flush(&batch)
    }

    /// What will become one set: whole hours, then manifests of open ones.
    private struct Batch {
        var rows = RowBatch()
        var after: Hour?
        var through: Hour?
        var open: [ManifestKey] = []
        var exceptions: [ManifestKey] = []

        init(after: Hour?) { self.after = after }
    }

    /// An hour is never cut: its rows are either all in a set or none.
    private mutating func add(closing: [ManifestKey], to batch: inout Batch) async throws {
        var rest = closing[...]
        while let hour = rest.first?.hour {
            let keys = Array(rest.prefix { $0.hour == hour })
            rest = rest.dropFirst(keys.count)
            let read = Set(try await read(keys, into: &batch.rows))
            batch.exceptions += keys.filter { !read.contains($0) }
            batch.through = hour
            if batch.rows.length >= settings.batchLength { try await flush(&batch) }
        }
    }

    private mutating func add(open: [ManifestKey], to batch: inout Batch) async throws {
        var rest = open[...]
        while !rest.isEmpty {
            let keys = Array(rest.prefix(Self.manifestsAtATime))
            rest = rest.dropFirst(keys.count)
            batch.open += try await read(keys, into: &batch.rows)
            if batch.rows.length >= settings.batchLength { try await flush(&batch) }
        }
    }

    private mutating func flush(_ batch: inout Batch) async throws {
        let closed = batch.through.flatMap { IndexCoverage.ClosedHours(after: batch.after, through: $0) }
        let coverage = IndexCoverage(
            edition: edition, closed: closed, open: batch.open, exceptions: batch.exceptions)
        if !coverage.isEmpty {
            report.rows += batch.rows.count
            try await write(IndexSetWriter.Rows(batch: batch.rows), coverage)
        }
        report.closedThrough = batch.through ?? report.closedThrough
        batch = Batch(after: batch.through ?? batch.after)
    }

    /// Adds the rows of manifests to `batch`; returns those that could be read.
    private mutating func read(_ keys: [ManifestKey], into batch: inout RowBatch) async throws -> [ManifestKey] {
        let fetcher = fetcher
        var done: [ManifestKey] = []
        for start in stride(from: 0, to: keys.count, by: Self.manifestsAtATime) {
            let slice = Array(keys[start..<min(keys.count, start + Self.manifestsAtATime)])
            let results = try await concurrently(slice) {
                try await fetcher.manifest($0, ending: Self.endingErrors).map { RowBatch($0) }
            }
            for (key, result) in zip(slice, results) {
                switch result {
                case .success(let rows):
                    batch.append(rows)
                    done.append(key)
                case .failure(let problem): addProblem(problem)
                }
            }
        }
        report.manifestsRead += done.count
        return done
    }

    private mutating func write(_ rows: IndexSetWriter.Rows, _ coverage: IndexCoverage) async throws {
        let written = try await indexer.writer.write(rows, coverage)
        report.objects += written.keys
        report.bytes += written.bytes
        indexer.logger.info("wrote an index", metadata: ["name": "\(IndexName(written.coverage))"])
    }

    private func rows(of sets: [LoadedSet]) async throws -> IndexSetWriter.Rows {
        let fetcher = fetcher
        let names = Set(sets.map(\.id.name))
        let twins = live.catalog.sets.filter { $0.id.kind == .host && names.contains($0.name) }
        let hosts = try await concurrently(twins) { try await fetcher.load($0) }
        return IndexSetWriter.Rows(sets: [.time: sets, .host: hosts])
    }

    /// Merges sets until few enough are in use.
    mutating func merge() async throws {
        try await load()
        while let group = live.mergeable(limit: settings.liveSets) {
            var coverage: IndexCoverage?
            for set in group { coverage = coverage == nil ? set.coverage : coverage?.union(set.coverage) }
            guard let coverage else { return }
            let before = live.all.count
            try await write(try await rows(of: group), coverage)
            report.merged += group.count
            try await load()
            guard live.all.count < before else { return }
        }
    }
}
