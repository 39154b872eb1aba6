package import ArchiveIndex
package import ChunkFormat

/// Finds the blocks that can hold an answer.
package protocol BlockPlanning: Sendable {
    func plan(_ query: BlockQuery) async throws -> BlockPlan
}

extension IndexReader: BlockPlanning {}

extension Shortfall {
    /// What the plan itself could not see.
    init(_ plan: BlockPlan) {
        self.init()
        for problem in plan.incomplete { add(Incompleteness(.unreadable, object: problem.object, reason: problem.why)) }
    }
}
