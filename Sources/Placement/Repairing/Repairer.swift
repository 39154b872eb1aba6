import ArchiveTypes
import Checksums
package import ChunkFormat
import ObjectStore
import Threads

/// Restores in each store what it should hold, from what other stores hold intact.
///
/// Every byte that is written comes from objects that were checked against their digests in the same run, under the key
/// that it had. Nothing is removed, but for a damaged object that a store does not overwrite. A run may be cut off
/// anywhere and begun again; others may repair or archive at the same time: a chunk whose manifest is not there yet is
/// left alone. A store without firn.json gets it last, when it holds all that it should: until then readers count it
/// as down, and do not take what it lacks for absent.
package struct Repairer: Sendable {
    package struct Settings: Sendable {
        /// Read every byte first, to find what is damaged.
        package var isDeep = false
        /// Change nothing.
        package var isDryRun = false
        /// Bring chunks of other rules under this one.
        package var rule: PlacementRule?
        /// Of the archive; nil: as its stores or manifests tell.
        package var archive: String?

        package init() {}
    }

    private let examiner: ArchiveExaminer
    private let settings: Settings
    private var members: [StoreMember] { examiner.members }

    /// Chunks that are put together at a time: each is a file of its size, and a few MiB of memory.
    private static let chunksAtATime = 3
    /// A manifest whose PUT was confirmed later than this after its hour is put again under the current one.
    private static let confirmedWithin = 15 * Nanoseconds.perMinute

    package init(
        _ members: [StoreMember], settings: Settings, scratch: Scratch, bandwidth: Bandwidth = Bandwidth(nil),
        progress: WorkProgress = WorkProgress()
    ) {
        let isDeep = settings.isDeep
        examiner = ArchiveExaminer(
            members, settings: ArchiveExaminer.Settings(isDeep: isDeep) { _ in isDeep }, scratch: scratch,
            bandwidth: bandwidth, progress: progress)
        self.settings = settings
    }

    /// - Throws: where not even one store can be listed, or the machine's own disk fails; `CancellationError`.
    package func run() async throws -> RepairReport {
        var survey = try await ArchiveSurvey.take(members, archive: settings.archive)
        var report = RepairReport()
        report.left = survey.findings
        var names: [String: Int] = [:]
        let manifests = try await examiner.manifests(survey) { manifest, _ in
            names[manifest.description.archive, default: 0] += 1
        }
        survey.archive = survey.archive ?? names.max { $0.value < $1.value }?.key
        try await repairChunks(manifests.chunks, survey, &report)
        try await repair(manifests.standings, survey, &report) { ManifestKey($0).map(ArchiveExaminer.check) }
        let index = try await examiner.index(survey)
        try await repair(index, survey, &report) { IndexObjectKey($0).map(ArchiveExaminer.check) }
        try await describe(survey, &report)
        return report
    }

    // MARK: Chunks

    private func repairChunks(
        _ chunks: [ChunkKey: ChunkRecord], _ survey: ArchiveSurvey, _ report: inout RepairReport
    ) async throws {
        examiner.progress.expect(chunks.count)
        report.chunks = chunks.count
        var unknown: [String: Int] = [:]
        try await examiner.concurrently(
            chunks.values.sorted { $0.chunk < $1.chunk }, atATime: Self.chunksAtATime
        ) { record in
            try await chunk(record, survey)
        } visit: { outcome in
            examiner.progress.finish()
            report.add(outcome.report)
            for name in outcome.unknown { unknown[name, default: 0] += 1 }
        }
        report.left += survey.unknownStores(unknown)
    }

    private struct Outcome: Sendable {
        var report = RepairReport()
        var unknown: Set<String> = []
    }

    private func chunk(_ record: ChunkRecord, _ survey: ArchiveSurvey) async throws -> Outcome {
        guard record.isConsistent else {
            var outcome = Outcome()
            outcome.report.left += ChunkStanding(record, survey).findings(survey)
            return outcome
        }
        if let wanted = conversion(of: record) { return try await convert(record, to: wanted, survey) }
        var standing = try await examiner.standing(record, survey)
        var assembly: ChunkAssembly?
        if settings.isDeep { assembly = try await examiner.assemble(&standing, everything: true) }
        var outcome = Outcome()
        if !standing.lacking.isEmpty {
            if settings.isDryRun {
                plan(&standing, &outcome.report)
            } else {
                // What is read may turn out to be damaged, and is restored too then.
                if assembly == nil { assembly = try await examiner.assemble(&standing, everything: false) }
                if let assembly { try await restore(&standing, assembly, &outcome.report) }
            }
        }
        outcome.report.left += standing.findings(survey)
        for part in standing.parts where part.state != .whole {
            if let store = part.store, standing.verdict != .beyondRepair { outcome.report.unfinished.insert(store) }
            if part.state == .unplaced { outcome.unknown.insert(part.storeName) }
        }
        return outcome
    }

    private func plan(_ standing: inout ChunkStanding, _ report: inout RepairReport) {
        guard standing.verdict != .beyondRepair, standing.verdict != .unseen else { return }
        for index in standing.lacking {
            let part = standing.parts[index]
            let size = standing.record.inForce.size(standing.part(part).index)
            note(part.key, size, part.storeName, &report)
            standing.parts[index].state = .whole
        }
    }

    private func note(_ key: String, _ size: UInt64, _ store: String, _ report: inout RepairReport) {
        if settings.isDryRun { report.plan.append("store \(store): would restore \(key)") }
        report.restored[store, default: RepairReport.Restored()].objects += 1
        report.restored[store, default: RepairReport.Restored()].bytes += size
    }

    private func restore(
        _ standing: inout ChunkStanding, _ assembly: ChunkAssembly, _ report: inout RepairReport
    ) async throws {
        let parts = try await examiner.parts(standing.record.inForce, assembly.path)
        for index in standing.lacking {
            let part = standing.parts[index]
            guard let store = part.store else { continue }
            let body = parts.parts[part.index].body.copied
            if let refusal = try await put(part.key, body, store, replaces: part.state != .missing) {
                report.left.append(
                    Finding(.unreadable, key: part.key, store: part.storeName, "could not be restored: \(refusal)"))
            } else {
                standing.parts[index].state = .whole
                note(part.key, body.length, part.storeName, &report)
            }
        }
    }

    // MARK: Writing

    /// - Parameter replaces: an object that is damaged is there.
    /// - Returns: why it could not be, a clause; nil where the store holds it now.
    private func put(
        _ key: String, _ body: ObjectBody, _ store: Int, replaces: Bool
    ) async throws(CancellationError) -> String? {
        try await examiner.bandwidth.spend(body.length)
        let target = members[store].store
        var isRemoving = false
        do throws(StoreError) {
            let result = try await target.put(key, body)
            examiner.progress.moved(Int(clamping: body.length))
            if !replaces {
                guard result.outcome == .alreadyHeld else { return nil }
                // Somebody was quicker, or the listing was late.
                if try await target.size(key) == body.length { return nil }
            }
            if try await isIntact(key, body, store) { return nil }
            isRemoving = true
            try await target.delete(key)
            isRemoving = false
            _ = try await target.put(key, body)
            return try await isIntact(key, body, store) ? nil : "the store keeps the damaged object"
        } catch {
            if error.kind == .cancelled { throw CancellationError() }
            guard isRemoving else { return error.reason + (error.hint.map { "; \($0)" } ?? "") }
            return "the store neither overwrites nor removes the damaged object (\(error.reason));"
                + " remove it with the rights for that, and run firn repair again"
        }
    }

    /// Whether the store gives back the bytes of `body`.
    private func isIntact(_ key: String, _ body: ObjectBody, _ store: Int) async throws(StoreError) -> Bool {
        let digest = Digest(.sha256)
        var offset: UInt64 = 0
        while offset < body.length {
            let count = min(4 << 20, body.length - offset)
            do throws(StoreError) {
                let data = try await members[store].store.get(key, .bytes(offset: offset, length: count))
                guard data.objectSize == body.length else { return false }
                digest.update(data.bytes)
            } catch {
                if error.kind == .corrupt || error.kind == .rangeNotSatisfiable || error.kind == .notFound {
                    return false
                }
                throw error
            }
            offset += count
        }
        return digest.finish() == body.sha256
    }

    // MARK: Objects that all stores hold

    private func repair(
        _ standings: [CommonStanding], _ survey: ArchiveSurvey, _ report: inout RepairReport,
        check: (String) -> (@Sendable ([UInt8]) -> String?)?
    ) async throws {
        for var standing in standings where !standing.isWhole {
            if let source = standing.source, let check = check(standing.key) {
                try await restore(&standing, source, &report, check)
            }
            report.left += standing.findings(survey)
            guard !standing.whole.isEmpty || !standing.unseen.isEmpty else { continue }
            report.unfinished.formUnion(standing.missing + standing.damaged.keys + standing.unseen.keys)
        }
    }

    private func restore(
        _ standing: inout CommonStanding, _ source: (key: String, store: Int), _ report: inout RepairReport,
        _ check: @Sendable ([UInt8]) -> String?
    ) async throws {
        guard case .whole(let bytes) = try await examiner.read(source.key, from: source.store, check: check) else {
            return
        }
        let body = ObjectBody(content: .bytes(bytes), sha256: sha256(bytes))
        for store in standing.missing + standing.damaged.keys.sorted() {
            let key = standing.damagedKeys[store] ?? standing.key
            let isDamaged = standing.damaged[store] != nil
            if !settings.isDryRun, let refusal = try await put(key, body, store, replaces: isDamaged) {
                report.left.append(
                    Finding(.unreadable, key: key, store: members[store].name, "could not be restored: \(refusal)"))
                continue
            }
            standing.missing.removeAll { $0 == store }
            standing.damaged[store] = nil
            standing.whole.append(store)
            note(key, body.length, members[store].name, &report)
        }
    }

    /// firn.json, in the stores that hold all that they should.
    private func describe(_ survey: ArchiveSurvey, _ report: inout RepairReport) async throws {
        let standing = ArchiveExaminer.description(survey)
        guard let archive = survey.archive else {
            report.left += standing.findings(survey)
            return
        }
        let bytes = ArchiveDescription(archive: archive).encoded()
        let body = ObjectBody(content: .bytes(bytes), sha256: sha256(bytes))
        for store in standing.missing + standing.damaged.keys.sorted() {
            let name = members[store].name
            var refusal: String?
            if report.unfinished.contains(store) {
                refusal = "the store does not hold all that it should yet; until then it counts as down"
            } else if !settings.isDryRun {
                refusal = try await put(standing.key, body, store, replaces: standing.damaged[store] != nil)
            }
            if let refusal {
                report.left.append(
                    Finding(.missing, key: standing.key, store: name, "could not be restored: \(refusal)"))
            } else {
                note(standing.key, body.length, name, &report)
            }
        }
    }

    // MARK: Another rule

    /// The rule that a chunk is to come under; nil where it is under it.
    private func conversion(of record: ChunkRecord) -> Redundancy? {
        guard let rule = settings.rule else { return nil }
        let name = record.chunk.name
        let wanted = rule.redundancy(writer: name.writer, sequence: name.sequence)
        let current = record.inForce.description.redundancy
        guard wanted.rule == current.rule else { return wanted }
        // Which copy is in which store means nothing.
        if case .copies = wanted.rule { return Set(wanted.placement) == Set(current.placement) ? nil : wanted }
        return wanted.placement == current.placement ? nil : wanted
    }

    /// Writes the parts of the new rule, and then a manifest that says so.
    private func convert(_ record: ChunkRecord, to wanted: Redundancy, _ survey: ArchiveSurvey) async throws -> Outcome
    {
        var outcome = Outcome()
        var standing = ChunkStanding(record, survey)
        let chunk = record.chunk
        func leave(_ reason: String) -> Outcome {
            outcome.report.left.append(
                Finding(
                    .unreadable, key: chunk.description,
                    "could not be brought under the rule \(wanted.rule.text): \(reason)"))
            outcome.report.left += standing.findings(survey)
            outcome.report.unfinished.formUnion(standing.lacking.compactMap { standing.parts[$0].store })
            return outcome
        }
        let stores = wanted.placement.compactMap { survey.number($0) }.filter { survey.stores[$0].isUp }
        guard stores.count == wanted.placement.count else { return leave("a store that it means is down") }
        guard let key = wanted.key(hour: chunk.hour, name: chunk.name, length: record.inForce.length) else {
            return leave("a chunk of \(record.inForce.length) bytes cannot be cut so")
        }
        if settings.isDryRun {
            outcome.report.plan.append("would bring \(chunk) under the rule \(wanted.rule.text)")
            outcome.report.converted = 1
            return outcome
        }
        guard let assembly = try await examiner.assemble(&standing, everything: settings.isDeep) else {
            return leave("it cannot be put together")
        }
        guard var manifest = try await wholeManifest(record, survey) else {
            return leave("its manifest cannot be read")
        }
        manifest.chunk = key
        manifest.description.redundancy = wanted
        manifest.revision = record.inForce.revision + 1
        let parts = try await examiner.parts(manifest.head, assembly.path)
        for (index, store) in stores.enumerated() {
            let part = PartName(form: key.form, index: key.form == .whole ? 0 : index)
            guard !standing.isIntact(part, store) else { continue }
            let body = parts.parts[index].body.copied
            let isThere = survey.chunks[chunk.identity]?[part]?.contains { $0.store == store } ?? false
            if let refusal = try await put(part.key(key), body, store, replaces: isThere) {
                return leave("store \(members[store].name): \(refusal)")
            }
            note(part.key(key), body.length, members[store].name, &outcome.report)
        }
        if let refusal = try await put(manifest, survey, &outcome.report) { return leave(refusal) }
        outcome.report.converted = 1
        return outcome
    }

    private func wholeManifest(_ record: ChunkRecord, _ survey: ArchiveSurvey) async throws -> Manifest? {
        let name = record.manifests[0].name
        for (hour, holders) in survey.manifests[name] ?? [:] {
            let key = ManifestKey(hour: hour, name: name)
            for holder in holders {
                let reading = try await examiner.read(
                    key.description, from: holder.store, check: ArchiveExaminer.check(key))
                if case .whole(let bytes) = reading { return try Manifest.decode(bytes, key: key) }
            }
        }
        return nil
    }

    /// To all stores that are up, under the hour of their clock.
    /// - Returns: why not even as many hold it as must, or nil.
    private func put(
        _ manifest: Manifest, _ survey: ArchiveSurvey, _ report: inout RepairReport
    ) async throws -> String? {
        let object = try manifest.encoded()
        let body = ObjectBody(content: .bytes(object), sha256: sha256(object))
        var (held, refusals): (Int, [String]) = (0, [])
        for store in survey.up {
            do throws(StoreError) {
                let key = try await put(manifest, object, body, store)
                note(key.description, body.length, members[store].name, &report)
                held += 1
            } catch {
                if error.kind == .cancelled { throw CancellationError() }
                refusals.append("store \(members[store].name): \(error.reason)")
                report.unfinished.insert(store)
            }
        }
        guard held < manifest.description.redundancy.acknowledge else { return nil }
        return "too few stores took its manifest (\(refusals.joined(separator: "; ")))"
    }

    private func put(
        _ manifest: Manifest, _ object: [UInt8], _ body: ObjectBody, _ store: Int
    ) async throws(StoreError) -> ManifestKey {
        let target = members[store].store
        var time = try await target.list(prefix: KeyLayout.archiveDescription, after: nil, limit: 1).storeTime
        while true {
            let hour = Hour(containing: time)
            let key = manifest.key(hour: hour, object: object)
            time = try await target.put(key.description, body).storeTime
            if time <= hour.end + Self.confirmedWithin { return key }
        }
    }
}

extension ChunkStanding {
    /// Indices of the parts that can be written.
    var lacking: [Int] {
        parts.indices.filter { index in
            switch parts[index].state {
            case .missing, .damaged: parts[index].store != nil
            case .whole, .unseen, .unplaced: false
            }
        }
    }

    /// Whether a store holds a part, in whatever role.
    func isIntact(_ part: PartName, _ store: Int) -> Bool {
        strays.contains { $0.part == part && $0.store == store }
            || parts.contains { $0.state == .whole && $0.store == store && self.part($0) == part }
    }
}

extension ObjectBody {
    /// A store must not link a file that will be gone: it copies a part of one.
    var copied: ObjectBody {
        guard case .file(let path, let length) = content else { return self }
        let part = FilePart(path: path, offset: 0, length: length, ending: [])
        return ObjectBody(content: .part(part), sha256: sha256, md5: md5)
    }
}
