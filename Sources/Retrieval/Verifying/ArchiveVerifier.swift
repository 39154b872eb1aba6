import ArchiveTypes
import ChunkFormat
import ObjectStore
package import Placement
import Synchronization
import Threads

/// Finds what is missing, altered, misplaced or not indexed in any of the several stores of an archive.
///
/// Always: every store is listed, every manifest read from one store and compared with the lists of all, and one copy of
/// each object of the index. Of the chunks that the options ask for every copy and shard is read, and what they give
/// together compared with the manifest; with `isDeep` every copy of every other object too: then no byte is unread.
package struct ArchiveVerifier: Sendable {
    private let members: [StoreMember]
    private let united: RedundantStore
    private let archive: String?
    private let options: VerifyOptions
    private let progress: ReadProgress
    private let examiner: ArchiveExaminer

    /// Chunks that are put together at a time.
    private static let chunksAtATime = 2

    /// - Parameters:
    ///   - united: the same stores as one.
    ///   - archive: its name; nil: as the most stores tell.
    package init(
        _ members: [StoreMember], united: RedundantStore, archive: String?, options: VerifyOptions, scratch: Scratch,
        progress: ReadProgress = ReadProgress()
    ) {
        self.members = members
        self.united = united
        self.archive = archive
        self.options = options
        self.progress = progress
        examiner = ArchiveExaminer(
            members, settings: ArchiveExaminer.Settings(isDeep: options.isDeep) { options.reads($0) },
            scratch: scratch, progress: progress.ofWork)
    }

    /// - Throws: where not even one store can be listed; `CancellationError`.
    package func run() async throws -> VerifyReport {
        let survey = try await ArchiveSurvey.take(members, archive: archive)
        var report = VerifyReport()
        report.stores = survey.stores.map {
            VerifyReport.StoreFigures(name: $0.member.name, isUp: $0.isUp, objects: $0.objects, bytes: $0.bytes)
        }
        report.add(survey.findings + ArchiveExaminer.description(survey).findings(survey))
        var records = ManifestRecords()
        let manifests = try await examiner.manifests(survey) { records.add($0, $1) }
        report.add(manifests.standings.flatMap { $0.findings(survey) })
        report.add(records.ownFindings)
        report.add(survey.lonelyChunks(but: records.describes, delay: Verifier.manifestDelay))
        try await verifyIndex(survey, records, &report)
        try await verifyChunks(Array(manifests.chunks.values), survey, records, &report)
        (report.chunks, report.manifests) = (manifests.chunks.count, manifests.standings.count)
        report.tellUnlisted()
        return report
    }

    private func verifyIndex(
        _ survey: ArchiveSurvey, _ records: ManifestRecords, _ report: inout VerifyReport
    ) async throws {
        let standings = try await examiner.index(survey)
        report.indexObjects = standings.count
        report.add(standings.flatMap { $0.findings(survey) })
        // What cannot be read anywhere is told of already.
        let lost = Set(standings.lazy.filter(\.whole.isEmpty).map(\.key))
        var census = ObjectCensus(survey)
        census.forget(index: lost)
        var found = VerifyReport()
        try await Verifier(store: united, options: VerifyOptions()).readIndex(census, records, &found)
        report.add(found.findings)
    }

    private struct Outcome: Sendable {
        var standing: ChunkStanding
        var findings: [Finding]
        var bytes: UInt64
    }

    private func verifyChunks(
        _ chunks: [ChunkRecord], _ survey: ArchiveSurvey, _ records: ManifestRecords, _ report: inout VerifyReport
    ) async throws {
        progress.expect(blocks: chunks.count)
        var unknown: [String: Int] = [:]
        var pending = chunks.sorted { $0.chunk < $1.chunk }[...]
        try await withThrowingTaskGroup(of: Outcome.self) { group in
            func start() {
                guard let record = pending.popFirst() else { return }
                let key = records.manifestOfChunk[record.chunk]
                group.addTask { try await chunk(record, key, survey) }
            }
            for _ in 0..<Self.chunksAtATime { start() }
            while let outcome = try await group.next() {
                start()
                progress.finishBlock()
                report.add(outcome.findings + outcome.standing.findings(survey))
                report.verdicts[outcome.standing.verdict, default: 0] += 1
                if options.reads(outcome.standing.chunk.name) {
                    report.chunksRead += 1
                    report.bytesRead += outcome.bytes
                }
                let names = Set(outcome.standing.parts.filter { $0.state == .unplaced }.map(\.storeName))
                for name in names { unknown[name, default: 0] += 1 }
            }
        }
        report.add(survey.unknownStores(unknown))
    }

    private func chunk(
        _ record: ChunkRecord, _ manifest: ManifestKey?, _ survey: ArchiveSurvey
    ) async throws -> Outcome {
        let findings = Mutex<[Finding]>([])
        let standing = try await examiner.chunk(record, survey) { path in
            let found = try await compare(path, record, manifest)
            findings.withLock { $0 += found }
        }
        return Outcome(standing: standing, findings: findings.withLock { $0 }, bytes: record.inForce.length)
    }

    /// Compares what the chunk says of itself with its manifest.
    /// - Parameter path: a file that is the chunk.
    private func compare(_ path: String, _ record: ChunkRecord, _ key: ManifestKey?) async throws -> [Finding] {
        let chunk = record.chunk
        let result = await WorkerThreads.run { () -> Result<Manifest, FormatError> in
            do throws(FormatError) {
                let file = try MappedFile(path)
                return .success(try Manifest.describing(chunk: file.bytes, key: chunk, deep: true))
            } catch {
                return .failure(error)
            }
        }
        switch result {
        case .failure(let error):
            return [Finding(.damaged, key: chunk.description, offset: error.offset, error.reason)]
        case .success(var described):
            guard let key else { return [] }
            let object: [UInt8]
            do throws(StoreError) { object = try await united.get(key.description, .whole).bytes } catch {
                if error.kind == .cancelled { throw CancellationError() }
                return []
            }
            let manifest = try Manifest.decode(object, key: key)
            // A later rule does not stand in the chunk.
            if manifest.revision > 0 {
                described.revision = manifest.revision
                described.description.redundancy = manifest.description.redundancy
            }
            guard manifest != described else { return [] }
            return [
                Finding(
                    .damaged, key: key.description, "manifest is not what its chunk says",
                    remedy: "run firn index --rebuild")
            ]
        }
    }
}

extension ReadProgress {
    /// For work that is counted in objects.
    package var ofWork: WorkProgress {
        WorkProgress(
            expect: { self.expect(blocks: $0) }, finish: { self.finishBlock() }, moved: { self.fetched(bytes: $0) })
    }
}
