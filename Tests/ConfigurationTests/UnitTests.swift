import ArchiveTypes
import Configuration
import TestSupport
import Testing

@Suite struct UnitTests {
    @Test(arguments: [
        ("0B", 0), ("1B", 1), ("1KiB", 1024), ("64MiB", 67_108_864), ("10GiB", 10_737_418_240),
        ("8TiB", 8_796_093_022_208),
        ("5kB", 5000), ("5KB", 5000), ("500MB", 500_000_000), ("2GB", 2_000_000_000), ("1TB", 1_000_000_000_000),
        ("10 GiB", 10_737_418_240),
        ("9223372036854775807B", Int.max),
    ])
    func sizes(text: String, bytes: Int) throws {
        #expect(try ByteSize.parse(text) == bytes)
    }

    @Test(arguments: [
        "", "B", "GiB", "-1B", "1.5GiB", "1e3B", "10gib", "10G", "10", "10  GiB", "10GiB ", " 10GiB", "10 ",
        "9223372036854775808B",
        "8388608TiB", "99999999999999999999B", "١٠GiB", "0x10B", "1KiB1B",
    ])
    func whatIsNoSizeIsRefused(text: String) {
        #expect(throws: InvalidValue.self) { try ByteSize.parse(text) }
    }

    @Test(arguments: [
        ("0s", 0), ("1ns", 1), ("3us", 3000), ("250ms", 250_000_000), ("5s", 5_000_000_000), ("90s", 90_000_000_000),
        ("5m", 300_000_000_000), ("2h", 7_200_000_000_000), ("1h30m", 5_400_000_000_000), ("7d", 604_800_000_000_000),
        ("2w", 1_209_600_000_000_000), ("1d2h3m4s5ms", 93_784_005_000_000),
    ])
    func durations(text: String, nanoseconds: Nanoseconds) throws {
        #expect(try DurationText.parse(text) == nanoseconds)
    }

    @Test(arguments: [
        "", "5", "s", "-5s", "5 s", "1.5h", "5S", "5min", "30m1h", "1h1h", "1h ", "9223372037s", "106751d24h",
        "99999999999999999999s", "1h-5m",
    ])
    func whatIsNoDurationIsRefused(text: String) {
        #expect(throws: InvalidValue.self) { try DurationText.parse(text) }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func whatIsPrintedIsReadAgain(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<2000 {
            // All magnitudes alike, and multiples of units among them.
            let bits = UInt64.random(in: 0...62, using: &generator)
            let factor = [1, 1000, 1024, 60_000_000_000, 86_400_000_000_000].randomElement(using: &generator) ?? 1
            let value = Int64.random(in: 0...(1 << bits), using: &generator)
            let (product, overflow) = value.multipliedReportingOverflow(by: Int64(factor))
            let sample = overflow ? value : product
            #expect(try ByteSize.parse(ByteSize.text(Int(sample))) == Int(sample), "seed \(seed)")
            #expect(try DurationText.parse(DurationText.text(sample)) == sample, "seed \(seed)")
        }
    }

    @Test(
        arguments: [
            ("max_byte", "max_bytes"), ("hsot", "host"), ("archives", "archive"), ("STORES", "stores"), ("x", nil),
            ("zzzzzz", nil), ("", nil),
        ] as [(String, String?)])
    func theNearestName(text: String, expected: String?) {
        #expect(Nearest.match(text, among: ["archive", "host", "stores", "max_bytes", "path"]) == expected)
    }
}
