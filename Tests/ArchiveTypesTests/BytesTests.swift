import ArchiveTypes
import TestSupport
import Testing

@Suite struct BytesTests {
    private static let seed: UInt64 = 0xB17E5

    @Test func integersComeBack() throws {
        var random = SeededGenerator(seed: Self.seed)
        let edges: [UInt64] = [0, 1, 127, 128, 16383, 16384, UInt64(Int64.max), UInt64(Int64.max) + 1, .max]
        for value in edges + (0..<2000).map({ _ in random.next() >> UInt64.random(in: 0...63, using: &random) }) {
            var bytes: [UInt8] = []
            bytes.append(varint: value)
            bytes.append(signedVarint: Int64(bitPattern: value))
            bytes.append(littleEndian: value)
            bytes.append(littleEndian: UInt16(truncatingIfNeeded: value))
            var reader = ByteReader(bytes)
            #expect(try reader.readVarint() == value, "seed \(Self.seed)")
            #expect(try reader.readSignedVarint() == Int64(bitPattern: value))
            #expect(try reader.read(UInt64.self) == value)
            #expect(try reader.read(UInt16.self) == UInt16(truncatingIfNeeded: value))
            #expect(reader.isAtEnd)
        }
    }

    /// The examples of Protocol Buffers' encoding guide.
    @Test func varintsAreThoseOfProtocolBuffers() {
        for (value, expected) in [(150, [0x96, 0x01]), (1, [0x01]), (300, [0xAC, 0x02])] as [(UInt64, [UInt8])] {
            var bytes: [UInt8] = []
            bytes.append(varint: value)
            #expect(bytes == expected)
        }
        for (value, expected) in [(0, 0), (-1, 1), (1, 2), (-2, 3), (0x7FFF_FFFF, 0xFFFF_FFFE)] as [(Int64, UInt64)] {
            var (bytes, plain) = ([UInt8](), [UInt8]())
            bytes.append(signedVarint: value)
            plain.append(varint: expected)
            #expect(bytes == plain)
        }
    }

    @Test(
        arguments: [
            [0x80], Array(repeating: 0xFF, count: 10), Array(repeating: 0x80, count: 20),
            Array(repeating: 0xFF, count: 9) + [0x02],
        ] as [[UInt8]]) func integersOfMoreThan64BitsAreRefused(_ bytes: [UInt8])
    {
        var reader = ByteReader(bytes)
        #expect(throws: MalformedBytes.self) { try reader.readVarint() }
    }

    /// A length alone allocates nothing and reaches nowhere.
    @Test func lengthsAreBoundedByWhatIsThere() {
        for length in [6, 1 << 40, UInt64(Int64.max), .max] as [UInt64] {
            var bytes: [UInt8] = []
            bytes.append(varint: length)
            bytes += [1, 2, 3, 4, 5]
            var reader = ByteReader(bytes)
            #expect(throws: MalformedBytes.self) { try reader.readLengthPrefixed(atMost: .max) }
            var bounded = ByteReader(bytes)
            #expect(throws: MalformedBytes.self) { try bounded.readLengthPrefixed(atMost: 4) }
        }
        var text = ByteReader([2, 0xC3, 0x28])
        #expect(throws: MalformedBytes.self) { try text.readText(atMost: 10) }
    }
}
