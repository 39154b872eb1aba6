import ArchiveTypes
import ChunkFormat
import Configuration
import ObjectStore
import Placement

/// An archive that was found in its stores.
struct OpenArchive {
    var name: String
    /// The only store, or all of them as one.
    var store: any ObjectStore
    /// The same, where there are several.
    var redundant: RedundantStore?
    var stores: OpenStores

    /// Opens for reading: nothing is created. A store that is missing or that is not this archive's cannot answer.
    static func forReading(_ loaded: LoadedStores) async throws -> OpenArchive {
        let stores = try OpenStores(loaded, create: false, isReading: true)
        return try await find(loaded, stores, stores.united(archive: loaded.archiveName, isStrict: false))
    }

    /// Opens for indexing: what is acknowledged must not be missed.
    static func forIndexing(_ loaded: LoadedStores) async throws -> OpenArchive {
        let stores = try OpenStores(loaded, create: false, isReading: true)
        return try await find(loaded, stores, stores.united(archive: loaded.archiveName, isStrict: true))
    }

    /// Finds the archive in stores that are open already.
    static func find(
        _ loaded: LoadedStores, _ stores: OpenStores, _ united: (store: any ObjectStore, redundant: RedundantStore?)
    ) async throws -> OpenArchive {
        if let redundant = united.redundant {
            let name = try await redundant.archiveName()
            return OpenArchive(name: name, store: redundant, redundant: redundant, stores: stores)
        }
        guard let found = try await description(in: united.store) else {
            throw CommandFailure(
                sentence: "store \(loaded.names): there is no archive (firn.json is missing);"
                    + " check the store's address, or archive something first")
        }
        if let expected = loaded.archiveName, expected != found.archive {
            throw CommandFailure(
                sentence: "store \(loaded.names): it holds the archive \(found.archive), not \(expected);"
                    + " set archive: \(found.archive) in the configuration, or use another store")
        }
        return OpenArchive(name: found.archive, store: united.store, redundant: nil, stores: stores)
    }

    /// Opens for finding out what is wrong: a damaged firn.json is one of the findings, another archive's is not.
    static func forVerifying(_ loaded: LoadedStores) async throws -> OpenArchive {
        do {
            return try await forReading(loaded)
        } catch let error as StoreError where error.kind == .corrupt {
            let stores = try OpenStores(loaded, create: false, isReading: true)
            let united = stores.united(archive: loaded.configuration.archive, isStrict: false)
            return OpenArchive(
                name: loaded.configuration.archive, store: united.store, redundant: united.redundant, stores: stores)
        }
    }

    /// Opens for writing, creating directory stores where there are none. Without a name of its own the archive keeps
    /// the one that a store knows.
    static func forWriting(_ loaded: LoadedStores) async throws -> OpenArchive {
        let stores = try OpenStores(loaded, create: true, isReading: false)
        let united = stores.united(archive: loaded.archiveName, isStrict: false)
        var name = loaded.archiveName
        if name == nil { name = try await nameWhereReadable(in: united) }
        return OpenArchive(
            name: name ?? loaded.configuration.archive, store: united.store, redundant: united.redundant,
            stores: stores)
    }

    /// Nil where the stores hold no archive yet, and where their rights allow no reading.
    private static func nameWhereReadable(
        in united: (store: any ObjectStore, redundant: RedundantStore?)
    ) async throws -> String? {
        do throws(StoreError) {
            if let redundant = united.redundant { return try await redundant.archiveName() }
            return try await description(in: united.store)?.archive
        } catch {
            // One of several stores that cannot say it is found out about when it is written to.
            guard error.status == 403 || united.redundant != nil else { throw error }
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
