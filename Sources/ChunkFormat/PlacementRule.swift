package import ArchiveTypes
import Checksums

/// A rule of redundancy over the stores of an archive: decides which of them are meant to hold a chunk.
package struct PlacementRule: Sendable, Hashable {
    package struct Store: Sendable, Hashable {
        package var name: String
        /// What fails together, such as a provider or a site; nil: the store by itself.
        package var domain: String?

        package init(_ name: String, domain: String? = nil) {
            self.name = name
            self.domain = domain
        }
    }

    package var rule: Redundancy.Rule
    package var acknowledge: Int
    /// At least as many as the rule has parts.
    package var stores: [Store]

    package init(_ rule: Redundancy.Rule, acknowledge: Int? = nil, stores: [Store]) {
        self.rule = rule
        self.acknowledge = acknowledge ?? rule.defaultAcknowledge
        self.stores = stores
    }

    /// A whole copy in one store.
    package static func single(_ store: String) -> PlacementRule {
        PlacementRule(.copies(1), acknowledge: 1, stores: [Store(store)])
    }

    /// The rule for one chunk.
    package func redundancy(writer: WriterID, sequence: UInt64) -> Redundancy {
        Redundancy(rule, acknowledge: acknowledge, placement: placement(writer: writer, sequence: sequence))
    }

    /// Names of the stores that are meant to hold the parts of a chunk, in the order of the parts.
    ///
    /// Rendezvous hashing (Thaler and Ravishankar, "Using Name-Based Mappings to Increase Hit Rates", 1998): every store has
    /// a number for the chunk, the greatest ones win, and a store that comes or goes moves no other's chunks. As far as
    /// domains suffice, no two parts lie in the same one.
    package func placement(writer: WriterID, sequence: UInt64) -> [String] {
        let chunk = Array("\(writer)-\(sequence)".utf8)
        let ranked = stores.map { (store: $0, score: xxh64(Array($0.name.utf8) + [0] + chunk)) }
            .sorted { ($0.score, $0.store.name) > ($1.score, $1.store.name) }.map(\.store)
        var taken: Set<String> = []
        var (first, later): ([Store], [Store]) = ([], [])
        for store in ranked {
            let isNew = store.domain.map { taken.insert($0).inserted } ?? true
            if isNew { first.append(store) } else { later.append(store) }
        }
        return (first + later).prefix(rule.parts).map(\.name)
    }
}
