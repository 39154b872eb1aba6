import ArchiveTypes
import EventTime
import TestSupport
import Testing

/// Whatever the bytes: what is scanned can be read again, line for line, and nothing traps.
struct RoundTripTests {
    private let received = CivilTime(year: 2024, month: 6, day: 1).nanoseconds

    @Test(arguments: 0..<300)
    func scanningAndReadingAgreeOnAnyBytes(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let bytes = LineSoup(&random).bytes(count: Int.random(in: 1...40_000, using: &random), &random)
        let zone =
            [TimeZoneRules.utc, .init(fixed: -12_600), try Samples.paris()].randomElement(using: &random) ?? .utc
        var timer = LineTimer(zone: zone, reference: received - Int64.random(in: 0...1000, using: &random) * .perDay)
        let stream = try ScannedStream(
            bytes, timer: &timer, received: received, blockBytes: Int.random(in: 1...50_000, using: &random),
            splitAfter: [0, 100, 5000, .max].randomElement(using: &random) ?? 0, cutsLines: Bool.random(using: &random),
            "seed \(seed)")
        #expect(stream.lines.flatMap { $0 } == bytes, "seed \(seed)")
        let plausible = Limits.earliestEventTime...received + Limits.eventTimeLead
        #expect(stream.times.allSatisfy { plausible.contains($0) }, "seed \(seed)")
    }

    /// What a parser remembers from line to line must not change an answer.
    @Test(arguments: TimeFormat.allCases)
    func aLineReadAmongOthersHasTheTimeThatItHasAlone(format: TimeFormat) throws {
        for seed in 0..<8 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            let bytes = LineSoup(&random).bytes(count: 20_000, &random)
            var use = TimeFormatUse(
                format: format.rawValue, utcOffset: 3600, year: 2023, carry: received, received: received)
            var together = LineTable()
            try bytes.withUnsafeBytes { try LineTimes.format(use).read($0, startsInsideLine: false, into: &together) }
            var alone = LineTable()
            var start = 0
            for (index, end) in together.ends.enumerated() {
                try bytes[start..<Int(end)].withUnsafeBytes {
                    try LineTimes.format(use).read($0, startsInsideLine: false, into: &alone)
                }
                #expect(alone.times == [together.times[index]], "seed \(seed), line \(index)")
                use.carry = together.times[index]
                start = Int(end)
            }
        }
    }

    @Test func randomBytesAreRefusedAsLineTimesOrReadWithoutATrap() throws {
        let seed: UInt64 = 20_240_601
        var random = SeededGenerator(seed: seed)
        var decoded = 0
        var table = LineTable()
        for round in 0..<20_000 {
            let encoded = mutated(round, &random)
            guard let times = try? LineTimes(decoding: encoded[...]) else { continue }
            decoded += 1
            let lines = LineSoup(&random).bytes(count: 300, &random)
            let inside = Bool.random(using: &random)
            do {
                try lines.withUnsafeBytes { try times.read($0, startsInsideLine: inside, into: &table) }
                #expect(table.ends.count == table.times.count && table.ends.last == 300, "seed \(seed), round \(round)")
            } catch is MalformedBytes {
                continue
            }
        }
        #expect(decoded > 1000, "seed \(seed)")
    }

    /// Valid line times with a few bytes altered, or no line times at all.
    private func mutated(_ round: Int, _ random: inout SeededGenerator) -> [UInt8] {
        guard round % 4 != 0 else {
            return (0..<Int.random(in: 0...40, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
        }
        let exceptions = (0..<Int.random(in: 0...3, using: &random)).map {
            TimeFormatUse.Exception(line: UInt32($0 * 2), time: Int64.random(in: .min ... .max, using: &random))
        }
        let use = TimeFormatUse(
            format: TimeFormat.allCases.randomElement(using: &random)?.rawValue ?? "",
            utcOffset: Int32.random(in: -90_000...90_000, using: &random),
            year: Int32.random(in: -9999...9999, using: &random),
            carry: Int64.random(in: .min ... .max, using: &random),
            received: Int64.random(in: .min ... .max, using: &random),
            exceptions: exceptions)
        var encoded =
            round % 4 == 1 ? LineTimes.column(of: exceptions.map(\.time)).encoded() : LineTimes.format(use).encoded()
        for _ in 0..<Int.random(in: 0...2, using: &random) {
            encoded[Int.random(in: 0..<encoded.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        return encoded
    }

    @Test func lineTimesThatDoNotFitAreRefused() throws {
        let lines = Array("one\ntwo\n".utf8)
        var use = TimeFormatUse(format: "rfc3339.1", utcOffset: 0, year: 0, carry: 0, received: 0)
        func refuses(_ times: LineTimes) {
            var table = LineTable()
            #expect(throws: MalformedBytes.self) {
                try lines.withUnsafeBytes { try times.read($0, startsInsideLine: false, into: &table) }
            }
        }
        refuses(.column(of: [1]))
        refuses(.column(of: [1, 2, 3]))
        use.exceptions = [.init(line: 2, time: 1)]
        refuses(.format(use))
        use.exceptions = [.init(line: 1, time: 1), .init(line: 0, time: 1)]
        refuses(.format(use))
        use.exceptions = []
        use.format = "rfc3339.2"
        refuses(.format(use))
        use.format = "rfc3339.1"
        use.utcOffset = .min
        refuses(.format(use))
        // A name from a later version can be decoded, so that everything but times works.
        use.format = "later.17"
        use.utcOffset = 0
        #expect(try LineTimes(decoding: LineTimes.format(use).encoded()[...]) == .format(use))
        for bad: [UInt8] in [[], [0], [3], [1], [1, 0], LineTimes.format(use).encoded() + [0]] {
            #expect(throws: MalformedBytes.self) { _ = try LineTimes(decoding: bad[...]) }
        }
    }

    @Test func theEncodingIsFrozen() {
        var use = TimeFormatUse(format: "rfc3164.1", utcOffset: -3600, year: 2024, carry: 5, received: 300)
        use.exceptions = [.init(line: 3, time: 7), .init(line: 5, time: 4)]
        let expected: [UInt8] =
            [1, 9] + Array("rfc3164.1".utf8) + [0x9F, 0x38, 0xD0, 0x1F, 0x0A, 0xD8, 0x04, 2, 3, 4, 2, 5]
        #expect(LineTimes.format(use).encoded() == expected)
        #expect(LineTimes.column(of: [1, 0, 64]).encoded() == [2, 2, 1, 0x80, 1])
    }
}

/// Lines as logs have them and as nobody would write them.
struct LineSoup {
    /// The kinds of line that this soup has, with how often.
    private var kinds: [Int]
    private var time: Nanoseconds

    init(_ random: inout SeededGenerator) {
        kinds = (0..<Int.random(in: 1...6, using: &random)).map { _ in Int.random(in: 0...26, using: &random) }
        time = CivilTime(year: 2023, month: 10, day: 29).nanoseconds
    }

    func bytes(count: Int, _ random: inout SeededGenerator) -> [UInt8] {
        var soup = self
        var bytes: [UInt8] = []
        while bytes.count < count { bytes += soup.line(&random) }
        return Array(bytes.prefix(count))
    }

    private mutating func line(_ random: inout SeededGenerator) -> [UInt8] {
        switch Int.random(in: 0..<50, using: &random) {
        case 0: time += Int64.random(in: -200...200, using: &random) * .perDay
        case 1: time += Int64.random(in: -5...5, using: &random) * .perHour
        default: time += Int64.random(in: 0...30_000_000_000, using: &random)
        }
        time = min(
            max(time, CivilTime(year: 2021, month: 1, day: 1).nanoseconds),
            CivilTime(year: 2024, month: 6, day: 3).nanoseconds)
        let kind = kinds.randomElement(using: &random) ?? 0
        var line = kind < 24 ? Array(LineSoup.text(kind, time).utf8) : noise(kind, &random)
        if Int.random(in: 0..<10, using: &random) == 0, !line.isEmpty {
            let place = Int.random(in: 0..<line.count, using: &random)
            switch Int.random(in: 0..<3, using: &random) {
            case 0: line[place] = UInt8.random(in: 0...255, using: &random)
            case 1: line = Array(line[..<place])
            default: line.insert(UInt8.random(in: 0x20...0x7E, using: &random), at: place)
            }
        }
        return line + (Int.random(in: 0..<10, using: &random) == 0 ? [0x0D, 0x0A] : [0x0A])
    }

    private func noise(_ kind: Int, _ random: inout SeededGenerator) -> [UInt8] {
        switch kind {
        case 24: (0..<Int.random(in: 0...300, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
        case 25: [UInt8](repeating: 0, count: Int.random(in: 0...50, using: &random))
        default: Array("\tat com.example.Thing.call(Thing.java:17)".utf8)
        }
    }

    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// A line of one of 24 kinds at `time`, as a clock in UTC writes it.
    static func text(_ kind: Int, _ time: Nanoseconds) -> String {
        let civil = CivilTime(time)
        let full = CivilTime.rfc3339(time)
        let (date, clock) = (full.prefix(10), full.dropFirst(11).prefix(8))
        let fraction = full.dropFirst(20).prefix(9)
        let month = months[civil.month - 1]
        let seconds = time / .perSecond
        let dotted = clock.map { $0 == ":" ? "." : String($0) }.joined()
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        func spaced(_ value: Int) -> String { value < 10 ? " \(value)" : "\(value)" }
        let numbers = "\(two(civil.month))\(two(civil.day))"
        return switch kind {
        case 0: "\(full) rfc3339"
        case 1: "\(CivilTime.rfc3339(time, offset: 20_700)) with a zone"
        case 2: "<13>1 \(full) host app - - - rfc5424"
        case 3: "\(date) \(clock),\(fraction) iso8601"
        case 4: "\(date.prefix(4))\(numbers)T\(clock.filter { $0 != ":" }).\(fraction) basic"
        case 5: "\(month) \(spaced(civil.day)) \(clock).\(fraction) host rfc3164"
        case 6: "10.0.0.1 - - [\(two(civil.day))/\(month)/\(civil.year):\(clock).\(fraction) +0000] \"GET\""
        case 7: "[Sun \(month) \(two(civil.day)) \(clock).\(fraction) \(civil.year)] ctime"
        case 8: "I\(numbers) \(clock).\(fraction) klog"
        case 9: "W\(civil.year)\(numbers) \(clock).\(fraction) glog"
        case 10: "\(two(civil.year % 100))\(numbers) \(clock.filter { $0 != ":" }) hdfs"
        case 11: "\(two(civil.year % 100))/\(two(civil.month))/\(two(civil.day)) \(clock).\(fraction) spark"
        case 12: "\(two(civil.month))-\(two(civil.day)) \(clock).\(fraction) logcat"
        case 13:
            "\(civil.year)\(numbers)-\(civil.hour):\(civil.minute):\(civil.second):\(civil.nanosecond / 1_000_000)|healthapp"
        case 14: "[\(two(civil.month)).\(two(civil.day)) \(clock)] proxifier"
        case 15: "\(seconds).\(fraction) unix"
        case 16: "\(time) unix"
        case 17: "- \(seconds).\(fraction) unix column"
        case 18:
            "- \(seconds) 2005.06.03 node \(date)-\(dotted).\(fraction.prefix(6)) bgl"
        case 19: "type=CWD msg=audit(\(seconds).\(fraction):17): audit"
        case 20: "some-file.log \(date) \(clock).\(fraction) iso8601 within"
        case 21: "{\"level\":\"info\",\"time\":\"\(full)\",\"ts\":17}"
        case 22: "{\"@timestamp\":\(seconds).\(fraction),\"msg\":\"\\\"time\\\":1\"}"
        default: "level=info ts=\(full) msg=logfmt"
        }
    }

    /// The format of each of `text`'s kinds, and the nanoseconds to which it is exact.
    static let formats: [(name: String, unit: Nanoseconds)] = [
        ("rfc3339.1", 1), ("rfc3339.1", 1), ("rfc5424.1", 1), ("iso8601.1", 1), ("iso8601-basic.1", 1),
        ("rfc3164.1", 1),
        ("clf.1", 1), ("ctime.1", 1), ("klog.1", 1), ("glog.1", 1), ("hdfs.1", .perSecond), ("spark.1", 1),
        ("logcat.1", 1), ("healthapp.1", 1_000_000), ("proxifier.1", .perSecond), ("unix.1", 1), ("unix.1", 1),
        ("unix-column.1", 1), ("bgl.1", 1000), ("audit.1", 1), ("iso8601-within.1", 1), ("json-time.1", 1),
        ("json-@timestamp.1", 1), ("logfmt-ts.1", 1),
    ]
}

struct RenderedTimesTests {
    /// The test writes the times, the timer has to find them: every format, random times of 300 days.
    @Test(arguments: LineSoup.formats.indices)
    func everyFormatGivesTheTimeThatWasWritten(kind: Int) throws {
        let seed: UInt64 = 17
        var random = SeededGenerator(seed: seed)
        let start = CivilTime(year: 2023, month: 8, day: 1).nanoseconds
        let (name, unit) = LineSoup.formats[kind]
        let times = (0..<2000).map { _ in
            let time = start + Int64.random(in: 0..<300 * .perDay, using: &random)
            return time - time % unit
        }
        let bytes = times.flatMap { Array((LineSoup.text(kind, $0) + "\n").utf8) }
        var timer = LineTimer(zone: .utc, reference: start + 300 * .perDay)
        let stream = try ScannedStream(bytes, timer: &timer, received: start + 301 * .perDay, "seed \(seed)")
        #expect(stream.times == times, "seed \(seed)")
        #expect(Set(stream.formats).isSubset(of: [name, "column"]), "seed \(seed)")
    }
}
