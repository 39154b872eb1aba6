package import ArchiveTypes

/// A rule of redundancy, and the stores that it means for one chunk.
package struct Redundancy: Sendable, Hashable {
    package enum Rule: Sendable, Hashable {
        /// Whole copies, each in a store of its own.
        case copies(Int)
        /// Reed-Solomon shards, each in a store of its own: any `data` of them give the chunk.
        case erasure(data: Int, parity: Int)
    }

    package var rule: Rule
    /// How many stores must hold their part before the chunk counts as archived.
    package var acknowledge: Int
    /// Names of the stores that are meant to hold the chunk. With shards, number `i` is in store `i` of them.
    package var placement: [String]

    package init(_ rule: Rule, acknowledge: Int, placement: [String]) {
        self.rule = rule
        self.acknowledge = acknowledge
        self.placement = placement
    }

    /// Whole copies.
    package init(copies: Int, acknowledge: Int, placement: [String]) {
        self.init(.copies(copies), acknowledge: acknowledge, placement: placement)
    }

    /// What a chunk's key alone says of the rule: as few stores as possible, and no names.
    init(formOf key: ChunkKey) {
        switch key.form {
        case .whole: self.init(copies: 1, acknowledge: 1, placement: [])
        case .sharded(let geometry):
            self.init(
                .erasure(data: geometry.data, parity: geometry.parity), acknowledge: geometry.data, placement: [])
        }
    }

    /// The key of a chunk under this rule; nil where a chunk of `length` bytes cannot be cut so.
    package func key(hour: Hour, name: ObjectName, length: UInt64) -> ChunkKey? {
        switch rule {
        case .copies: return ChunkKey(hour: hour, name: name)
        case .erasure(let data, let parity):
            return ShardGeometry(data: data, parity: parity, length: length).map {
                ChunkKey(hour: hour, name: name, form: .sharded($0))
            }
        }
    }
}

extension Redundancy.Rule {
    /// Parts that the rule asks for.
    package var parts: Int {
        switch self {
        case .copies(let copies): copies
        case .erasure(let data, let parity): data + parity
        }
    }

    /// Parts that reading needs.
    package var needed: Int {
        switch self {
        case .copies: 1
        case .erasure(let data, _): data
        }
    }

    /// Whether chunks have this form under the rule.
    package func isRule(of form: ChunkForm) -> Bool {
        switch (self, form) {
        case (.copies, .whole): true
        case (.erasure(let data, let parity), .sharded(let geometry)):
            data == geometry.data && parity == geometry.parity
        default: false
        }
    }

    /// `3 copies`, `4+2`.
    package var text: String {
        switch self {
        case .copies(1): "1 copy"
        case .copies(let copies): "\(copies) copies"
        case .erasure(let data, let parity): "\(data)+\(parity)"
        }
    }

    /// A majority of copies, and at least 2 where there are 2; one shard more than reading needs.
    package var defaultAcknowledge: Int {
        switch self {
        case .copies(let copies): max(copies / 2 + 1, min(2, copies))
        case .erasure(let data, _): data + 1
        }
    }
}

extension Redundancy {
    /// Varints: 1, copies, acknowledge, number of stores; or 2, data, parity, acknowledge, number of stores. Then the
    /// stores' names with a varint length.
    func encoded() -> [UInt8] {
        var numbers: [UInt64]
        switch rule {
        case .copies(let copies): numbers = [1, UInt64(copies)]
        case .erasure(let data, let parity): numbers = [2, UInt64(data), UInt64(parity)]
        }
        numbers += [UInt64(acknowledge), UInt64(placement.count)]
        return varints(numbers) + lengthPrefixed(placement)
    }

    init(_ reader: inout ByteReader) throws(MalformedBytes) {
        let rule: Rule?
        switch try reader.readVarint() {
        case 1: rule = Rule(copies: try reader.readVarint())
        case 2: rule = Rule(data: try reader.readVarint(), parity: try reader.readVarint())
        default: throw MalformedBytes("unknown rule of redundancy; update firn", at: reader.offset)
        }
        let (acknowledge, stores) = (try reader.readVarint(), try reader.readVarint())
        guard let rule, acknowledge <= UInt64(rule.parts), stores <= 1024 else {
            throw MalformedBytes("rule of redundancy is out of bounds", at: reader.offset)
        }
        var placement: [String] = []
        for _ in 0..<stores { placement.append(try reader.readText(atMost: Limits.keySegmentBytes)) }
        self.init(rule, acknowledge: Int(acknowledge), placement: placement)
    }
}

extension Redundancy.Rule {
    /// Nil where the number is out of bounds.
    init?(copies: UInt64) {
        guard 1...1024 ~= copies else { return nil }
        self = .copies(Int(copies))
    }

    init?(data: UInt64, parity: UInt64) {
        let limit = UInt64(Limits.shards)
        guard 1...limit ~= data, 1...limit ~= parity, data + parity <= limit else { return nil }
        self = .erasure(data: Int(data), parity: Int(parity))
    }
}
