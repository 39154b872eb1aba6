import ArchiveTypes
import EventTime
import Testing

struct LineTimerTests {
    private let received = CivilTime(year: 2024, month: 12, day: 1).nanoseconds

    private func timer(_ zone: TimeZoneRules = .utc, reference: Nanoseconds? = nil) -> LineTimer {
        LineTimer(zone: zone, reference: reference ?? received)
    }

    private func text(_ lines: [String]) -> [UInt8] { lines.flatMap { Array($0.utf8) + [0x0A] } }

    private func at(_ hour: Int, _ minute: Int = 0, _ second: Int = 0, day: Int = 1, month: Int = 11) -> Nanoseconds {
        CivilTime(year: 2024, month: month, day: day, hour: hour, minute: minute, second: second).nanoseconds
    }

    private func iso(_ time: Nanoseconds) -> String { String(CivilTime.rfc3339(time, fractionDigits: 0).dropLast()) }

    @Test func aBlockOfOneFormatTakesNextToNoRoom() throws {
        let lines = (0..<10_000).map { CivilTime.rfc3339(at(0) + Int64($0) * 1_234_567, fractionDigits: 9) + " line" }
        var timer = timer()
        let stream = try ScannedStream(text(lines), timer: &timer, received: received)
        #expect(stream.formats == ["rfc3339.1"])
        #expect(stream.scans[0].times.encoded().count < 48)
        #expect(stream.times == (0..<10_000).map { at(0) + Int64($0) * 1_234_567 })
    }

    @Test func nothingAtAllIsABlockWithoutLines() {
        var timer = timer()
        let scan = timer.scan(
            UnsafeRawBufferPointer(start: nil, count: 0), received: received, startsInsideLine: false, splitAfter: 0)
        #expect(scan.byteCount == 0 && scan.lineCount == 0)
        #expect(scan.leastTime == received && scan.greatestTime == received)
    }

    @Test func stackTracesStayWithTheLineBefore() throws {
        var lines: [String] = []
        for index in 0..<500 {
            lines.append("\(iso(at(1, 0, index % 60))),000 ERROR failed")
            lines += [
                "java.lang.IllegalStateException: no", "\tat com.example.A.b(A.java:17)", "1700000000 rows", "", "Jan",
            ]
        }
        var timer = timer()
        let stream = try ScannedStream(text(lines), timer: &timer, received: received)
        #expect(stream.formats == ["iso8601.1"])
        #expect(stream.scans[0].times.exceptionCount == 0)
        #expect(stream.times == (0..<3000).map { at(1, 0, $0 / 6 % 60) })
    }

    @Test func aBlockBeginsWithTheTimeOfTheLineBeforeIt() throws {
        var timer = timer()
        let first = try ScannedStream(
            text(["no time yet", "2024-11-01T05:00:00Z one"]), timer: &timer, received: received)
        #expect(first.times == [received, at(5)])
        let second = try ScannedStream(
            text(["\tgoes on", "2024-11-01T05:00:01Z two"]), timer: &timer, received: received + 1)
        #expect(second.times == [at(5), at(5, 0, 1)])
    }

    @Test func aLineThatGoesOnFromTheBlockBeforeIsNotLookedAt() throws {
        let bytes = text(["2024-11-01T05:00:00Z begins", "2024-11-01T06:00:00Z next"])
        var timer = timer()
        let cut = 30
        let first = Array(bytes[..<cut])
        let scan = first.withUnsafeBytes {
            timer.scan($0, received: received, startsInsideLine: false, splitAfter: .max)
        }
        #expect(scan.byteCount == cut && scan.lineCount == 2)
        let rest = Array("2024-11-01T09:00:00Z the middle of a line\n2024-11-01T06:00:01Z next\n".utf8)
        let second = rest.withUnsafeBytes {
            timer.scan($0, received: received, startsInsideLine: true, splitAfter: .max)
        }
        #expect(second.leastTime == at(5) && second.greatestTime == at(6, 0, 1))
        var table = LineTable()
        try rest.withUnsafeBytes { try second.times.read($0, startsInsideLine: true, into: &table) }
        #expect(table.times == [at(5), at(6, 0, 1)])
    }

    @Test(arguments: [1, -1])
    func aJumpOfMoreThanAnHourEndsABlockThatIsLongEnough(direction: Int64) throws {
        let start = at(12)
        let near = (0..<100).map { start + direction * Int64($0) * 36 * .perSecond }
        let far = (0..<100).map {
            start + direction * (99 * 36 * .perSecond + .perHour + 1_000_000_000 + Int64($0) * .perSecond)
        }
        let bytes = text((near + far).map { CivilTime.rfc3339($0, fractionDigits: 0) + " x" })
        for (splitAfter, counts) in [(1000, [100, 100]), (Int.max, [200])] {
            var timer = timer()
            let stream = try ScannedStream(bytes, timer: &timer, received: received, splitAfter: splitAfter)
            #expect(stream.scans.map { Int($0.lineCount) } == counts)
            #expect(stream.times == near + far)
        }
        var timer = timer()
        let hour = text([CivilTime.rfc3339(start), CivilTime.rfc3339(start + direction * .perHour)])
        #expect(try ScannedStream(hour, timer: &timer, received: received, splitAfter: 0).scans.count == 1)
    }

    @Test func anotherFormatForGoodEndsTheBlock() throws {
        let old = (0..<1000).map { at(3) + Int64($0) * .perSecond }
        let new = (0..<1000).map { at(3, 16, 40) + Int64($0) * .perSecond }
        let lines =
            old.map { iso($0) + " INFO before" } + ["\tat the end of the old"]
            + new.map { "{\"time\":\"\(CivilTime.rfc3339($0, fractionDigits: 3))\",\"msg\":\"after\"}" }
        var timer = timer()
        let stream = try ScannedStream(text(lines), timer: &timer, received: received, splitAfter: 4096)
        #expect(stream.formats == ["iso8601.1", "json-time.1"])
        #expect(stream.scans.map(\.times.exceptionCount) == [0, 0])
        #expect(stream.times == old + [old[999]] + new)
    }

    @Test func aFewLinesOfAnotherFormatAtTheBeginningBecomeExceptions() throws {
        let banner = (0..<70).map { "\(iso(at(3))) starting \($0)" }
        let new = (0..<5000).map { at(3, 0, 1) + Int64($0) * .perSecond }
        let lines = banner + new.map { "{\"time\":\"\(CivilTime.rfc3339($0))\"}" }
        var timer = timer()
        let stream = try ScannedStream(text(lines), timer: &timer, received: received, splitAfter: 1 << 16)
        #expect(stream.formats == ["json-time.1"])
        // All 70 have one time: the first exception carries to the others.
        #expect(stream.scans[0].times.exceptionCount <= 2)
        #expect(stream.times.suffix(5000) == new[...])
        #expect(stream.times[2..<70].allSatisfy { $0 == at(3) })
    }

    @Test func formatsThatAlternateAreBothRead() throws {
        let times = (0..<4000).map { at(2) + Int64($0) * .perSecond }
        let lines = times.enumerated().map { index, time in
            index % 2 == 0 ? "\(iso(time)) INFO text" : "{\"level\":\"info\",\"ts\":\(time / .perSecond)}"
        }
        var timer = timer()
        let stream = try ScannedStream(
            text(lines), timer: &timer, received: received, blockBytes: 20_000, splitAfter: 2000)
        #expect(stream.times.dropFirst(4) == times.dropFirst(4))
        #expect(Set(stream.formats).isSubset(of: ["column", "iso8601.1", "json-ts.1"]))
    }

    @Test func timesThatBeginLateAreFound() throws {
        let words = (0..<5000).map { "a line of words, number \($0)" }
        let times = (0..<500).map { at(4) + Int64($0) * .perSecond }
        var timer = timer()
        let stream = try ScannedStream(
            text(words + times.map { "Nov  1 \(iso($0).dropFirst(11)) host app: x" }), timer: &timer, received: received
        )
        #expect(stream.times == [Nanoseconds](repeating: received, count: 5000) + times)
    }

    @Test(arguments: [Int.max, 20_000])
    func clocksTurnedBackAreFollowed(splitAfter: Int) throws {
        let paris = try Samples.paris()
        // 2024-10-27T01:00Z: from 03:00 back to 02:00. A line a second, three hours around it.
        let change = CivilTime(year: 2024, month: 10, day: 27, hour: 1).nanoseconds
        let times = (0..<3 * 3600).map { change - 90 * .perMinute + Int64($0) * .perSecond }
        let lines = times.map { iso($0 + Int64(paris.utcOffset(at: $0)) * .perSecond) + ",000 INFO x" }
        var timer = timer(paris)
        let stream = try ScannedStream(
            text(lines), timer: &timer, received: received, blockBytes: 1 << 17, splitAfter: splitAfter)
        #expect(stream.times == times)
        if splitAfter < .max { #expect(stream.scans.allSatisfy { $0.times.exceptionCount == 0 }) }
    }

    @Test func theYearIsTheLatestThatTheReferenceAllows() throws {
        let cases: [(reference: CivilTime, line: String, right: CivilTime)] = [
            (
                CivilTime(year: 2024, month: 3, day: 1), "Mar  1 23:00:00",
                CivilTime(year: 2024, month: 3, day: 1, hour: 23)
            ),
            (CivilTime(year: 2024, month: 3, day: 1), "Mar  2 00:00:00", CivilTime(year: 2024, month: 3, day: 2)),
            (
                CivilTime(year: 2024, month: 3, day: 1), "Mar  2 00:00:01",
                CivilTime(year: 2023, month: 3, day: 2, second: 1)
            ),
            (CivilTime(year: 2023, month: 12, day: 31), "Jan  1 00:00:00", CivilTime(year: 2024, month: 1, day: 1)),
            (
                CivilTime(year: 2024, month: 1, day: 1), "Dec 31 12:00:00",
                CivilTime(year: 2023, month: 12, day: 31, hour: 12)
            ),
        ]
        for (reference, line, right) in cases {
            var timer = timer(reference: reference.nanoseconds)
            let stream = try ScannedStream(text([line + " host app: x"]), timer: &timer, received: received)
            #expect(stream.times == [right.nanoseconds], "\(line)")
        }
    }

    @Test func aFollowedFileGoesOnIntoTheNextYear() throws {
        var timer = timer(reference: at(0, day: 1, month: 3))
        var clock = at(0, day: 1, month: 3)
        for _ in 0..<500 {
            clock += .perDay
            let civil = CivilTime(clock)
            let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
            let day = civil.day < 10 ? " \(civil.day)" : "\(civil.day)"
            let stream = try ScannedStream(
                text(["\(months[civil.month - 1]) \(day) 00:00:00 host app: x"]), timer: &timer, received: clock)
            #expect(stream.times == [clock], "\(CivilTime.rfc3339(clock))")
        }
    }

    @Test func aNewYearInsideABlockNeedsNoColumnWhenTheBlockMayEnd() throws {
        let newYear = CivilTime(year: 2024, month: 1, day: 1).nanoseconds
        let times = (0..<2000).map { newYear + Int64($0 - 1000) * .perSecond }
        let lines = times.map { "\($0 < newYear ? "Dec 31" : "Jan  1") \(iso($0).dropFirst(11)) host app: x" }
        for (splitAfter, blocks) in [(1000, 2), (Int.max, 1)] {
            var timer = timer(reference: newYear + .perDay)
            let stream = try ScannedStream(text(lines), timer: &timer, received: received, splitAfter: splitAfter)
            #expect(stream.times == times)
            #expect(stream.scans.count == blocks)
        }
    }

    @Test func referenceAndReceiveTimeAtTheEndsOfTimeAreBorne() throws {
        let lines = text(["Nov  1 00:00:00 host app: x", "2024-11-01T00:00:00Z", "9223372036 x", "I1101 00:00:00.5 x"])
        for reference in [Nanoseconds.min, -1, 0, .max] {
            for received in [Nanoseconds.min, 0, .max] {
                var timer = LineTimer(zone: .utc, reference: reference)
                _ = try ScannedStream(lines, timer: &timer, received: received, splitAfter: 0)
                _ = try ScannedStream(lines, timer: &timer, received: 0, splitAfter: 0)
            }
        }
    }
}
