import ArchiveIndex
import ArchiveTypes
import ChunkFormat
package import ObjectStore
import Placement

/// Finds what is missing, altered, misplaced or not indexed in one store.
///
/// Always: every object is listed, every manifest read and compared with the list, every index object's footer read. The
/// chunks that the options ask for are read whole, one at a time, and compared with their manifests, and with
/// `isDeep` all of every index object: then no byte of the store is unread.
package struct Verifier: Sendable {
    let store: any ObjectStore
    let options: VerifyOptions
    let progress: ReadProgress
    /// A manifest may follow its chunk this much later: an outage of the store lies between.
    static let manifestDelay: Nanoseconds = .perDay

    package init(
        store: any ObjectStore, options: VerifyOptions = VerifyOptions(), progress: ReadProgress = ReadProgress()
    ) {
        self.store = store
        self.options = options
        self.progress = progress
    }

    /// - Throws: `StoreError` where the store cannot be listed; `CancellationError`.
    package func run() async throws -> VerifyReport {
        var census = VerifyReport()
        let found = try await ObjectCensus.take(store)
        (census.chunks, census.manifests, census.indexObjects) = (
            found.chunks.count, found.manifests.count, found.index.count
        )
        census.findings += await checkDescription(found)
        census.findings += found.strangers.map {
            Finding(
                .misplaced, key: $0, "no object of an archive has such a name",
                remedy: "remove it, or move it elsewhere")
        }
        var records = try await readManifests(found, &census)
        census.findings += records.findings(found, now: found.time, delay: Self.manifestDelay)
        try await readIndex(found, records, &census)
        try await readChunks(found, &records, &census)
        return census
    }

    private func checkDescription(_ found: ObjectCensus) async -> [Finding] {
        let key = KeyLayout.archiveDescription
        guard found.hasDescription else {
            return [
                Finding(
                    .missing, key: key, "the store does not say which archive it holds",
                    remedy: "restore it from a copy of the store")
            ]
        }
        return await Self.findings(key) {
            _ = try ArchiveDescription.decode(try await store.get(key, .whole).bytes)
        }
    }

    /// What reading an object throws, as findings.
    static func findings(_ key: String, _ body: () async throws -> Void) async -> [Finding] {
        do {
            try await body()
            return []
        } catch let error as FormatError {
            let kind = error.kind == .unsupported ? Finding.Kind.unreadable : .damaged
            return [
                Finding(
                    kind, key: key, offset: error.offset, error.reason, remedy: "restore it from a copy of the store")
            ]
        } catch let error as StoreError where error.kind == .notFound {
            return [Finding(.missing, key: key, "was listed, but is not there", remedy: "run firn verify again")]
        } catch {
            return [
                Finding(.unreadable, key: key, "\(error)", remedy: "run firn verify again when the store can be read")
            ]
        }
    }
}
