import ArchiveTypes
import Archiving
import ChunkFormat
import Checksums
import TestSupport
import Testing

@Suite struct CompressionChooserTests {
    private static let seed: UInt64 = 0xC405E

    /// Lines that repeat but for an identifier of their own: one long match a line.
    private static func longMatches(_ count: Int, _ random: inout SeededGenerator) -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0..<count {
            let trace = String(UInt64.random(in: 0...UInt64.max, using: &random), radix: 16)
            bytes += Array(
                "{\"level\":\"info\",\"message\":\"request served\",\"trace\":\"\(trace)\",\"ok\":true}\n".utf8)
        }
        return bytes
    }

    /// Lines whose fields vary each by itself, as in an access log: many matches, few of them long.
    private static func shortMatches(_ count: Int, _ random: inout SeededGenerator) -> [UInt8] {
        let agents = (0..<12).map {
            "Mozilla/5.0 (X11; Linux x86_64; rv:\($0 * 7).0) Gecko/20100101 Firefox/\($0 * 7).0"
        }
        let paths = (0..<300).map { "/shop/item/\($0 * 7919 % 10007)/reviews?page=\($0 % 9)" }
        var bytes: [UInt8] = []
        for number in 0..<count {
            let address = (0..<4).map { _ in String(Int.random(in: 0...255, using: &random)) }.joined(separator: ".")
            let path = paths.randomElement(using: &random) ?? ""
            let agent = agents.randomElement(using: &random) ?? ""
            let length = Int.random(in: 100...90_000, using: &random)
            bytes += Array(
                "\(address) - - [14/Mar/2025:12:\(10 + number / 60 % 50):\(10 + number % 50) +0000] \"GET \(path) HTTP/1.1\" 200 \(length) \"-\" \"\(agent)\"\n"
                    .utf8)
        }
        return bytes
    }

    /// Of as much as a trial looks at.
    private static func size(_ raw: [UInt8], _ settings: CompressionSettings) throws -> Int {
        let frame = FrameBuffer()
        try raw[..<(256 << 10)].withUnsafeBytes {
            try ZstdCompressor(settings).compress($0, checksum: xxh64($0), into: frame)
        }
        return frame.count
    }

    @Test func choosesWhatIsSmallerForTheStream() throws {
        var random = SeededGenerator(seed: Self.seed)
        let contents = ["long": Self.longMatches(4000, &random), "short": Self.shortMatches(4000, &random)]
        let chooser = try CompressionChooser(.standard)
        for (name, raw) in contents {
            let stream = StreamID(host: "web-1", source: name)
            let sizes = (try Self.size(raw, .standard), try Self.size(raw, .doubleFast))
            let better: CompressionSettings = Double(sizes.1) <= 0.995 * Double(sizes.0) ? .doubleFast : .standard
            let chosen = try (0..<8).map { _ in try raw.withUnsafeBytes { try chooser.settings(for: stream, $0) } }
            #expect(chosen[..<3].allSatisfy { $0 == .standard }, "no trial for short streams")
            #expect(chosen[3...].allSatisfy { $0 == better }, "\(name): \(sizes), seed \(Self.seed)")
        }
    }

    @Test func sourcesDiffer() throws {
        var random = SeededGenerator(seed: Self.seed)
        let raw = Self.shortMatches(4000, &random)
        #expect(try Self.size(raw, .doubleFast) < Self.size(raw, .standard) * 995 / 1000, "seed \(Self.seed)")
        let other = Self.longMatches(4000, &random)
        #expect(try Self.size(other, .doubleFast) >= Self.size(other, .standard) * 995 / 1000)
    }

    @Test func leavesOtherLevelsAlone() throws {
        var random = SeededGenerator(seed: Self.seed)
        let raw = Self.shortMatches(4000, &random)
        let chooser = try CompressionChooser(CompressionSettings(level: 5))
        let stream = StreamID(host: "web-1", source: "short")
        for _ in 0..<8 {
            let chosen = try raw.withUnsafeBytes { try chooser.settings(for: stream, $0) }
            #expect(chosen == CompressionSettings(level: 5))
        }
    }
}
