import ArchiveTypes
import CErasure

/// A systematic Reed-Solomon code over GF(2^8) with the polynomial 0x11D: any `data` of the `data + parity` shards give all
/// of them.
///
/// Byte `b` of parity shard `p` (from 0) is the sum over the data shards `d` of their byte `b` times `1 / ((data + p) XOR d)`:
/// a Cauchy matrix, of which every square part can be inverted, under the identity (Blömer et al., "An XOR-Based
/// Erasure-Resilient Coding Scheme", 1995; `gf_gen_cauchy1_matrix` of ISA-L, which does the arithmetic).
package struct ReedSolomon: Sendable {
    package let data: Int
    package let parity: Int
    /// `data + parity` rows of `data` coefficients.
    private let matrix: [UInt8]

    /// - Parameters: at least 1 each, and at most `Limits.shards` together.
    package init(data: Int, parity: Int) {
        precondition(data >= 1 && parity >= 1 && data + parity <= Limits.shards, "a code of so many shards")
        self.data = data
        self.parity = parity
        var matrix = [UInt8](repeating: 0, count: (data + parity) * data)
        gf_gen_cauchy1_matrix(&matrix, Int32(data + parity), Int32(data))
        self.matrix = matrix
    }

    /// Computes the parity shards from the data shards.
    package var encoder: ShardTransform {
        ShardTransform(sources: data, rows: Array(matrix[(data * data)...]))
    }

    /// Computes the shards `wanted` from the shards `sources`, both by their numbers.
    /// - Parameter sources: `data` different ones, in the order in which their bytes will be given.
    package func decoder(of wanted: [Int], from sources: [Int]) -> ShardTransform {
        precondition(Set(sources).count == data && sources.count == data, "as many different shards as data shards")
        var chosen = sources.flatMap { row($0) }
        var inverse = [UInt8](repeating: 0, count: data * data)
        precondition(gf_invert_matrix(&chosen, &inverse, Int32(data)) == 0, "a Cauchy matrix has no singular part")
        let rows = wanted.flatMap { shard -> [UInt8] in
            // The shard as a sum of data shards, each of which is a sum of the sources.
            let coefficients = row(shard)
            return (0..<data).map { source in
                (0..<data).reduce(UInt8(0)) { $0 ^ gf_mul(coefficients[$1], inverse[$1 * data + source]) }
            }
        }
        return ShardTransform(sources: data, rows: rows)
    }

    private func row(_ shard: Int) -> [UInt8] { Array(matrix[(shard * data)..<((shard + 1) * data)]) }
}

/// Computes shards from shards, byte by byte.
package struct ShardTransform: Sendable {
    private let sources: Int
    private let results: Int
    /// ISA-L's tables: 32 bytes a coefficient.
    private let tables: [UInt8]

    fileprivate init(sources: Int, rows: [UInt8]) {
        self.sources = sources
        results = rows.count / sources
        var tables = [UInt8](repeating: 0, count: 32 * rows.count)
        var rows = rows
        if results > 0 { ec_init_tables(Int32(sources), Int32(results), &rows, &tables) }
        self.tables = tables
    }

    /// - Parameters:
    ///   - inputs: the source shards' bytes, in their order.
    ///   - outputs: where the wanted shards' bytes go. All buffers have the same length, at most 2 GiB.
    package func apply(_ inputs: [UnsafeMutableRawBufferPointer], to outputs: [UnsafeMutableRawBufferPointer]) {
        precondition(inputs.count == sources && outputs.count == results, "a buffer for each shard")
        guard let length = inputs.first?.count, length > 0, results > 0 else { return }
        precondition((inputs + outputs).allSatisfy { $0.count == length }, "buffers of the same length")
        var from = inputs.map { $0.baseAddress?.assumingMemoryBound(to: UInt8.self) }
        var to = outputs.map { $0.baseAddress?.assumingMemoryBound(to: UInt8.self) }
        tables.withUnsafeBufferPointer { tables in
            // ISA-L only reads the tables.
            let pointer = UnsafeMutablePointer(mutating: tables.baseAddress)
            ec_encode_data(Int32(length), Int32(sources), Int32(results), pointer, &from, &to)
        }
    }
}
