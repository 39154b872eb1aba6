import ArchiveIndex
import ArchiveTypes
import ChunkFormat

/// From the index alone: blocks that overlap the range of time count whole. Texts are not looked at.
extension ArchiveReader {
    package func hosts(_ selection: Selection) async throws -> Summaries<HostSummary> {
        let (groups, plan) = try await grouped(selection) { $0.block.stream.host }
        let items = groups.map { HostSummary(host: $0.key, sources: $0.value.streams.count, summary: $0.value.summary) }
        return summaries(items.sorted { $0.host.isBefore($1.host) }, plan)
    }

    package func sources(_ selection: Selection) async throws -> Summaries<SourceSummary> {
        let (groups, plan) = try await grouped(selection) { $0.block.stream }
        let items = groups.map {
            SourceSummary(stream: $0.key, generations: $0.value.generations.count, summary: $0.value.summary)
        }
        return summaries(items.sorted { $0.stream < $1.stream }, plan)
    }

    package func chunks(_ selection: Selection) async throws -> Summaries<ChunkSummary> {
        let (groups, plan) = try await grouped(selection) { $0.chunk }
        let items = groups.sorted { $0.key < $1.key }.map {
            ChunkSummary(chunk: $0.key.description, streams: $0.value.streams.count, summary: $0.value.summary)
        }
        return summaries(items, plan)
    }

    private struct Group {
        var summary = Summary()
        var streams: Set<StreamID> = []
        var generations: Set<Generation> = []
    }

    private func grouped<Key: Hashable>(
        _ selection: Selection, by key: (IndexRow) -> Key
    ) async throws -> ([Key: Group], BlockPlan) {
        let plan = try await planner.plan(selection.query([.lines, .gap]))
        var groups: [Key: Group] = [:]
        func add(_ row: IndexRow, _ body: (inout Summary) -> Void) {
            let key = key(row)
            body(&groups[key, default: Group()].summary)
            groups[key]?.streams.insert(row.block.stream)
            groups[key]?.generations.insert(row.block.generation)
        }
        for piece in PieceList(plan.blocks).pieces { add(piece.row) { $0.add(piece) } }
        for block in plan.blocks where block.row.block.kind == .gap {
            add(block.row) { $0.addGap(received: block.row.block.received) }
        }
        return (groups, plan)
    }

    private func summaries<Item: Sendable>(_ items: [Item], _ plan: BlockPlan) -> Summaries<Item> {
        Summaries(items: items, shortfall: Shortfall(plan), warnings: plan.warnings.map(\.description))
    }
}
