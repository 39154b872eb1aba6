import ArchiveTypes
import Configuration
import Testing

@Suite struct TimeExpressionTests {
    /// 2026-11-22T21:09:03.5Z
    static let now = CivilTime(year: 2026, month: 11, day: 22, hour: 21, minute: 9, second: 3, nanosecond: 500_000_000)
        .nanoseconds

    /// Central European time with its changes of 2026 (29 March and 25 October, 01:00 UTC).
    @Sendable static func berlin(_ time: Nanoseconds) -> Int {
        let summer = CivilTime(year: 2026, month: 3, day: 29, hour: 1).nanoseconds
        let winter = CivilTime(year: 2026, month: 10, day: 25, hour: 1).nanoseconds
        return summer <= time && time < winter ? 7200 : 3600
    }

    static let inUTC = [
        ("now", "2026-11-22T21:09:03.500000000Z"),
        ("today", "2026-11-22T00:00:00.000000000Z"),
        ("yesterday", "2026-11-21T00:00:00.000000000Z"),
        ("-2h", "2026-11-22T19:09:03.500000000Z"),
        ("-1h30m", "2026-11-22T19:39:03.500000000Z"),
        ("-30d", "2026-10-23T21:09:03.500000000Z"),
        ("18:00", "2026-11-22T18:00:00.000000000Z"),
        ("18:00:07", "2026-11-22T18:00:07.000000000Z"),
        ("18:00:07.25", "2026-11-22T18:00:07.250000000Z"),
        ("2026-11-22", "2026-11-22T00:00:00.000000000Z"),
        ("2026-11-22 18:00", "2026-11-22T18:00:00.000000000Z"),
        ("2026-11-22 18:00:01.123456789", "2026-11-22T18:00:01.123456789Z"),
        ("2026-11-22T18:00", "2026-11-22T18:00:00.000000000Z"),
        ("2026-11-22T18:00:00Z", "2026-11-22T18:00:00.000000000Z"),
        ("2026-11-22t18:00:00z", "2026-11-22T18:00:00.000000000Z"),
        ("2026-11-22T18:00:00+05:30", "2026-11-22T12:30:00.000000000Z"),
        ("2026-11-22T18:00:00,5-01:00", "2026-11-22T19:00:00.500000000Z"),
        ("2024-02-29", "2024-02-29T00:00:00.000000000Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000000Z"),
        ("0", "1970-01-01T00:00:00.000000000Z"),
        ("1790000000", "2026-09-21T14:13:20.000000000Z"),
        ("1790000000.125", "2026-09-21T14:13:20.125000000Z"),
    ]

    @Test(arguments: inUTC)
    func timesOfAllKinds(text: String, expected: String) throws {
        let time = try TimeExpression.parse(text, now: Self.now, utcOffset: { _ in 0 })
        #expect(CivilTime.rfc3339(time) == expected)
    }

    static let inBerlin = [
        ("18:00", "2026-11-22T17:00:00Z"),
        ("2026-07-01", "2026-06-30T22:00:00Z"),
        ("2026-07-01T00:00:00Z", "2026-07-01T00:00:00Z"),
        // Set forward at 02:00: 02:30 never was, the clock showed 03:30.
        ("2026-03-29 01:59", "2026-03-29T00:59:00Z"),
        ("2026-03-29 02:30", "2026-03-29T01:30:00Z"),
        ("2026-03-29 03:00", "2026-03-29T01:00:00Z"),
        // Set back at 03:00: 02:30 was twice, the first is meant.
        ("2026-10-25 01:59", "2026-10-24T23:59:00Z"),
        ("2026-10-25 02:30", "2026-10-25T00:30:00Z"),
        ("2026-10-25 03:00", "2026-10-25T02:00:00Z"),
        ("2026-10-26", "2026-10-25T23:00:00Z"),
    ]

    @Test(arguments: inBerlin)
    func localTimesAcrossClockChanges(text: String, expected: String) throws {
        let time = try TimeExpression.parse(text, now: Self.now, utcOffset: Self.berlin)
        #expect(CivilTime.rfc3339(time, fractionDigits: 0) == expected)
    }

    @Test func todayIsTheLocalDay() throws {
        // 23:30 UTC is the next day in Berlin.
        let late = CivilTime(year: 2026, month: 11, day: 22, hour: 23, minute: 30).nanoseconds
        let time = try TimeExpression.parse("18:00", now: late, utcOffset: Self.berlin)
        #expect(CivilTime.rfc3339(time, fractionDigits: 0) == "2026-11-23T17:00:00Z")
    }

    @Test(arguments: [
        "", " ", "tomorrow-ish", "2026-02-29", "2026-13-01", "2026-11-31", "2026-11-22 24:00", "2026-11-22 18:60",
        "18:0", "8:00",
        "2026-11-22T18:00:00+5", "2026-11-22T18:00:00.1234567890Z", "2026-11-22T18:00:00Zulu", "2026-11-22T",
        "1500-01-01",
        "9999-01-01", "99999999999999999999", "1790000000000", "-", "-2", "-2x", "--2h", "2h", "20261122", "٢٠٢٦-11-22",
    ])
    func whatIsNoTimeIsRefused(text: String) {
        #expect(throws: InvalidValue.self) { try TimeExpression.parse(text, now: Self.now, utcOffset: { _ in 0 }) }
    }

    @Test(arguments: [
        ("2h", #""2h" is not a time; did you mean -2h, before now?"#),
        ("20261122", #""20261122" could be a date or Unix seconds; write 2026-11-22"#),
        ("1790000000000", #""1790000000000" is too large for Unix seconds; leave out milliseconds and less"#),
    ])
    func refusalsSayWhatToWrite(text: String, expected: String) {
        #expect {
            try TimeExpression.parse(text, now: Self.now, utcOffset: { _ in 0 })
        } throws: { "\($0)" == expected }
    }
}
