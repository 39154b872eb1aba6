package import ArchiveTypes
package import ChunkFormat
import ObjectStore

/// What the manifests of one chunk say, without blocks.
package struct ChunkRecord: Sendable {
    /// One of each manifest, the one in force first: the highest revision, of equals the least name.
    package private(set) var manifests: [(head: Manifest, name: ObjectName)]

    package var inForce: Manifest { manifests[0].head }
    package var chunk: ChunkKey { inForce.chunk }

    init(_ head: Manifest, _ name: ObjectName) { manifests = [(head, name)] }

    mutating func add(_ head: Manifest, _ name: ObjectName) {
        manifests.append((head, name))
        manifests.sort { one, other in
            let (left, right) = (one.head.revision, other.head.revision)
            return left == right ? one.name < other.name : left > right
        }
    }

    /// Whether all of them speak of the same bytes: else one is forged, and nobody can tell which.
    package var isConsistent: Bool {
        manifests.allSatisfy { $0.head.length == inForce.length && $0.head.sha256 == inForce.sha256 }
    }

    /// One manifest of each form, that in force first.
    var forms: [Manifest] {
        var seen: Set<ChunkForm> = []
        return manifests.map(\.head).filter { seen.insert($0.chunk.form).inserted }
    }
}

/// How one chunk stands: each part that its rule means, and what there is beside them.
package struct ChunkStanding: Sendable {
    package enum State: Sendable, Hashable {
        case whole
        case missing
        /// A clause.
        case damaged(String)
        /// The store is down, or could not be read. A clause.
        case unseen(String)
        /// The rule means a store that is none of the archive's.
        case unplaced
    }

    package struct Part: Sendable {
        package var index: Int
        package var key: String
        /// The store that the rule means; nil where it is none of the archive's.
        package var store: Int?
        package var storeName: String
        package var state: State
    }

    /// An intact object in a store that the rule in force does not mean.
    package struct Stray: Sendable {
        package var key: String
        package var part: PartName
        package var store: Int
        /// An earlier rule meant it.
        package var isSuperseded: Bool
    }

    package enum Verdict: Sendable, Hashable {
        case whole
        /// It can be read, and lacks something.
        case belowRule
        /// As many parts as the rule asks for, but not where it means them.
        case misplaced
        /// Stores that are down, or were not named, may hold what is missing.
        case unseen
        case beyondRepair
    }

    package let record: ChunkRecord
    package internal(set) var parts: [Part]
    package internal(set) var strays: [Stray]

    package var chunk: ChunkKey { record.chunk }

    package var verdict: Verdict {
        let rule = record.inForce.description.redundancy.rule
        if parts.count >= rule.parts, parts.allSatisfy({ $0.state == .whole }) { return .whole }
        let own = strays.filter { $0.part.form == chunk.form }
        let intact: Int
        switch rule {
        case .copies: intact = parts.count { $0.state == .whole } + Set(own.map(\.store)).count
        case .erasure:
            intact = Set(parts.filter { $0.state == .whole }.map(\.index) + own.map(\.part.index)).count
        }
        let unseen = parts.count { part in
            switch part.state {
            case .unseen, .unplaced: true
            case .whole, .missing, .damaged: false
            }
        }
        if intact >= rule.parts { return .misplaced }
        if intact >= rule.needed || isReadableOtherwise { return .belowRule }
        return intact + unseen >= rule.needed ? .unseen : .beyondRepair
    }

    /// In a form of an earlier rule.
    private var isReadableOtherwise: Bool {
        record.forms.dropFirst().contains { form in
            let held = Set(strays.filter { $0.part.form == form.chunk.form }.map(\.part.index))
            return held.count >= form.description.redundancy.rule.needed
        }
    }
}

extension ChunkStanding {
    /// From listings alone.
    init(_ record: ChunkRecord, _ survey: ArchiveSurvey) {
        self.record = record
        let held = survey.chunks[record.chunk.identity] ?? [:]
        let manifest = record.inForce
        let redundancy = manifest.description.redundancy
        parts = redundancy.placement.prefix(redundancy.rule.parts).enumerated().map { place, name in
            let isWhole = manifest.chunk.form == .whole
            let part = PartName(form: manifest.chunk.form, index: isWhole ? 0 : place)
            return Part(
                index: place, key: part.key(manifest.chunk), store: survey.number(name), storeName: name,
                state: Self.state(held[part] ?? [], name, manifest.size(part.index), survey))
        }
        strays = []
        for form in record.forms {
            for index in 0..<form.parts {
                let part = PartName(form: form.chunk.form, index: index)
                for holder in held[part] ?? [] where holder.size == form.size(index) {
                    if parts.contains(where: { $0.store == holder.store && $0.key == part.key(form.chunk) }) {
                        continue
                    }
                    strays.append(
                        Stray(
                            key: part.key(form.chunk), part: part, store: holder.store,
                            isSuperseded: record.isSuperseded(part, survey.name(holder.store))))
                }
            }
        }
    }

    private static func state(_ holders: [Holder], _ name: String, _ size: UInt64, _ survey: ArchiveSurvey) -> State {
        guard let store = survey.number(name) else { return .unplaced }
        if case .down(let error) = survey.stores[store].state { return .unseen(error.reason) }
        guard let holder = holders.first(where: { $0.store == store }) else { return .missing }
        return holder.size == size ? .whole : .damaged("it has \(holder.size) bytes where \(size) are right")
    }

    /// The part in the file of an assembly: whole chunks have one.
    func part(_ part: Part) -> PartName {
        PartName(form: chunk.form, index: chunk.form == .whole ? 0 : part.index)
    }
}

extension ChunkRecord {
    /// Whether an earlier rule meant the store to hold the part.
    fileprivate func isSuperseded(_ part: PartName, _ store: String) -> Bool {
        manifests.dropFirst().contains { head, _ in
            guard head.chunk.form == part.form,
                let place = head.description.redundancy.placement.firstIndex(of: store)
            else { return false }
            return part.form == .whole || place == part.index
        }
    }
}

/// How an object stands that every store should hold: firn.json, a manifest, an object of the index.
package struct CommonStanding: Sendable {
    /// Of the object as it is to be held; a manifest may stand under other hours too.
    package let key: String
    package internal(set) var whole: [Int] = []
    package internal(set) var missing: [Int] = []
    /// Clauses by the store.
    package internal(set) var damaged: [Int: String] = [:]
    /// By stores that are up and did not answer.
    package internal(set) var unseen: [Int: String] = [:]
    /// Where a store's damaged copy stands, if not under `key`.
    var damagedKeys: [Int: String] = [:]
    /// An intact copy that was read.
    var source: (key: String, store: Int)?

    init(key: String) { self.key = key }

    package var isWhole: Bool { missing.isEmpty && damaged.isEmpty && unseen.isEmpty && !whole.isEmpty }
}
