import ArchiveTypes
import ChunkFormat
import Testing

@Suite struct PlacementRuleTests {
    private func writer() throws -> WriterID { try #require(WriterID("host-0a1b2c3d")) }

    private func rule(_ names: [String], copies: Int, domains: [String: String] = [:]) -> PlacementRule {
        PlacementRule(.copies(copies), stores: names.map { .init($0, domain: domains[$0]) })
    }

    @Test func chunksAreSpreadEvenlyOverDifferentStores() throws {
        let rule = rule(["a", "b", "c", "d", "e"], copies: 2)
        var counts: [String: Int] = [:]
        for sequence in 0..<5000 as Range<UInt64> {
            let placement = rule.placement(writer: try writer(), sequence: sequence)
            #expect(placement.count == 2 && Set(placement).count == 2)
            for store in placement { counts[store, default: 0] += 1 }
        }
        #expect(counts.count == 5)
        // 2000 each, with a standard deviation of 35.
        #expect(counts.values.allSatisfy { 1800...2200 ~= $0 }, "\(counts)")
    }

    /// A store that goes moves only what it held, one that comes takes only what it now holds.
    @Test func aStoreThatComesOrGoesMovesNoOthersChunks() throws {
        let (few, many) = (rule(["a", "b", "c", "d"], copies: 2), rule(["d", "x", "b", "a", "c"], copies: 2))
        var moved = 0
        for sequence in 0..<2000 as Range<UInt64> {
            let before = few.placement(writer: try writer(), sequence: sequence)
            let after = many.placement(writer: try writer(), sequence: sequence)
            #expect(after.filter { $0 != "x" } == Array(before.prefix(after.contains("x") ? 1 : 2)))
            if after.contains("x") { moved += 1 }
        }
        #expect(600...1000 ~= moved)
    }

    @Test func noTwoPartsLieInOneDomainWhileDomainsSuffice() throws {
        let domains = ["a": "1", "b": "1", "c": "2", "d": "2", "e": "3"]
        for sequence in 0..<500 as Range<UInt64> {
            let three = rule(["a", "b", "c", "d", "e"], copies: 3, domains: domains)
                .placement(writer: try writer(), sequence: sequence)
            #expect(Set(three.compactMap { domains[$0] }).count == 3)
            let four = rule(["a", "b", "c", "d", "e"], copies: 4, domains: domains)
                .placement(writer: try writer(), sequence: sequence)
            #expect(Set(four).count == 4 && Set(four.compactMap { domains[$0] }).count == 3)
        }
    }

    /// Where chunks lie must not depend on the version of Firn: a golden sample.
    @Test func placementsStayWhatTheyWere() throws {
        let rule = rule(["alpha", "beta", "gamma", "delta"], copies: 4)
        let seen = try (1...4).map {
            try rule.placement(writer: try writer(), sequence: UInt64($0)).joined(separator: " ")
        }
        #expect(seen == Self.golden)
    }

    static let golden = [
        "beta gamma delta alpha", "delta gamma beta alpha", "gamma delta beta alpha", "delta gamma beta alpha",
    ]
}
