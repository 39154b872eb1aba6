import Foundation
import TestSupport
import Testing

/// Thousands of courses of an agent, each from a seed, through crashes, lost power, a failing and a full disk and a failing
/// store; see `SimulatedRun`.
///
///     FIRN_TEST_SEEDS=N        so many seeds
///     FIRN_TEST_SEED=N         this one, with all that happened in it
///     FIRN_TEST_EFFORT=long    ten times as many
///
/// Dictionaries are walked in an order that differs from process to process unless `SWIFT_DETERMINISTIC_HASHING=1`, which
/// `deploy/test` sets: with it a seed gives the same course each time.
@Suite struct SimulationTests {
    static var seeds: Range<UInt64> {
        let environment = ProcessInfo.processInfo.environment
        if let count = environment["FIRN_TEST_SEEDS"].flatMap(UInt64.init) { return 0..<count }
        switch environment["FIRN_TEST_EFFORT"] {
        case "quick": return 0..<200
        case "long": return 0..<20_000
        default: return 0..<2000
        }
    }

    private static let steps = 60

    @Test(.enabled(if: ProcessInfo.processInfo.environment["FIRN_TEST_SEED"] == nil))
    func nothingIsLostDoubledOrReordered() async throws {
        var total = SimulatedRun.Figures()
        var failures = 0
        for seed in Self.seeds {
            let run = SimulatedRun(seed: seed)
            await run.run(steps: Self.steps)
            total.add(run.figures)
            guard !run.complaints.isEmpty else { continue }
            failures += 1
            Issue.record(
                """
                seed \(seed): \(run.complaints.joined(separator: "; "))
                replay: SWIFT_DETERMINISTIC_HASHING=1 FIRN_TEST_SEED=\(seed) swift test --filter SimulationTests
                """)
            // What is broken shows soon.
            if failures == 3 { break }
        }
        print("\(Self.seeds.count) courses: \(total)")
        #expect(total.kills > 0 && total.powerCuts > 0 && total.failures > 0 && total.lines > 0)
    }

    @Test(.enabled(if: ProcessInfo.processInfo.environment["SWIFT_DETERMINISTIC_HASHING"] != nil))
    func aSeedGivesTheSameCourseAgain() async throws {
        for seed: UInt64 in 0..<5 {
            let (one, other) = (SimulatedRun(seed: seed, traces: true), SimulatedRun(seed: seed, traces: true))
            await one.run(steps: Self.steps)
            await other.run(steps: Self.steps)
            #expect(one.course == other.course, "seed \(seed)")
            #expect(!one.course.isEmpty)
        }
    }

    @Test(.enabled(if: ProcessInfo.processInfo.environment["FIRN_TEST_SEED"] != nil))
    func oneSeed() async throws {
        let seed = try #require(ProcessInfo.processInfo.environment["FIRN_TEST_SEED"].flatMap(UInt64.init))
        let run = SimulatedRun(seed: seed, traces: true)
        await run.run(steps: Self.steps)
        print(run.course)
        #expect(run.complaints.isEmpty, "seed \(seed): \(run.complaints.joined(separator: "; "))")
    }
}

extension SimulatedRun.Figures: CustomStringConvertible {
    mutating func add(_ other: Self) {
        calls += other.calls
        kills += other.kills
        powerCuts += other.powerCuts
        failures += other.failures
        lines += other.lines
        chunks += other.chunks
    }

    var description: String {
        "\(calls) calls of the disk, \(kills) kills, \(powerCuts) power cuts, \(failures) ends by an error, "
            + "\(lines) lines, \(chunks) chunks"
    }
}
