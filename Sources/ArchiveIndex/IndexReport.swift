package import ArchiveTypes

/// What one run of the indexer did.
package struct IndexReport: Sendable {
    package var manifestsRead = 0
    package var rows = 0
    /// Keys and bytes of the index objects that were written.
    package var objects: [String] = []
    package var bytes: UInt64 = 0
    /// Index objects that were merged into greater ones.
    package var merged = 0
    /// Chunks that had no readable manifest and got one.
    package var adopted: [ChunkKey] = []
    /// What could not be read: the rest was indexed.
    package var problems: [IndexProblem] = []
    /// The last hour of manifests that is covered for good.
    package var closedThrough: Hour?

    /// Whether everything that is there has been indexed.
    package var isComplete: Bool { !problems.contains { $0.effect == .incomplete } }

    package init() {}
}
