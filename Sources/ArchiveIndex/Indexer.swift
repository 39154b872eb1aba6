package import Logging
package import ObjectStore

/// Builds the indexes from manifests. Any number of indexers may run at once, without locks: what they write is named
/// by what it covers, and equal coverage means equal rows.
///
/// A run writes one set of objects for the hours that have been closed since the last, and what is there of the open
/// ones. When more sets are in use than `IndexerSettings.liveSets`, some are merged. Objects that others replace are
/// left where they are: nothing is deleted.
package struct Indexer: Sendable {
    let fetcher: IndexFetcher
    let writer: IndexSetWriter
    let settings: IndexerSettings
    let logger: Logger

    package init(store: any ObjectStore, logger: Logger, settings: IndexerSettings = IndexerSettings()) {
        fetcher = IndexFetcher(store: store)
        writer = IndexSetWriter(fetcher: fetcher, settings: settings)
        self.settings = settings
        self.logger = logger
    }

    /// Brings the indexes up to date once.
    /// - Parameter leastManifests: how many new manifests of open hours are worth an object of their own; readers read
    ///   those that no object covers.
    /// - Throws: `StoreError` where the store cannot be listed or written, or the task is cancelled.
    package func update(leastManifests: Int = 1) async throws -> IndexReport {
        var run = IndexerRun(self)
        try await run.retryingWithoutDamaged { run in
            try await run.load()
            try await run.readExceptionsAgain()
            try await run.indexNewManifests(atLeast: leastManifests)
            try await run.merge()
        }
        return run.report
    }

    /// Indexes all manifests anew, whatever index objects there are.
    /// - Parameter fromChunks: before that, give a manifest to each whole chunk that has no readable one.
    package func rebuild(fromChunks: Bool) async throws -> IndexReport {
        var run = IndexerRun(self)
        if fromChunks { try await run.adoptChunks() }
        try await run.startOver()
        try await run.indexNewManifests(atLeast: 1)
        try await run.retryingWithoutDamaged { run in
            try await run.load()
            try await run.merge()
        }
        return run.report
    }

    /// Updates now and then every `interval`, until the task is cancelled. An error ends one update, not the watch.
    /// - Parameter leastManifests: as in `update`, but for the first.
    package func watch(
        every interval: Duration, clock: some Clock<Duration> = ContinuousClock(), leastManifests: Int = 32,
        report: @Sendable (Result<IndexReport, any Error>) async -> Void
    ) async {
        var least = 1
        while !Task.isCancelled {
            do {
                await report(.success(try await update(leastManifests: least)))
                least = leastManifests
            } catch {
                if Task.isCancelled { return }
                await report(.failure(error))
            }
            do { try await clock.sleep(for: interval) } catch { return }
        }
    }
}
