import ArchiveTypes
import Glibc
import TestSupport
import Testing

@Suite struct FollowScheduleTests {
    /// What kind of schedule a seed is: all that differs, spread over the seeds.
    private func kind<Tested>(_ seed: UInt64, _: Tested.Type) -> FollowSchedule<Tested>.Kind {
        var kind = FollowSchedule<Tested>.Kind()
        kind.restarts = seed % 2 == 1
        kind.equalHeads = seed / 2 % 3 == 1
        kind.isLinked = seed / 6 % 4 == 3
        kind.selectsRotated = seed / 6 % 4 == 1
        kind.isWatched = seed / 24 % 2 == 1
        return kind
    }

    /// `FIRN_TEST_SEED` is one seed that failed.
    private static let seeds: Range<UInt64> = {
        if let seed = getenv("FIRN_TEST_SEED").flatMap({ UInt64(String(cString: $0)) }) { return seed..<(seed + 1) }
        return switch getenv("FIRN_TEST_EFFORT").map({ String(cString: $0) }) {
        case "quick": 0..<50
        case "long": 0..<5000
        default: 0..<1000
        }
    }()

    /// In memory, inode numbers are used again at once.
    @Test(arguments: [true, false]) func inMemory(keepsBirths: Bool) throws {
        var lives = 0
        var windowBytes = 0
        var windowLost = 0
        var compressed = 0
        var unseen = 0
        for seed in Self.seeds where (seed % 5 != 4) == keepsBirths {
            var kind = kind(seed, MemoryDisk.self)
            kind.keepsBirths = keepsBirths
            var schedule = try FollowSchedule(
                MemoryDisk(keepsBirths: keepsBirths), seed: seed, kind, now: 1000 * .perSecond)
            schedule.run(steps: 250)
            schedule.verify()
            lives += schedule.figures.lives
            windowBytes += schedule.figures.windowBytes
            windowLost += schedule.figures.windowLost
            compressed += schedule.figures.compressed
            unseen += schedule.figures.unseenDelivered
        }
        print(
            "\(Self.seeds.count) schedules, births \(keepsBirths): \(lives) lives, \(compressed) compressed, "
                + "\(unseen) delivered that no poll had seen; copytruncate's window: \(windowLost) of \(windowBytes) bytes lost"
        )
        #expect(Self.seeds.count < 50 || compressed > 0 && windowBytes > 0)
    }

    @Test(arguments: 0..<48 as Range<UInt64>) func onADisk(seed: UInt64) throws {
        var kind = kind(seed, RealDisk.self)
        kind.growsCompressed = false
        var schedule = try FollowSchedule(RealDisk(), seed: seed, kind, now: Nanoseconds(time(nil)) * .perSecond)
        schedule.run(steps: 200)
        schedule.verify()
    }
}
