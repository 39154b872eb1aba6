import ArchiveTypes
import ChunkFormat
import ObjectStore

/// All objects of a store, by what their names say.
struct ObjectCensus: Sendable {
    private(set) var hasDescription = false
    /// Sizes of the chunks.
    private(set) var chunks: [ChunkKey: UInt64] = [:]
    private(set) var manifests: [ManifestKey] = []
    private(set) var index: [IndexObjectKey] = []
    private(set) var strangers: [String] = []
    /// The store's clock.
    private(set) var time: Nanoseconds = 0

    static func take(_ store: any ObjectStore) async throws(StoreError) -> ObjectCensus {
        var census = ObjectCensus()
        try await store.listAll(prefix: "") { page in
            page.entries.forEach { census.add($0) }
            census.time = page.storeTime
            return true
        }
        return census
    }

    private mutating func add(_ entry: ListPage.Entry) {
        if entry.key == KeyLayout.archiveDescription {
            hasDescription = true
        } else if let key = ChunkKey(entry.key) {
            chunks[key] = entry.size
        } else if let key = ManifestKey(entry.key) {
            manifests.append(key)
        } else if let key = IndexObjectKey(entry.key) {
            index.append(key)
        } else {
            strangers.append(entry.key)
        }
    }
}
