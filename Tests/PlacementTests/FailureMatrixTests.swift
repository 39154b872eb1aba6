import ArchiveTypes
import Archiving
import ChunkFormat
import ObjectStore
import Placement
import TestSupport
import Testing

/// Two rules, every way to fail, and all sets of stores that fail so: what was acknowledged is read back, byte by byte,
/// as long as the rule tolerates the failure, and one failure more is told.
@Suite struct FailureMatrixTests {
    struct Rule: Sendable, CustomTestStringConvertible {
        var rule: Redundancy.Rule
        var acknowledge: Int
        var stores: Int { rule.parts }
        /// Stores that may fail while chunks are acknowledged.
        var toleratedWhileWriting: Int { min(stores - acknowledge, acknowledge - rule.needed) }
        /// Stores that may fail once all hold what they should.
        var toleratedAfterwards: Int { stores - rule.needed }
        var testDescription: String { "\(rule.text), acknowledge \(acknowledge)" }
    }

    /// Where more stores hang than one can do without.
    static let timeout = Duration.milliseconds(500)

    static let rules = [
        Rule(rule: .copies(3), acknowledge: 2), Rule(rule: .erasure(data: 4, parity: 2), acknowledge: 5),
    ]

    /// While stores fail, chunk after chunk is acknowledged, and all of it is there at that moment: through the stores that
    /// fail, and nothing is said to be missing.
    @Test(arguments: rules, StoreFailure.allCases)
    func whatIsAcknowledgedIsReadBackWhileStoresFail(rule: Rule, failure: StoreFailure) async throws {
        for (number, failing) in subsets(of: rule.stores, count: rule.toleratedWhileWriting).enumerated() {
            let seed = UInt64(number)
            let archive = try TestArchive(
                rule.rule, acknowledge: rule.acknowledge, stores: rule.stores, seed: seed)
            let members = archive.members(failure, of: failing, seed: seed)
            let writer = archive.writer(members)
            try await writer.prepare()
            var deliveries: [ChunkDelivery] = []
            for _ in 0..<3 {
                deliveries.append(try await writer.deliver(try archive.chunk(), isPersistent: true))
                let answer = try await archive.cat(members)
                expectWhole(answer, archive, "\(failure) of \(failing.sorted()), seed \(seed)")
            }
            for delivery in deliveries {
                _ = await delivery.settle(within: .zero)
                #expect(await delivery.owing.allSatisfy { name in failing.contains { "store\($0)" == name } })
            }
        }
    }

    /// Once all stores hold theirs, as many may fail as there are copies but one, or parity shards.
    @Test(arguments: rules, StoreFailure.allCases)
    func allToleratedFailuresOfReadingAreInvisible(rule: Rule, failure: StoreFailure) async throws {
        let archive = try await settled(rule)
        for count in 1...rule.toleratedAfterwards {
            for failing in subsets(of: rule.stores, count: count) {
                let answer = try await archive.cat(archive.members(failure, of: failing, timeout: Self.timeout))
                #expect(answer.bytes == archive.written, "\(failure) of \(failing.sorted())")
                #expect(
                    answer.outcome.isComplete, "\(failure) of \(failing.sorted()): \(answer.outcome.shortfall.items)")
                // With as many as that gone, nobody knows whether the others had all that was acknowledged.
                let isSurelyAll = count < rule.acknowledge || !failure.hidesListings
                #expect(
                    answer.shortfall.isEmpty == isSurelyAll, "\(failure) of \(failing.sorted()): \(answer.shortfall)")
            }
        }
    }

    /// Beyond that, an answer names the ranges that it lacks, or there is none.
    @Test(arguments: rules, StoreFailure.allCases.filter(\.isTotal))
    func oneFailureMoreIsLoud(rule: Rule, failure: StoreFailure) async throws {
        let archive = try await settled(rule)
        let all = subsets(of: rule.stores, count: rule.toleratedAfterwards + 1)
        // Stores that hang are waited for: a few sets of them say as much.
        let isWaitedFor = failure == .hanging || failure == .hangingLater
        for failing in isWaitedFor ? Array(all.prefix(1)) : all {
            let answer: TestArchive.Answer
            do {
                answer = try await archive.cat(archive.members(failure, of: failing, timeout: Self.timeout))
            } catch let error as StoreError {
                #expect(!error.reason.isEmpty)
                continue
            }
            #expect(archive.written != answer.bytes)
            #expect(!answer.isComplete, "\(failure) of \(failing.sorted()) is hidden")
            guard failing.count < rule.stores else { continue }
            // The others hold all manifests: what is lacking is known to the byte.
            let lacking = answer.outcome.shortfall.items.filter { $0.kind != .hole }
            let total = lacking.compactMap(\.positions).reduce(UInt64(0)) { $0 + $1.count }
            #expect(
                total + UInt64(answer.bytes.count) == UInt64(archive.written.count), "\(failure) of \(failing.sorted())"
            )
            #expect(lacking.allSatisfy { $0.object.hasPrefix("chunks/") })
        }
    }

    /// The same store of each part: a chunk that too few stores take is not archived.
    @Test(arguments: rules) func tooFewStoresAcknowledgeNothing(rule: Rule) async throws {
        for failing in subsets(of: rule.stores, count: rule.stores - rule.acknowledge + 1) {
            for failure in [StoreFailure.refused, .forbidden, .slowDown, .answerLost] {
                let archive = try TestArchive(
                    rule.rule, acknowledge: rule.acknowledge, stores: rule.stores, seed: 1)
                let writer = archive.writer(archive.members(failure, of: failing, timeout: Self.timeout))
                let chunk = try archive.chunk()
                let error = await #expect(throws: StoreError.self) {
                    try await writer.deliver(chunk, isPersistent: false)
                }
                #expect(error?.reason.isEmpty == false)
                #expect(archive.bases.allSatisfy { base in !base.objects.keys.contains { $0.hasPrefix("manifests/") } })
            }
        }
    }

    /// Manifests in stores that are not meant to hold the chunk do not stand in for its parts.
    @Test func manifestsElsewhereAreNoParts() async throws {
        let archive = try TestArchive(.copies(2), acknowledge: 2, stores: 4, seed: 5)
        let chunk = try archive.chunk()
        let placed = try #require(chunk.manifest.description.redundancy.placement.first)
        let failing = try #require(archive.bases.firstIndex { $0.name == placed })
        let error = await #expect(throws: StoreError.self) {
            _ = try await archive.writer(archive.members(.hangingLater, of: [failing], timeout: Self.timeout))
                .deliver(chunk, isPersistent: false)
        }
        #expect(error?.reason.contains(placed) == true)
        #expect(archive.bases.allSatisfy { base in !base.objects.keys.contains { $0.hasPrefix("manifests/") } })
    }

    /// A store of several that was emptied beside a writer, which meets a failure of it as well: what comes goes on into it,
    /// but only repair says that the archive is there.
    @Test(arguments: [1, 2]) func anEmptiedStoreIsNotDescribedAgain(stores: Int) async throws {
        let archive = try TestArchive(.copies(stores), acknowledge: stores, stores: stores, seed: 6)
        let last = stores - 1
        let faulty = FaultyStore(
            archive.bases[last], faults: [Fault(.error(.transient), on: .put, keyPrefix: KeyLayout.chunks, .nth(2))])
        var members = archive.members()
        members[last] = StoreMember(name: faulty.name, store: faulty)
        let writer = archive.writer(members)
        _ = try await writer.archive(try archive.chunk())
        for key in archive.bases[last].objects.keys { archive.bases[last].set(key, nil) }
        _ = try? await writer.deliver(try archive.chunk(), isPersistent: false)
        _ = try await writer.archive(try archive.chunk())
        let held = archive.bases[last].objects
        #expect(held.keys.contains { $0.hasPrefix(KeyLayout.manifests) })
        #expect((held[KeyLayout.archiveDescription] != nil) == (stores == 1), "\(held.keys.sorted())")
    }

    private func settled(_ rule: Rule) async throws -> TestArchive {
        let archive = try TestArchive(rule.rule, acknowledge: rule.acknowledge, stores: rule.stores, seed: 1)
        let writer = archive.writer(archive.members())
        for blocks in [3, 1, 2] { _ = try await writer.archive(try archive.chunk(blocks: blocks)) }
        let held = rule.stores * (1 + 2 * 3)
        #expect(archive.bases.reduce(0) { $0 + $1.objects.count } == held)
        return archive
    }

    private func expectWhole(_ answer: TestArchive.Answer, _ archive: TestArchive, _ what: String) {
        #expect(answer.bytes == archive.written, "\(what)")
        #expect(answer.outcome.isComplete, "\(what): \(answer.outcome.shortfall.items)")
        #expect(answer.shortfall.isEmpty, "\(what): \(answer.shortfall)")
    }
}

extension StoreFailure {
    /// Whether a store that fails so cannot be listed.
    var hidesListings: Bool {
        switch self {
        case .refused, .hanging, .hangingLater, .forbidden, .serverError, .slowDown, .empty: true
        case .slow, .truncated, .flipped, .stale, .answerLost: false
        }
    }
}
