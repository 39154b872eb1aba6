import ArchiveTypes
import EventTime
import TestSupport
import Testing

struct TimeZoneRulesTests {
    /// Changes of Paris, from Python's zoneinfo: seconds since 1970 and the offset from then on.
    static let changes: [(at: Int64, offset: Int32)] = [
        (828_234_000, 7200),
        (846_378_000, 3600),
        (859_683_600, 7200),
        (877_827_600, 3600),
        (1_111_885_200, 7200),
        (1_130_634_000, 3600),
        (1_711_846_800, 7200),
        (1_729_990_800, 3600),
        (2_121_901_200, 7200),
        (2_140_045_200, 3600),
        (2_153_350_800, 7200),
        (2_172_099_600, 3600),
        (4_109_878_800, 7200),
        (4_128_627_600, 3600),
    ]

    @Test func parisChangesItsOffsetsWhenPythonSaysSo() throws {
        let paris = try Samples.paris()
        var before: Int32 = 3600
        for (at, offset) in Self.changes {
            #expect(paris.utcOffset(at: (at - 1) * .perSecond) == before, "before \(at)")
            #expect(paris.utcOffset(at: at * .perSecond - 1) == before, "just before \(at)")
            #expect(paris.utcOffset(at: at * .perSecond) == offset, "at \(at)")
            before = offset
        }
    }

    @Test func clocksThatSkipOrRepeatAnHourAreReadAsPEP495Says() throws {
        let paris = try Samples.paris()
        // 2024-03-31 02:00 to 03:00 does not exist, 2024-10-27 02:00 to 03:00 is there twice.
        let spring = CivilTime(year: 2024, month: 3, day: 31, hour: 2).nanoseconds
        let autumn = CivilTime(year: 2024, month: 10, day: 27, hour: 2).nanoseconds
        let second = Nanoseconds.perSecond
        let cases: [(local: Nanoseconds, first: Int32, later: Int32)] = [
            (spring - 1, 3600, 3600), (spring, 3600, 7200), (spring + .perHour - second, 3600, 7200),
            (spring + .perHour, 7200, 7200),
            (autumn - 1, 7200, 7200), (autumn, 7200, 3600), (autumn + .perHour - 1, 7200, 3600),
            (autumn + .perHour, 3600, 3600),
        ]
        for (local, first, later) in cases {
            #expect(paris.utcOffset(atLocal: local) == first, "\(CivilTime.rfc3339(local))")
            #expect(paris.utcOffset(atLocal: local, later: true) == later, "\(CivilTime.rfc3339(local)), later")
        }
    }

    @Test func everyTimeOfAYearComesBackFromItsLocalTime() throws {
        let paris = try Samples.paris()
        for hour in 0..<(2 * 366 * 24) {
            let time = CivilTime(year: 2024, month: 1, day: 1).nanoseconds + Int64(hour) * .perHour
            let local = time + Int64(paris.utcOffset(at: time)) * .perSecond
            let readings = [false, true].map { local - Int64(paris.utcOffset(atLocal: local, later: $0)) * .perSecond }
            #expect(readings.contains(time), "\(CivilTime.rfc3339(time))")
        }
    }

    /// A version 2 file without any change, whose footer says everything, as small zone files are made.
    private static func slimFile(_ footer: String) -> [UInt8] {
        func header(types: UInt8, characters: UInt8) -> [UInt8] {
            Array("TZif2".utf8) + [UInt8](repeating: 0, count: 15)
                + [UInt8](repeating: 0, count: 16) + [0, 0, 0, types] + [0, 0, 0, characters]
        }
        let block = [UInt8](repeating: 0, count: 6) + Array("X\0".utf8)
        return header(types: 1, characters: 2) + block + header(types: 1, characters: 2) + block
            + Array("\n\(footer)\n".utf8)
    }

    @Test(arguments: [
        // Facts from Python's zoneinfo of America/New_York, Australia/Sydney, America/Santiago, Asia/Kolkata,
        // Africa/Casablanca.
        ("EST5EDT,M3.2.0,M11.1.0", Int64(1_710_053_999), Int32(-18000)),
        ("EST5EDT,M3.2.0,M11.1.0", 1_710_054_000, -14400),
        ("EST5EDT,M3.2.0,M11.1.0", 1_730_613_599, -14400),
        ("EST5EDT,M3.2.0,M11.1.0", 1_730_613_600, -18000),
        ("AEST-10AEDT,M10.1.0,M4.1.0/3", 1_712_419_199, 39600),
        ("AEST-10AEDT,M10.1.0,M4.1.0/3", 1_712_419_200, 36000),
        ("AEST-10AEDT,M10.1.0,M4.1.0/3", 1_728_143_999, 36000),
        ("AEST-10AEDT,M10.1.0,M4.1.0/3", 1_728_144_000, 39600),
        ("<-04>4<-03>,M9.1.6/24,M4.1.6/24", 1_725_767_999, -14400),
        ("<-04>4<-03>,M9.1.6/24,M4.1.6/24", 1_725_768_000, -10800),
        ("IST-5:30", 1_725_768_000, 19800),
        ("<+01>-1", 1_725_768_000, 3600),
        // Rules by day of the year: the 60th day without February 29 is March 1, with it February 29 or March 1.
        ("AAA0BBB,J60/0,J300/0", 1_709_251_199, 0),
        ("AAA0BBB,J60/0,J300/0", 1_709_251_200, 3600),
        ("AAA0BBB,59/0,300/0", 1_709_164_799, 0),
        ("AAA0BBB,59/0,300/0", 1_709_164_800, 3600),
    ])
    func footersOfZoneFilesAreFollowed(footer: String, at seconds: Int64, offset: Int32) throws {
        let zone = try TimeZoneRules(named: "Some/Zone") { _ in Self.slimFile(footer) }
        #expect(zone.utcOffset(at: seconds * .perSecond) == offset)
    }

    @Test(arguments: [
        "", "/etc/passwd", "../../etc/passwd", "Europe/../../../etc/passwd", "Europe//Paris", ".", "Europe/.hidden",
        "Europe/Paris\0", "Europe/P aris", "a/b/c/d/e", String(repeating: "a", count: 65), "+25:00", "+02:60",
        "Nowhere/None",
    ])
    func namesThatAreNoneAreRefused(name: String) {
        let error = #expect(throws: TimeZoneError.self) {
            _ = try TimeZoneRules(named: name) { path in
                #expect(path == "/usr/share/zoneinfo/Nowhere/None")
                return nil
            }
        }
        #expect(error?.description.contains("Europe/Paris, UTC") == true)
    }

    @Test func offsetsAndUTCNeedNoFile() throws {
        func zone(_ name: String) throws -> TimeZoneRules {
            try TimeZoneRules(named: name) { _ in
                Issue.record("read a file for \(name)")
                return nil
            }
        }
        #expect(try zone("UTC") == .utc)
        #expect(try zone("+05:45").utcOffset(at: 0) == 20700)
        #expect(try zone("-03:30").utcOffset(at: .max) == -12600)
        #expect(TimeZoneRules.utc.utcOffset(at: .min) == 0)
        #expect(TimeZoneRules(fixed: 3600).utcOffset(atLocal: .min) == 3600)
    }

    @Test func damagedZoneFilesAreRefusedOrReadWithoutATrap() throws {
        let file = try Samples.bytes("Europe-Paris.tzif")
        var random = SeededGenerator(seed: 9636)
        for _ in 0..<400 {
            // Most faults are in the headers and the footer.
            let places = [0..<44, 0..<file.count, file.count - 30..<file.count].randomElement(using: &random) ?? 0..<44
            var damaged = file
            damaged[Int.random(in: places, using: &random)] = UInt8.random(in: 0...255, using: &random)
            if Bool.random(using: &random) {
                damaged = Array(damaged.prefix(Int.random(in: 0...file.count, using: &random)))
            }
            guard let zone = try? TimeZoneRules(named: "A/B", readFile: { _ in damaged }) else { continue }
            let offset = zone.utcOffset(atLocal: 1_700_000_000 * .perSecond)
            #expect(offset.magnitude <= 26 * 3600)
        }
        #expect(throws: TimeZoneError.self) { _ = try TimeZoneRules(named: "A/B") { _ in Array(file.prefix(200)) } }
        #expect(throws: TimeZoneError.self) { _ = try TimeZoneRules(named: "A/B") { _ in Array("TZif".utf8) } }
    }
}
