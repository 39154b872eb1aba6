import ArchiveTypes
import ChunkFormat
import ObjectStore
import Placement

/// What the manifests of a store say, kept small: no blocks but their positions.
struct ManifestRecords {
    /// A manifest of each chunk, in each of its forms.
    private(set) var manifestOfChunk: [ChunkKey: ManifestKey] = [:]
    /// Of chunks, whatever their form: the manifest with the highest revision.
    private var inForce: [ChunkKey: (chunk: ChunkKey, length: UInt64, revision: Int)] = [:]
    private var positions = PositionLedger()
    private var writers = WriterLedger()
    /// Findings about single manifests.
    private var single: [Finding] = []
    private var losses = RecordedLosses()

    mutating func add(_ manifest: Manifest, _ key: ManifestKey) {
        let name = manifest.chunk.name
        if key.name.writer != name.writer || key.name.sequence != name.sequence {
            single.append(
                Finding(
                    .misplaced, key: key.description, "describes another chunk than its name says, \(manifest.chunk)"))
        }
        // A manifest that was put again under a later hour says the same, and one of a later rule too of its blocks.
        if manifestOfChunk[manifest.chunk] == nil { manifestOfChunk[manifest.chunk] = key }
        let identity = manifest.chunk.identity
        let known = inForce[identity]
        if known.map({ $0.revision < manifest.revision }) ?? true {
            inForce[identity] = (manifest.chunk, manifest.length, manifest.revision)
        }
        guard known == nil else { return }
        writers.add(manifest)
        for block in manifest.blocks {
            positions.add(block, by: manifest.description.writer)
            if block.kind == .gap { losses.add(block, in: manifest.chunk) }
        }
    }

    mutating func add(_ findings: [Finding]) { single += findings }

    func findings(_ census: ObjectCensus, now: Nanoseconds, delay: Nanoseconds) -> [Finding] {
        single + losses.findings + missingChunks(census) + lonelyChunks(census, now: now, delay: delay)
            + positionFindings
    }

    /// What the manifests say by themselves, whatever is where.
    var ownFindings: [Finding] { single + losses.findings + positionFindings }

    private var positionFindings: [Finding] {
        let holes = positions.holes
        return holes.map(Self.finding)
            + writers.findings(holesOf: holes.reduce(into: []) { $0.formUnion($1.writers) })
    }

    /// Whether a manifest that can be read describes the chunk, which is given in whole form.
    func describes(_ chunk: ChunkKey) -> Bool { inForce[chunk] != nil }

    private func missingChunks(_ census: ObjectCensus) -> [Finding] {
        inForce.sorted { $0.key < $1.key }.compactMap { _, known in
            let (chunk, length) = (known.chunk, known.length)
            guard let size = census.chunks[chunk] else {
                return Finding(
                    .missing, key: chunk.description, "chunk has a manifest but is not there",
                    remedy: "restore it from a copy of the store"
                )
            }
            guard size != length else { return nil }
            return Finding(
                .damaged, key: chunk.description, offset: min(size, length),
                "chunk has \(size) bytes where its manifest says \(length)",
                remedy: "restore it from a copy of the store")
        }
    }

    private func lonelyChunks(_ census: ObjectCensus, now: Nanoseconds, delay: Nanoseconds) -> [Finding] {
        census.chunks.keys.filter { manifestOfChunk[$0] == nil }.sorted().map { chunk in
            let isLate = chunk.hour.start + .perHour + delay < now
            return Finding(
                isLate ? .notIndexed : .note, key: chunk.description,
                "no manifest that can be read describes the chunk" + (isLate ? "" : ": it may be on its way"),
                remedy: isLate ? "run firn index --rebuild" : "")
        }
    }

    /// Manifests that came when the index had closed their hour without them: no query finds them.
    func lateManifests(coveredBy coverages: [IndexCoverage], indexed: Set<ChunkKey>) -> [Finding] {
        manifestOfChunk.filter { chunk, key in
            !indexed.contains(chunk)
                && coverages.contains { $0.closed?.contains(key.hour) ?? false && !$0.exceptions.contains(key) }
        }.map(\.value).sorted().map { key in
            Finding(
                .notIndexed, key: key.description,
                "manifest came after the index had closed its hour: queries do not find it",
                remedy: "run firn index --rebuild, and check the clocks of the machines that write")
        }
    }

    private static func finding(_ hole: PositionLedger.Hole) -> Finding {
        Finding(
            .gap, key: "",
            "\(hole.stream): generation \(hole.generation): no block holds positions \(hole.positions.first) to \(hole.positions.end)",
            remedy: "a chunk is missing, or has not been archived yet")
    }
}

extension Verifier {
    private static let requests = 8

    func readManifests(_ census: ObjectCensus, _ report: inout VerifyReport) async throws -> ManifestRecords {
        var records = ManifestRecords()
        let store = store
        progress.expect(blocks: census.manifests.count)
        try await withThrowingTaskGroup(of: (ManifestKey, Result<Manifest, VerifyFailure>).self) { group in
            func take() async throws {
                guard let (key, result) = try await group.next() else { return }
                progress.finishBlock()
                switch result {
                case .success(let manifest): records.add(manifest, key)
                case .failure(let failure): records.add(failure.findings)
                }
            }
            for (index, key) in census.manifests.enumerated() {
                try Task.checkCancellation()
                if index >= Self.requests { try await take() }
                group.addTask { (key, await Self.manifest(key, store)) }
            }
            for _ in 0..<min(Self.requests, census.manifests.count) { try await take() }
        }
        return records
    }

    static func manifest(_ key: ManifestKey, _ store: any ObjectStore) async -> Result<Manifest, VerifyFailure> {
        var manifest: Manifest?
        let findings = await findings(key.description) {
            manifest = try Manifest.decode(try await store.get(key.description, .whole).bytes, key: key)
        }
        return manifest.map(Result.success) ?? .failure(VerifyFailure(findings: findings))
    }
}

/// Why an object could not be used, as findings.
struct VerifyFailure: Error {
    var findings: [Finding]
}
