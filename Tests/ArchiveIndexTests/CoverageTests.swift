import ArchiveTypes
import ChunkFormat
import TestSupport
import Testing

/// Coverage against plain sets of manifests of a small world: hours 0 to 7, two writers, sequences 0 to 9.
@Suite struct CoverageTests {
    private static let world: [ManifestKey] = (0..<8).flatMap { hour in
        ["a", "b"].flatMap { writer in
            (0..<10).compactMap { sequence in
                WriterID(writer).map { writer in
                    ManifestKey(
                        hour: Hour(number: 500_000 + hour),
                        name: ObjectName(writer: writer, sequence: sequence, sha256: String(repeating: "0", count: 64)))
                }
            }
        }
    }

    private func random(_ random: inout SeededGenerator) -> IndexCoverage {
        let hours = [Int.random(in: -1..<8, using: &random), Int.random(in: -1..<8, using: &random)].sorted()
        let after = hours[0] < 0 ? nil : Hour(number: 500_000 + hours[0])
        let closed = IndexCoverage.ClosedHours(after: after, through: Hour(number: 500_000 + hours[1]))
        let open = Self.world.filter { _ in Int.random(in: 0..<4, using: &random) == 0 }
        let exceptions = Self.world.filter { _ in Int.random(in: 0..<30, using: &random) == 0 }
        return IndexCoverage(closed: hours[1] < 0 ? nil : closed, open: open, exceptions: exceptions)
    }

    private func covered(_ coverage: IndexCoverage) -> Set<ManifestKey> {
        Set(Self.world.filter { coverage.covers($0) })
    }

    @Test func unionAndContainment() throws {
        var random = SeededGenerator(seed: 21)
        var unions = 0
        for round in 0..<3000 {
            let (one, other) = (self.random(&random), self.random(&random))
            let (ours, theirs) = (covered(one), covered(other))
            if one.contains(other) { #expect(ours.isSuperset(of: theirs), "round \(round)") }
            #expect(one.contains(one))
            #expect(try IndexCoverage(decoding: one.encoded()[...]) == one)
            #expect((one.digest == other.digest) == (one == other))
            guard let union = one.union(other) else { continue }
            unions += 1
            #expect(covered(union) == ours.union(theirs), "round \(round)")
            #expect(union.contains(one) && union.contains(other), "round \(round)")
            #expect(other.union(one) == union, "round \(round)")
        }
        #expect(unions > 500)
    }

    @Test func sequences() {
        var random = SeededGenerator(seed: 22)
        for _ in 0..<500 {
            let values = Set((0..<20).map { _ in UInt64.random(in: 0..<40, using: &random) })
            var set = SequenceSet()
            for value in values.shuffled(using: &random) { set.insert(value) }
            #expect((UInt64(0)..<40).filter { set.contains($0) } == values.sorted())
            #expect(set.ranges.count == values.filter { $0 == 0 || !values.contains($0 - 1) }.count)
        }
        var last = SequenceSet()
        last.insert(.max)
        last.insert(.max - 1)
        #expect(last.ranges == [UInt64.max - 1...UInt64.max])
    }
}
