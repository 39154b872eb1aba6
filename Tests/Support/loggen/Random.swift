/// wyrand (Wang Yi, public domain): the same numbers for the same seed, one multiplication each.
struct Random {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 0x1234_5678_9ABC_DEF1 }

    mutating func next() -> UInt64 {
        state &+= 0xA076_1D64_78BD_642F
        let product = state.multipliedFullWidth(by: state ^ 0xE703_7ED1_A0B4_28DB)
        return product.high ^ product.low
    }

    mutating func below(_ bound: Int) -> Int {
        Int(truncatingIfNeeded: ((next() >> 32) &* UInt64(bound)) >> 32)
    }

    mutating func chance(perThousand: Int) -> Bool { below(1000) < perThousand }

    /// Mostly small, sometimes large: uniform in the number of bits, below 2^bits.
    mutating func heavyTailed(bits: Int) -> UInt64 {
        let random = next()
        let width = 2 + (random >> 48) % UInt64(bits - 1)
        return random & ((1 << width) - 1)
    }
}

/// Picks indices with given weights: one look into a table.
struct WeightedPick {
    private static let slots = 4096
    private let table: [UInt16]

    init(weights: [Double]) {
        let sum = weights.reduce(0, +)
        var table: [UInt16] = []
        table.reserveCapacity(WeightedPick.slots)
        var reached = 0.0
        for (index, weight) in weights.enumerated() {
            reached += weight / sum
            while table.count < Int((reached * Double(WeightedPick.slots)).rounded()) { table.append(UInt16(index)) }
        }
        while table.count < WeightedPick.slots { table.append(0) }
        self.table = table
    }

    /// Zipf: the index-th is as likely as 1 / (index + 1).
    init(zipf count: Int) { self.init(weights: (0..<count).map { 1 / Double($0 + 1) }) }

    func callAsFunction(_ random: inout Random) -> Int { Int(table[Int(random.next() >> 52)]) }
}

/// Waiting times of a Poisson process, in 1/1024 of the mean.
struct ExponentialGaps {
    private let table: [UInt32]

    init() {
        // -ln(1 - q) at the midpoints of 1024 equal slices, through log2's series: no libm needed.
        table = (0..<1024).map { slice in
            max(1, UInt32(1024 * ExponentialGaps.negativeLogarithm((Double(1023 - slice) + 0.5) / 1024)))
        }
    }

    func callAsFunction(_ random: inout Random) -> UInt64 { UInt64(table[Int(random.next() >> 54)]) }

    private static func negativeLogarithm(_ value: Double) -> Double {
        var mantissa = value
        var halvings = 0.0
        while mantissa < 0.75 {
            mantissa *= 2
            halvings += 1
        }
        let ratio = (mantissa - 1) / (mantissa + 1)
        var term = ratio
        var sum = 0.0
        for order in stride(from: 1.0, to: 30, by: 2) {
            sum += term / order
            term *= ratio * ratio
        }
        return halvings * 0.693_147_180_559_945_3 - 2 * sum
    }
}
