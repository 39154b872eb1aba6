package import ArchiveTypes
package import ChunkFormat
package import ObjectStore

/// What one store lists under one key.
package struct Holder: Sendable, Hashable {
    /// Index among the archive's stores.
    package var store: Int
    /// Bytes of the object.
    package var size: UInt64
}

/// One store of an archive, as it was found.
package struct StoreSurvey: Sendable {
    package enum State: Sendable {
        /// Its firn.json is this archive's.
        case sound
        /// It can be listed, and its firn.json is missing or damaged: it was emptied, or is new. The reason, a clause.
        case undescribed(String)
        /// It cannot be used, or is another archive's: nothing is known of what it holds.
        case down(StoreError)
    }

    package let member: StoreMember
    package var state: State
    package var objects = 0
    package var bytes: UInt64 = 0
    /// Its clock.
    package var time: Nanoseconds = 0

    package var isUp: Bool { if case .down = state { false } else { true } }
}

/// Which object of a chunk: a shard by its number, or the whole of it, number 0.
package struct PartName: Sendable, Hashable {
    package var form: ChunkForm
    package var index: Int

    func key(_ chunk: ChunkKey) -> String {
        let chunk = ChunkKey(hour: chunk.hour, name: chunk.name, form: form)
        return ShardKey(chunk, index: index)?.description ?? chunk.description
    }
}

/// All objects of an archive, by what their names say, and which stores list them.
package struct ArchiveSurvey: Sendable {
    /// In the order of the members.
    package private(set) var stores: [StoreSurvey]
    /// The archive's name, where a store or the caller knows it.
    package internal(set) var archive: String?
    package private(set) var manifests: [ObjectName: [Hour: [Holder]]] = [:]
    package private(set) var index: [IndexObjectKey: [Holder]] = [:]
    /// Under the chunk's key in whole form.
    package private(set) var chunks: [ChunkKey: [PartName: [Holder]]] = [:]
    package private(set) var strangers: [(store: Int, key: String)] = []

    /// Manifests are listed before chunks: a chunk is there when its manifest is.
    /// - Parameter archive: the archive's name; nil: that of the most stores.
    /// - Throws: where not even one store can be listed, the first error; kind `.cancelled`.
    package static func take(_ members: [StoreMember], archive: String?) async throws(StoreError) -> ArchiveSurvey {
        let found = await withTaskGroup(of: (Int, StoreListing).self) { group in
            for (index, member) in members.enumerated() {
                group.addTask { (index, await StoreListing.take(member)) }
            }
            var found = [StoreListing?](repeating: nil, count: members.count)
            for await (index, listing) in group { found[index] = listing }
            return found.compactMap { $0 }
        }
        var survey = ArchiveSurvey(found, archive)
        for (index, listing) in found.enumerated() where survey.stores[index].isUp { survey.add(listing, index) }
        if Task.isCancelled {
            throw StoreError(.cancelled, store: "all", operation: "LIST", reason: "cancelled")
        }
        guard survey.stores.contains(where: \.isUp) else {
            guard let first = survey.stores.first, case .down(let error) = first.state else {
                preconditionFailure("an archive has a store")
            }
            throw error
        }
        return survey
    }

    private init(_ found: [StoreListing], _ archive: String?) {
        let names = Dictionary(grouping: found.compactMap(\.archive)) { $0 }
        let name = archive ?? names.max { ($0.value.count, $1.key) < ($1.value.count, $0.key) }?.key
        self.archive = name
        stores = found.map { listing in
            var store = StoreSurvey(member: listing.member, state: .sound, time: listing.time)
            if let error = listing.failure {
                store.state = .down(error)
            } else if let other = listing.archive, let name, other != name {
                store.state = .down(
                    StoreError(
                        .configuration, store: listing.member.name, operation: "GET \(KeyLayout.archiveDescription)",
                        reason: "it holds the archive \(other), not \(name)",
                        hint: "use another bucket or prefix, or set archive: in the configuration"))
            } else if listing.archive == nil {
                store.state = .undescribed(listing.fault ?? "firn.json is missing")
            }
            return store
        }
    }

    private mutating func add(_ listing: StoreListing, _ store: Int) {
        stores[store].objects = listing.entries.count
        for entry in listing.entries {
            stores[store].bytes += entry.size
            let holder = Holder(store: store, size: entry.size)
            if let key = ManifestKey(entry.key) {
                manifests[key.name, default: [:]][key.hour, default: []].append(holder)
            } else if let key = ShardKey(entry.key) {
                add(holder, key.chunk, index: key.index)
            } else if let key = ChunkKey(entry.key), key.form == .whole {
                add(holder, key, index: 0)
            } else if let key = IndexObjectKey(entry.key) {
                index[key, default: []].append(holder)
            } else if entry.key != KeyLayout.archiveDescription {
                strangers.append((store, entry.key))
            }
        }
    }

    private mutating func add(_ holder: Holder, _ chunk: ChunkKey, index: Int) {
        chunks[chunk.identity, default: [:]][PartName(form: chunk.form, index: index), default: []].append(holder)
    }

    /// Numbers of the stores that can be asked.
    package var up: [Int] { stores.indices.filter { stores[$0].isUp } }

    package func name(_ store: Int) -> String { stores[store].member.name }

    func number(_ name: String) -> Int? { stores.firstIndex { $0.member.name == name } }
}

extension ChunkKey {
    /// The same for all forms of one chunk.
    package var identity: ChunkKey { ChunkKey(hour: hour, name: name) }
}

/// What one store lists, and says of itself.
private struct StoreListing: Sendable {
    var member: StoreMember
    var entries: [ListPage.Entry] = []
    var time: Nanoseconds = 0
    var archive: String?
    /// Why firn.json does not tell the archive's name.
    var fault: String?
    var failure: StoreError?

    static func take(_ member: StoreMember) async -> StoreListing {
        var listing = StoreListing(member: member)
        do throws(StoreError) {
            try await listing.readDescription()
            try await listing.list()
        } catch {
            listing.failure = error
        }
        return listing
    }

    private mutating func readDescription() async throws(StoreError) {
        let bytes: [UInt8]
        do throws(StoreError) {
            bytes = try await member.store.get(KeyLayout.archiveDescription, .whole).bytes
        } catch {
            guard error.kind == .notFound else { throw error }
            return
        }
        do throws(FormatError) { archive = try ArchiveDescription.decode(bytes).archive } catch { fault = error.reason }
    }

    private mutating func list() async throws(StoreError) {
        var found: [ListPage.Entry] = []
        var time: Nanoseconds = 0
        try await member.store.listAll(prefix: KeyLayout.manifests) { page in
            found += page.entries
            return true
        }
        try await member.store.listAll(prefix: "") { page in
            let before = page.entries.prefix { $0.key.isBefore(KeyLayout.manifests) }
            found += before
            time = page.storeTime
            return before.count == page.entries.count
        }
        try await member.store.listAll(prefix: "", after: KeyLayout.manifests + "~") { page in
            found += page.entries.filter { !$0.key.hasPrefix(KeyLayout.manifests) }
            return true
        }
        entries = found
        self.time = time
    }
}
