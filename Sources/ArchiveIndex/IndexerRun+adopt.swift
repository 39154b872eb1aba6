import ArchiveTypes
import Checksums
import ChunkFormat
import ObjectStore

extension IndexerRun {
    /// Gives a manifest to each whole chunk that no readable manifest describes. Chunks are told apart by their
    /// digests.
    mutating func adoptChunks() async throws {
        let described = try await describedChunks()
        let fetcher = indexer.fetcher
        var (entries, time) = try await fetcher.list(KeyLayout.chunks)
        var chunks: Set<ChunkKey> = []
        for entry in entries {
            guard let key = ChunkKey(entry.key) ?? ShardKey(entry.key)?.chunk else {
                report.problems.append(
                    IndexProblem(.detour, object: entry.key, why: "name is not of this archive's format"))
                continue
            }
            if !described.contains(key.name.digest) { chunks.insert(key) }
        }
        entries = []
        for key in chunks.sorted() {
            do {
                time = try await adopt(key, time)
                report.adopted.append(key)
            } catch let error as FormatError {
                report.problems.append(IndexProblem(.incomplete, object: key.description, why: error.reason))
            } catch let error as StoreError where error.kind == .notFound || error.kind == .corrupt {
                report.problems.append(IndexProblem(.incomplete, object: key.description, why: error.reason))
            }
        }
    }

    private func describedChunks() async throws -> Set<String> {
        let fetcher = indexer.fetcher
        let manifests = try await fetcher.manifests(after: nil).keys
        var digests: Set<String> = []
        for start in stride(from: 0, to: manifests.count, by: 64) {
            let slice = Array(manifests[start..<min(manifests.count, start + 64)])
            let results = try await concurrently(slice) {
                try await fetcher.manifest($0, ending: Self.endingErrors).map(\.chunk.name.digest)
            }
            for case .success(let digest) in results { digests.insert(digest) }
        }
        return digests
    }

    /// - Parameter time: the store's clock when it last answered.
    /// - Returns: the same, of the PUT.
    private func adopt(_ key: ChunkKey, _ time: Nanoseconds) async throws -> Nanoseconds {
        let store = indexer.fetcher.store
        let chunk = try await store.get(key.description, .whole).bytes
        let manifest = try chunk.withUnsafeBytes { try Manifest.describing(chunk: $0, key: key, deep: false) }
        let object = try manifest.encoded()
        let name = manifest.key(hour: Hour(containing: time), object: object).description
        return try await store.put(name, ObjectBody(content: .bytes(object), sha256: sha256(object))).storeTime
    }
}
