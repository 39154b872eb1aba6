import ArchiveIndex
import ArchiveTypes
import ChunkFormat
import TestSupport
import Testing

@Suite struct DuplicatesTests {
    private func row(_ chunk: UInt64, _ positions: Range<UInt64>, checksum: UInt64, kind: BlockKind = .lines) throws
        -> IndexRow
    {
        var row = try IndexObjectTests.row(at: 1_763_800_000 * .perSecond, index: chunk)
        row.block.kind = kind
        row.block.positions = PositionRange(first: positions.lowerBound, end: positions.upperBound)
        row.block.rawLength = UInt64(positions.count)
        row.block.rawChecksum = checksum
        return row
    }

    private func range(_ first: UInt64, _ end: UInt64) -> PositionRange { PositionRange(first: first, end: end) }

    @Test func sentTwiceIsShownOnce() throws {
        let rows = [try row(2, 0..<10, checksum: 1), try row(1, 0..<10, checksum: 1), try row(1, 10..<20, checksum: 2)]
        let plan = Duplicates.resolve(rows)
        #expect(plan.map(\.row) == [rows[1], rows[2]])
        #expect(plan.allSatisfy { $0.contested.isEmpty && $0.show == [$0.row.block.positions] })
    }

    @Test func partialOverlap() throws {
        let first = try row(1, 10..<20, checksum: 1)
        let second = try row(2, 0..<30, checksum: 2)
        let third = try row(3, 25..<40, checksum: 3)
        let plan = Duplicates.resolve([third, second, first])
        let planned = Dictionary(uniqueKeysWithValues: plan.map { ($0.row, $0) })
        #expect(planned[first]?.show == [range(10, 20)] && planned[first]?.contested == [])
        #expect(planned[second]?.show == [range(0, 10), range(20, 30)] && planned[second]?.contested == [first])
        #expect(planned[third]?.show == [range(30, 40)] && planned[third]?.contested == [second])
    }

    @Test func samePositionsOtherBytes() throws {
        let (first, second) = (try row(1, 0..<10, checksum: 1), try row(2, 0..<10, checksum: 2))
        let plan = Duplicates.resolve([first, second])
        #expect(plan.first { $0.row == second }?.show == [])
        #expect(plan.first { $0.row == second }?.contested == [first])
    }

    @Test func otherKindsPassThrough() throws {
        let rows = [
            try row(1, 0..<10, checksum: 1), try row(2, 0..<10, checksum: 0, kind: .gap),
            try row(3, 10..<10, checksum: 0, kind: .heartbeat),
        ]
        #expect(Duplicates.resolve(rows).allSatisfy { $0.contested.isEmpty && $0.show == [$0.row.block.positions] })
    }

    /// Each position is shown by the block of the lowest rank among those that hold it, and by no other.
    @Test(arguments: UInt64(1)...20) func everyPositionOnce(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var rows: [IndexRow] = []
        for chunk in 0..<UInt64(30) {
            let first = UInt64.random(in: 0..<200, using: &random)
            let end = first + UInt64.random(in: 1...60, using: &random)
            rows.append(try row(chunk, first..<end, checksum: UInt64.random(in: 0...2, using: &random)))
        }
        let plan = Duplicates.resolve(rows.shuffled(using: &random))
        for position in UInt64(0)..<300 {
            let holders = rows.filter { $0.block.positions.first <= position && position < $0.block.positions.end }
            let shown = plan.filter { block in block.show.contains { $0.first <= position && position < $0.end } }
            #expect(shown.map(\.row) == holders.prefix(1).map { $0 }, "seed \(seed), position \(position)")
        }
        for block in plan {
            #expect(
                block.contested.allSatisfy {
                    $0.block.positions.overlaps(block.row.block.positions) && $0.chunk < block.row.chunk
                })
            let shown = block.show.reduce(0) { $0 + $1.count }
            #expect((shown == block.row.block.positions.count) == block.contested.isEmpty, "seed \(seed)")
        }
    }

    @Test func holes() throws {
        let rows = [
            try row(1, 100..<200, checksum: 1), try row(2, 200..<300, checksum: 1), try row(3, 350..<400, checksum: 1),
            try row(4, 400..<450, checksum: 0, kind: .gap), try row(5, 450..<500, checksum: 1),
            try row(6, 600..<700, checksum: 1), try row(7, 500..<500, checksum: 0, kind: .gap),
            try row(8, 900..<900, checksum: 0, kind: .heartbeat), try row(9, 250..<280, checksum: 4),
        ]
        #expect(PositionHole.find(in: rows.reversed()).map(\.positions) == [range(300, 350)])
        #expect(PositionHole.find(in: []).isEmpty)
    }
}
