import ArchiveTypes
import Foundation
import TestSupport
import Testing

@Suite struct TimeTests {
    private static let seed: UInt64 = 0x71AE

    /// Foundation's calendar is the oracle.
    @Test func civilTimesAreTheCalendars() throws {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(identifier: "UTC"))
        var random = SeededGenerator(seed: Self.seed)
        for _ in 0..<2000 {
            // Foundation's Gregorian calendar is Julian before 1582, and proleptic here: both agree from 1678 on.
            let seconds = Int64.random(in: -9_200_000_000...9_200_000_000, using: &random)
            let parts = calendar.dateComponents(
                [.year, .month, .day, .hour, .minute, .second], from: Date(timeIntervalSince1970: Double(seconds)))
            let civil = CivilTime(seconds * .perSecond + 7)
            #expect(
                [civil.year, civil.month, civil.day, civil.hour, civil.minute, civil.second]
                    == [parts.year, parts.month, parts.day, parts.hour, parts.minute, parts.second],
                "second \(seconds), seed \(Self.seed)")
            #expect(civil.nanosecond == 7 && civil.nanoseconds == seconds * .perSecond + 7)
            #expect(CivilTime(rfc3339Nanoseconds: CivilTime.rfc3339(civil.nanoseconds)) == civil)
        }
    }

    @Test func hoursAreTheirTexts() throws {
        var random = SeededGenerator(seed: Self.seed)
        for _ in 0..<2000 {
            let hour = Hour(containing: Int64.random(in: -9_200_000_000...9_200_000_000, using: &random) * .perSecond)
            #expect(Hour(hour.description) == hour)
            #expect(Hour(containing: hour.start) == hour && Hour(containing: hour.end - 1) == hour)
            #expect(Hour(containing: hour.end).number == hour.number + 1)
        }
    }

    @Test(arguments: [
        "", "2026-02-29/00", "2026-13-01/00", "2026-00-01/00", "2026-01-01/24", "2026-1-01/00", "2026-01-01T00",
        "2026-01-01/0", "2026-01-01/000", "1677-01-01/00", "2262-01-01/00", "-026-01-01/00", "٢٠٢٦-٠١-٠١/٠٠",
    ]) func textsThatAreNoHourAreRefused(_ text: String) { #expect(Hour(text) == nil) }

    @Test func rangesHoldTheirBeginningAndNotTheirEnd() {
        let range = TimeRange(from: 10, to: 20)
        #expect(range.contains(10) && range.contains(19) && !range.contains(20) && !range.contains(9))
        #expect(range.overlaps(least: 0, greatest: 10) && !range.overlaps(least: 0, greatest: 9))
        #expect(range.overlaps(least: 19, greatest: 30) && !range.overlaps(least: 20, greatest: 30))
    }
}
