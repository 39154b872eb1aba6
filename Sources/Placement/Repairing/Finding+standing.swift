package import ArchiveTypes
import ChunkFormat
import ObjectStore

extension CommonStanding {
    /// What is wrong with it, a finding a store.
    package func findings(_ survey: ArchiveSurvey) -> [Finding] {
        let isLost = whole.isEmpty && unseen.isEmpty
        let remedy = isLost ? self.remedy : "run firn repair"
        var findings = missing.map {
            Finding(.missing, key: key, store: survey.name($0), "it is not there", remedy: remedy)
        }
        findings += damaged.sorted { $0.key < $1.key }.map {
            Finding(.damaged, key: damagedKeys[$0] ?? key, store: survey.name($0), $1, remedy: remedy)
        }
        findings += unseen.sorted { $0.key < $1.key }.map {
            Finding(
                .unreadable, key: key, store: survey.name($0), $1, remedy: "run firn verify again when it can be read")
        }
        return findings
    }

    /// For what no store has intact.
    private var remedy: String {
        key == KeyLayout.archiveDescription ? "run firn repair" : "no store has it intact: run firn index --rebuild"
    }
}

extension ChunkStanding {
    /// What is wrong with it: a finding for each part, and one that says so where it cannot be put together any more.
    package func findings(_ survey: ArchiveSurvey) -> [Finding] {
        let verdict = verdict
        var findings: [Finding] = []
        if verdict == .beyondRepair {
            let needed = record.inForce.description.redundancy.rule.needed
            let text =
                needed == 1
                ? "beyond repair: no intact copy is left" : "beyond repair: fewer than \(needed) intact shards are left"
            findings.append(
                Finding(.missing, key: chunk.description, text, remedy: "look for it in the writer's spool"))
        }
        if !record.isConsistent {
            findings.append(
                Finding(
                    .damaged, key: chunk.description, "its manifests contradict each other about its length or digest",
                    remedy: "find out which of them is forged, and remove it; repair leaves the chunk alone"))
        }
        let remedy = verdict == .beyondRepair ? "" : "run firn repair"
        for part in parts {
            switch part.state {
            // Stores that are down or unknown are told of once, by themselves.
            case .whole, .unplaced: break
            case .missing:
                findings.append(
                    Finding(.missing, key: part.key, store: part.storeName, "it is not there", remedy: remedy))
            case .damaged(let reason):
                findings.append(Finding(.damaged, key: part.key, store: part.storeName, reason, remedy: remedy))
            case .unseen(let reason):
                guard let store = part.store, survey.stores[store].isUp else { break }
                findings.append(
                    Finding(
                        .unreadable, key: part.key, store: part.storeName, reason,
                        remedy: "run firn verify again when it can be read"))
            }
        }
        return findings + strayFindings(survey, verdict)
    }

    /// An intact object in the wrong place is wrong where it is missing in the right one.
    private func strayFindings(_ survey: ArchiveSurvey, _ verdict: Verdict) -> [Finding] {
        let isUnplaced = parts.contains { $0.state == .unplaced }
        return strays.filter { !$0.isSuperseded && $0.part.form == chunk.form }.map { stray in
            let isNeeded = verdict != .whole && !isUnplaced
            return Finding(
                isNeeded ? .misplaced : .note, key: stray.key, store: survey.name(stray.store),
                "the chunk's rule does not mean this store to hold it",
                remedy: isNeeded ? "run firn repair" : "")
        }
    }
}

extension ArchiveSurvey {
    /// Stores that are down, and objects that are none of an archive's.
    package var findings: [Finding] {
        var findings = stores.compactMap { store -> Finding? in
            guard case .down(let error) = store.state else { return nil }
            return Finding(
                .unreadable, key: "", store: store.member.name, "nothing is known of what it holds: \(error.reason)",
                remedy: error.hint ?? "run it again when the store can be reached")
        }
        findings += strangers.map {
            Finding(
                .misplaced, key: $0.key, store: name($0.store), "no object of an archive has such a name",
                remedy: "remove it, or move it elsewhere")
        }
        return findings
    }

    /// Stores that rules mean and that are none of the archive's.
    package func unknownStores(_ standings: [String: Int]) -> [Finding] {
        standings.sorted { $0.key < $1.key }.map { name, count in
            Finding(
                .misplaced, key: "",
                "\(count) chunks are meant for store \(name), which is none of the stores that were named",
                remedy: "name it, or run firn repair --to-current-rule")
        }
    }

    /// Chunks that no manifest describes: `older` than when they are findings, else notes.
    package func lonelyChunks(
        but described: (ChunkKey) -> Bool, delay: Nanoseconds
    ) -> [Finding] {
        let now = stores.filter(\.isUp).map(\.time).max() ?? 0
        return chunks.keys.filter { !described($0) }.sorted().map { chunk in
            let isLate = chunk.hour.start + .perHour + delay < now
            let forms = (chunks[chunk] ?? [:]).keys.map { $0.key(chunk) }.sorted()
            return Finding(
                isLate ? .notIndexed : .note, key: forms.first ?? chunk.description,
                "no manifest that can be read describes the chunk" + (isLate ? "" : ": it may be on its way"),
                remedy: isLate ? "run firn index --rebuild" : "")
        }
    }
}
