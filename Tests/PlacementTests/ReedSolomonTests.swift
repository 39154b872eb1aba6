import ArchiveTypes
import Placement
import TestSupport
import Testing

/// GF(2^8) by the book: polynomials over GF(2) modulo x^8 + x^4 + x^3 + x^2 + 1, one bit at a time.
private enum Field {
    static func product(_ left: UInt8, _ right: UInt8) -> UInt8 {
        var (a, b, sum) = (UInt16(left), right, UInt16(0))
        while b > 0 {
            if b & 1 == 1 { sum ^= a }
            a <<= 1
            if a & 0x100 != 0 { a ^= 0x11D }
            b >>= 1
        }
        return UInt8(sum)
    }

    /// By trying all.
    static func inverse(_ value: UInt8) -> UInt8 { (1...255).first { product(value, $0) == 1 } ?? 0 }

    /// Parity shard `parity`, as documented.
    static func parity(_ parity: Int, _ data: [[UInt8]]) -> [UInt8] {
        var sum = [UInt8](repeating: 0, count: data.first?.count ?? 0)
        for (shard, bytes) in data.enumerated() {
            let coefficient = inverse(UInt8((data.count + parity) ^ shard))
            for (index, byte) in bytes.enumerated() { sum[index] ^= product(coefficient, byte) }
        }
        return sum
    }
}

@Suite struct ReedSolomonTests {
    struct Shape: Sendable, CustomTestStringConvertible {
        var data: Int
        var parity: Int
        var testDescription: String { "\(data)+\(parity)" }
    }

    static let shapes = [
        Shape(data: 1, parity: 1), Shape(data: 2, parity: 1), Shape(data: 4, parity: 2), Shape(data: 10, parity: 4),
        Shape(data: 40, parity: 24),
    ]

    private func shards(_ shape: Shape, length: Int, seed: UInt64) -> [[UInt8]] {
        var random = SeededGenerator(seed: seed)
        return (0..<shape.data).map { _ in (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) } }
    }

    private func apply(_ transform: ShardTransform, _ inputs: [[UInt8]], results: Int) -> [[UInt8]] {
        let length = inputs.first?.count ?? 0
        let buffers = (0..<inputs.count + results).map { _ in
            UnsafeMutableRawBufferPointer.allocate(byteCount: length, alignment: 64)
        }
        defer { buffers.forEach { $0.deallocate() } }
        for (buffer, bytes) in zip(buffers, inputs) { buffer.copyBytes(from: bytes) }
        transform.apply(Array(buffers[..<inputs.count]), to: Array(buffers[inputs.count...]))
        for (buffer, bytes) in zip(buffers, inputs) { #expect(Array(buffer) == bytes) }
        return buffers[inputs.count...].map { Array($0) }
    }

    @Test(arguments: shapes, [1, 31, 300]) func parityIsWhatTheBookSays(shape: Shape, length: Int) {
        let data = shards(shape, length: length, seed: UInt64(length))
        let parity = apply(
            ReedSolomon(data: shape.data, parity: shape.parity).encoder, data, results: shape.parity)
        for (number, bytes) in parity.enumerated() {
            #expect(bytes == Field.parity(number, data), "parity \(number) of \(shape)")
        }
    }

    /// All subsets of small codes, many of large ones: each gives every shard that it lacks.
    @Test(arguments: shapes) func anySufficientSubsetGivesAllShards(shape: Shape) {
        let code = ReedSolomon(data: shape.data, parity: shape.parity)
        let data = shards(shape, length: 97, seed: 5)
        let all = data + (0..<shape.parity).map { Field.parity($0, data) }
        var random = SeededGenerator(seed: 6)
        let count = shape.data + shape.parity
        let choices: [[Int]] =
            count <= 6
            ? subsets(of: count, count: shape.data).map(Array.init)
            : (0..<100).map { _ in Array((0..<count).shuffled(using: &random).prefix(shape.data)) }
        for choice in choices {
            let sources = choice.shuffled(using: &random)
            let wanted = (0..<count).filter { !sources.contains($0) }.shuffled(using: &random)
            let found = apply(code.decoder(of: wanted, from: sources), sources.map { all[$0] }, results: wanted.count)
            #expect(found == wanted.map { all[$0] }, "\(wanted) from \(sources)")
        }
    }
}
