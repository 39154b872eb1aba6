import ArchiveTypes
import ChunkFormat
import ObjectStore
import Placement
import Threads

extension Verifier {
    /// The objects of the time index, and the footers of the host index's, or with `isDeep` all of them. What the index
    /// does not cover is worth a note.
    func readIndex(
        _ census: ObjectCensus, _ records: ManifestRecords, _ report: inout VerifyReport
    ) async throws {
        var coverages: [IndexKind: [IndexCoverage]] = [:]
        var indexed: Set<ChunkKey> = []
        for key in census.index {
            try Task.checkCancellation()
            report.findings += await Self.findings(key.description) {
                guard options.isDeep || key.kind == .time else {
                    return coverages[key.kind, default: []].append(try await footer(key).coverage)
                }
                let (footer, chunks) = try await wholeIndex(key, &report)
                coverages[key.kind, default: []].append(footer.coverage)
                if key.kind == .time { indexed.formUnion(chunks) }
            }
        }
        report.findings += records.lateManifests(coveredBy: coverages[.time] ?? [], indexed: indexed)
        for kind in IndexKind.allCases {
            let covered = coverages[kind] ?? []
            let open = census.manifests.count { manifest in !covered.contains { $0.covers(manifest) } }
            guard open > 0 else { continue }
            report.findings.append(
                Finding(
                    .note, key: kind.folder,
                    "\(open) manifests are not in this index yet: queries read them one by one",
                    remedy: "run firn index"))
        }
    }

    /// Footer, and the chunks that rows name.
    private func wholeIndex(
        _ key: IndexObjectKey, _ report: inout VerifyReport
    ) async throws -> (IndexFooter, Set<ChunkKey>) {
        let object = try await store.get(key.description, .whole).bytes
        report.bytesRead += UInt64(object.count)
        let result = await WorkerThreads.run {
            object.withBytes { bytes -> Result<(IndexFooter, Set<ChunkKey>), FormatError> in
                do throws(FormatError) {
                    let (footer, rows) = try IndexObject.verify(bytes, key: key)
                    return .success((footer, Set(rows.lazy.map(\.chunk))))
                } catch {
                    return .failure(error)
                }
            }
        }
        return try result.get()
    }

    private func footer(_ key: IndexObjectKey) async throws -> IndexFooter {
        var length: UInt64 = 64 << 10
        while true {
            let tail = try await store.get(key.description, .suffix(length: length))
            let needed = try tail.bytes.withBytes { (bytes) throws(FormatError) in try IndexFooter.neededTail(bytes) }
            if needed <= tail.bytes.count {
                return try tail.bytes.withBytes { (bytes) throws(FormatError) in
                    try IndexFooter.decode(bytes, size: tail.objectSize, key: key)
                }
            }
            guard UInt64(tail.bytes.count) < tail.objectSize else {
                throw FormatError(.truncated, at: 0, "index object is shorter than its footer")
            }
            length = UInt64(needed)
        }
    }

    /// Reads the chunks that the options ask for, whole, one at a time: they are the largest objects that there are.
    func readChunks(_ census: ObjectCensus, _ records: inout ManifestRecords, _ report: inout VerifyReport) async throws
    {
        let wanted = census.chunks.keys.filter { options.reads($0.name) }.sorted()
        progress.expect(blocks: wanted.count)
        for chunk in wanted {
            try Task.checkCancellation()
            let size = census.chunks[chunk] ?? 0
            report.findings += await Self.findings(chunk.description) {
                guard size <= UInt64(Limits.chunkBytes) else {
                    throw FormatError(.excessive, at: 0, "chunk has \(size) bytes, more than any chunk may have")
                }
                let described = try await describe(chunk)
                guard let key = records.manifestOfChunk[chunk] else { return }
                let manifest = try Manifest.decode(try await store.get(key.description, .whole).bytes, key: key)
                if manifest != described {
                    report.findings.append(
                        Finding(
                            .damaged, key: key.description, "manifest is not what its chunk says",
                            remedy: "run firn index --rebuild"))
                }
            }
            report.chunksRead += 1
            report.bytesRead += size
            progress.finishBlock()
        }
    }

    /// What the chunk says of itself, every byte of it checked.
    private func describe(_ chunk: ChunkKey) async throws -> Manifest {
        let bytes = try await store.get(chunk.description, .whole).bytes
        progress.fetched(bytes: bytes.count)
        let result = await WorkerThreads.run {
            bytes.withBytes { bytes -> Result<Manifest, FormatError> in
                do throws(FormatError) {
                    return .success(try Manifest.describing(chunk: bytes, key: chunk, deep: true))
                } catch {
                    return .failure(error)
                }
            }
        }
        return try result.get()
    }
}
