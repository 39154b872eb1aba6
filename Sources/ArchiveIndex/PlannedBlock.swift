package import ArchiveTypes
package import ChunkFormat

/// A block to read, and what of it to show.
package struct PlannedBlock: Sendable, Hashable {
    package var row: IndexRow
    /// The positions that no earlier-ranked block shows, ascending: all of the block's, where nothing overlaps it.
    package var show: [PositionRange]
    /// The blocks that show the others. Where their bytes at the positions in common equal this block's, only `show` is
    /// to be shown; where they do not, all of it, and that is worth a warning.
    package var contested: [IndexRow]
    /// Other blocks of the same lines, for when this one cannot be read.
    package var alternatives: [IndexRow] = []

    package init(row: IndexRow, show: [PositionRange], contested: [IndexRow] = []) {
        self.row = row
        self.show = show
        self.contested = contested
    }
}

/// What a query has to read.
package struct BlockPlan: Sendable {
    /// Ordered by least event time, then stream, generation and position.
    package var blocks: [PlannedBlock] = []
    /// Blocks that equal others: sent twice, shown once.
    package var duplicates = 0
    /// What the answer lacks.
    package var incomplete: [IndexProblem] = []
    /// What could not be used, where the answer was found otherwise.
    package var warnings: [IndexProblem] = []
    package var steps = Steps()

    /// How the plan came about.
    package struct Steps: Sendable, Hashable {
        /// Keys of the index objects that were used.
        package var indexObjects: [String] = []
        /// Frames of rows that were read, of all that these objects have.
        package var framesRead = 0
        package var frames = 0
        /// Manifests that no index object covers.
        package var manifestsRead = 0
        /// How often the plan was begun again, because an index object could not be used.
        package var restarts = 0
    }

    package init() {}
}
