package import Placement

/// What verification looked at, and found.
package struct VerifyReport: Sendable {
    package var chunks = 0
    package var manifests = 0
    package var indexObjects = 0
    /// Chunks of which every byte was read, and how many bytes that were.
    package var chunksRead = 0
    package var bytesRead: UInt64 = 0
    /// In the order of discovery; notes too.
    package var findings: [Finding] = []

    package var notes: [Finding] { findings.filter { $0.kind == .note } }
    /// Exit status 4 where there are any.
    package var problems: [Finding] { findings.filter { $0.kind != .note } }

    /// Of the chunks, where there are several stores: how many stand how.
    package var verdicts: [ChunkStanding.Verdict: Int] = [:]
    /// Where there are several stores: what each of them holds and lacks.
    package var stores: [StoreFigures] = []
    /// Findings that were counted and not kept, by what begins their line.
    var unlisted: [String: Int] = [:]

    package struct StoreFigures: Sendable, Hashable {
        package var name: String
        package var isUp: Bool
        package var objects: Int
        package var bytes: UInt64
        package var missing = 0
        package var damaged = 0
        package var misplaced = 0
    }

    package init() {}

    /// Of one kind in one store, so many are kept: a store that was emptied lacks everything.
    private static let mostOfAKind = 1000

    /// Adds what was found in some of several stores.
    mutating func add(_ found: [Finding]) {
        for finding in found {
            if let index = stores.firstIndex(where: { $0.name == finding.store }) {
                switch finding.kind {
                case .missing: stores[index].missing += 1
                case .damaged: stores[index].damaged += 1
                case .misplaced: stores[index].misplaced += 1
                default: break
                }
            }
            let kind = "\(finding.kind.rawValue) \(finding.store ?? "")"
            unlisted[kind, default: 0] += 1
            if unlisted[kind, default: 0] <= Self.mostOfAKind { findings.append(finding) }
        }
    }

    /// Says of what there is more than is listed.
    mutating func tellUnlisted() {
        for (kind, count) in unlisted.sorted(by: { $0.key < $1.key }) where count > Self.mostOfAKind {
            guard let like = findings.first(where: { "\($0.kind.rawValue) \($0.store ?? "")" == kind }) else {
                continue
            }
            findings.append(
                Finding(like.kind, key: "", store: like.store, "\(count - Self.mostOfAKind) more objects", remedy: ""))
        }
        unlisted = [:]
    }
}
