import ArchiveTypes
import ChunkFormat
import Configuration
import ObjectStore

/// An archive that was found in its store.
struct OpenArchive {
    var name: String
    var store: any ObjectStore
    var meter: StoreMeter

    /// Opens for reading: nothing is created. A store that is missing or that is not this archive's cannot answer.
    static func forReading(_ loaded: LoadedStores) async throws -> OpenArchive {
        try await forReading(loaded, try OpenStore(loaded.store, create: false))
    }

    /// What `forReading` makes of a store that is open already.
    static func forReading(_ loaded: LoadedStores, _ opened: OpenStore) async throws -> OpenArchive {
        guard let found = try await description(in: opened.store) else {
            throw CommandFailure(
                sentence: "store \(loaded.store.name): there is no archive (firn.json is missing);"
                    + " check the store's address, or archive something first")
        }
        if let expected = loaded.archiveName, expected != found.archive {
            throw CommandFailure(
                sentence: "store \(loaded.store.name): it holds the archive \(found.archive), not \(expected);"
                    + " set archive: \(found.archive) in the configuration, or use another store")
        }
        return OpenArchive(name: found.archive, store: opened.store, meter: opened.meter)
    }

    /// Opens for finding out what is wrong: a damaged firn.json is one of the findings, another archive's is not.
    static func forVerifying(_ loaded: LoadedStores) async throws -> OpenArchive {
        do {
            return try await forReading(loaded)
        } catch let error as StoreError where error.kind == .corrupt {
            let opened = try OpenStore(loaded.store, create: false)
            return OpenArchive(name: loaded.configuration.archive, store: opened.store, meter: opened.meter)
        }
    }

    /// Opens for writing, creating a directory store where there is none. Without a name of its own the archive keeps
    /// the one that the store knows.
    static func forWriting(_ loaded: LoadedStores) async throws -> OpenArchive {
        let opened = try OpenStore(loaded.store, create: true)
        var name = loaded.archiveName
        if name == nil { name = try await nameWhereReadable(in: opened.store) }
        return OpenArchive(
            name: name ?? loaded.configuration.archive, store: opened.store, meter: opened.meter)
    }

    /// Nil where the store holds no archive yet, and where its rights allow no reading.
    private static func nameWhereReadable(in store: any ObjectStore) async throws -> String? {
        do throws(StoreError) {
            return try await description(in: store)?.archive
        } catch {
            guard error.status == 403 else { throw error }
            return nil
        }
    }

    private static func description(in store: any ObjectStore) async throws(StoreError) -> ArchiveDescription? {
        let key = KeyLayout.archiveDescription
        let bytes: [UInt8]
        do throws(StoreError) { bytes = try await store.get(key, .whole).bytes } catch {
            guard error.kind == .notFound else { throw error }
            return nil
        }
        do throws(FormatError) { return try ArchiveDescription.decode(bytes) } catch {
            throw StoreError(
                .corrupt, store: store.name, operation: "GET \(key)", reason: error.reason,
                hint: "check that the store's address is right")
        }
    }
}
