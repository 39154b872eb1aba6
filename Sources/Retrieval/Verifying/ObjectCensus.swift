import ArchiveTypes
import ChunkFormat
import ObjectStore
import Placement

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
        // Manifests first: a chunk is there when its manifest is, also where one is being archived meanwhile.
        try await store.listAll(prefix: KeyLayout.manifests) { page in
            page.entries.forEach { census.add($0) }
            return true
        }
        try await store.listAll(prefix: "") { page in
            let before = page.entries.prefix { $0.key.isBefore(KeyLayout.manifests) }
            before.forEach { census.add($0) }
            census.time = page.storeTime
            return before.count == page.entries.count
        }
        try await store.listAll(prefix: "", after: KeyLayout.manifests + "~") { page in
            for entry in page.entries where !entry.key.hasPrefix(KeyLayout.manifests) { census.add(entry) }
            return true
        }
        return census
    }

    /// What any store lists.
    init(_ survey: ArchiveSurvey) {
        manifests = survey.manifests.flatMap { name, hours in hours.keys.map { ManifestKey(hour: $0, name: name) } }
        index = Array(survey.index.keys)
    }

    private init() {}

    mutating func forget(index lost: Set<String>) { index.removeAll { lost.contains($0.description) } }

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
