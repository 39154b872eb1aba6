import ArchiveTypes
import Checksums
import ChunkFormat
package import ObjectStore
package import Spool

/// An archive as writers see it: the one place where a sealed chunk becomes an archived one.
package struct ArchiveStore: Sendable {
    /// The archive's name, `[a-z0-9-]`.
    package let name: String
    package let store: any ObjectStore

    /// A manifest whose PUT was confirmed later than this after its hour is put again under the current hour: readers
    /// that look at recent hours only must find it.
    private static let confirmedWithin = 15 * Nanoseconds.perMinute
    /// Each PUT of a manifest may take longer than an hour; this many are tried before that counts as an outage.
    private static let manifestTries = 5

    package init(name: String, store: any ObjectStore) {
        self.name = name
        self.store = store
    }

    /// Makes sure that the store is this archive's: reads firn.json where that is allowed, and writes it where it is missing.
    package func prepare() async throws(StoreError) {
        let description = ArchiveDescription(archive: name)
        do throws(StoreError) {
            try check(try await store.get(KeyLayout.archiveDescription, .whole).bytes)
            return
        } catch {
            // Writers need the right to create objects and no other: who may not read creates, or finds it held.
            guard error.kind == .notFound || error.status == 403 else { throw error }
        }
        let bytes = description.encoded()
        let result = try await store.put(KeyLayout.archiveDescription, .bytes(bytes))
        guard result.outcome == .alreadyHeld else { return }
        do throws(StoreError) {
            try check(try await store.get(KeyLayout.archiveDescription, .whole).bytes)
        } catch {
            guard error.status == 403 else { throw error }
        }
    }

    private func check(_ bytes: [UInt8]) throws(StoreError) {
        let operation = "GET \(KeyLayout.archiveDescription)"
        let found: ArchiveDescription
        do throws(FormatError) { found = try ArchiveDescription.decode(bytes) } catch {
            throw StoreError(.corrupt, store: store.name, operation: operation, reason: error.reason)
        }
        guard found.archive == name else {
            throw StoreError(
                .configuration, store: store.name, operation: operation,
                reason: "the store holds the archive \(found.archive), not \(name)",
                hint: "set archive: \(found.archive) in the configuration, or use another bucket or prefix")
        }
    }

    /// Puts a chunk and then its manifest. Repeating it is harmless.
    package func archive(_ chunk: SealedChunk) async throws(StoreError) -> ArchivedChunk {
        let manifest = chunk.manifest
        let body = ObjectBody(
            content: .file(path: chunk.path, length: manifest.length), sha256: manifest.sha256)
        let put = try await store.put(manifest.chunk.description, body)
        let object: [UInt8]
        do throws(FormatError) { object = try manifest.encoded() } catch {
            throw StoreError(
                .rejected, store: store.name, operation: "PUT manifest of \(manifest.chunk)", reason: error.reason)
        }
        var hour = Hour(containing: put.storeTime)
        for _ in 0..<Self.manifestTries {
            let key = manifest.key(hour: hour, object: object)
            let result = try await store.put(key.description, .bytes(object))
            if result.storeTime <= hour.end + Self.confirmedWithin {
                return ArchivedChunk(held: chunk, manifestKey: key, manifestLength: UInt64(object.count))
            }
            hour = Hour(containing: result.storeTime)
        }
        throw StoreError(
            .transient, store: store.name, operation: "PUT manifest of \(manifest.chunk)",
            reason: "each try took more than an hour by the store's clock")
    }
}

extension ObjectBody {
    package static func bytes(_ bytes: [UInt8]) -> ObjectBody {
        ObjectBody(content: .bytes(bytes), sha256: Checksums.sha256(bytes))
    }
}
