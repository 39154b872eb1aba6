import TestSupport

/// Makes inputs from others, the way that files break and attackers try: the same ones for the same seed.
package struct Mutator {
    private var random: SeededGenerator
    private let corpus: [[UInt8]]
    private let lengthLimit: Int

    package init(seed: UInt64, corpus: [[UInt8]], lengthLimit: Int = 64 << 10) {
        random = SeededGenerator(seed: seed)
        self.corpus = corpus.isEmpty ? [[]] : corpus
        self.lengthLimit = lengthLimit
    }

    /// One of the corpus with one to four changes.
    package mutating func next() -> [UInt8] {
        var bytes = corpus[below(corpus.count)]
        for _ in 0...below(4) { change(&bytes) }
        return Array(bytes.prefix(lengthLimit))
    }

    private mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<max(1, bound), using: &random) }

    private mutating func change(_ bytes: inout [UInt8]) {
        switch below(10) {
        case 0: flipBit(&bytes)
        case 1: bytes = Array(bytes.prefix(below(bytes.count + 1)))
        case 2: bytes.removeSubrange(range(bytes))
        case 3: bytes.insert(contentsOf: bytes[range(bytes)], at: below(bytes.count + 1))
        case 4: splice(&bytes)
        case 5, 6: overwriteInteger(&bytes)
        case 7: overwriteVarint(&bytes)
        case 8: overwriteNumberInText(&bytes)
        default: insertNoise(&bytes)
        }
    }

    /// At most 64 bytes most of the time.
    private mutating func range(_ bytes: [UInt8]) -> Range<Int> {
        let start = below(bytes.count + 1)
        let longest = below(4) == 0 ? bytes.count - start : min(64, bytes.count - start)
        return start..<start + below(longest + 1)
    }

    private mutating func flipBit(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        bytes[below(bytes.count)] ^= 1 << UInt8(below(8))
    }

    /// The beginning of one input and the end of another.
    private mutating func splice(_ bytes: inout [UInt8]) {
        let other = corpus[below(corpus.count)]
        bytes = bytes.prefix(below(bytes.count + 1)) + other.suffix(below(other.count + 1))
    }

    private static let extremes: [UInt64] = [
        0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 1 << 20, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 32,
        0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, .max - 1, .max,
    ]

    /// A length, an offset, a count of 1, 2, 4 or 8 bytes, in either order, becomes extreme.
    private mutating func overwriteInteger(_ bytes: inout [UInt8]) {
        let width = 1 << below(4)
        guard bytes.count >= width else { return }
        var value = Self.extremes[below(Self.extremes.count)]
        if below(3) == 0 { value = UInt64(bytes.count) &+ UInt64(below(5)) &- 2 }
        let isBigEndian = below(4) == 0
        let start = below(bytes.count - width + 1)
        for index in 0..<width {
            let shift = UInt64(8 * (isBigEndian ? width - 1 - index : index))
            bytes[start + index] = UInt8(truncatingIfNeeded: value >> shift)
        }
    }

    private mutating func overwriteVarint(_ bytes: inout [UInt8]) {
        var rest = Self.extremes[below(Self.extremes.count)]
        var varint: [UInt8] = []
        while rest >= 0x80 {
            varint.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        varint.append(UInt8(rest))
        let start = below(bytes.count + 1)
        bytes.replaceSubrange(start..<min(bytes.count, start + below(3)), with: varint)
    }

    private static let numbers = [
        "0", "-1", "00", "+1", "2147483648", "4294967296", "9223372036854775807", "9223372036854775808",
        "-9223372036854775808", "18446744073709551615", "18446744073709551616", "99999999999999999999999", "1e999",
    ]

    /// A run of decimal digits becomes an extreme number.
    private mutating func overwriteNumberInText(_ bytes: inout [UInt8]) {
        func isDigit(_ byte: UInt8) -> Bool { 0x30...0x39 ~= byte }
        let from = below(bytes.count)
        guard let start = bytes[from...].firstIndex(where: isDigit) else { return }
        let end = bytes[start...].firstIndex { !isDigit($0) } ?? bytes.count
        bytes.replaceSubrange(start..<end, with: Array(Self.numbers[below(Self.numbers.count)].utf8))
    }

    private static let noise: [[UInt8]] = [
        [0], [0xFF], [0x0A], [0x0D, 0x0A], [0x09], [0x1B], [0x7F], [0xC3], [0xC3, 0xA9], [0x65, 0xCC, 0x81],
        [0xEF, 0xBB, 0xBF], [0xF0, 0x9F, 0x98, 0x80], Array("%2F".utf8), Array("\\".utf8), Array("\"".utf8),
        Array("&#x110000;".utf8), Array("<!DOCTYPE".utf8), Array("[".utf8), Array("{".utf8), Array("*".utf8),
    ]

    private mutating func insertNoise(_ bytes: inout [UInt8]) {
        let piece =
            below(3) == 0
            ? (0...below(8)).map { _ in UInt8.random(in: 0...255, using: &random) }
            : Self.noise[below(Self.noise.count)]
        let count = below(16) == 0 ? 200 : 1
        bytes.insert(contentsOf: (0..<count).flatMap { _ in piece }, at: below(bytes.count + 1))
    }
}
