package import ArchiveTypes
package import ChunkFormat

/// A finished chunk in the spool: synced, never changed again, not yet archived.
package struct SealedChunk: Sendable {
    package var manifest: Manifest
    /// The chunk's file.
    package var path: String

    package init(manifest: Manifest, path: String) {
        self.manifest = manifest
        self.path = path
    }

    package var spooled: SpooledChunk {
        SpooledChunk(key: manifest.chunk, length: manifest.length, sha256: manifest.sha256, path: path)
    }
}

/// What has to be known of a sealed chunk while it waits: a backlog may be many thousands of them. `Spool.load` gives the
/// rest.
package struct SpooledChunk: Sendable, Hashable {
    package var key: ChunkKey
    /// Bytes of the file.
    package var length: UInt64
    package var sha256: [UInt8]
    /// The chunk's file.
    package var path: String

    package init(key: ChunkKey, length: UInt64, sha256: [UInt8], path: String) {
        self.key = key
        self.length = length
        self.sha256 = sha256
        self.path = path
    }
}

/// Proof that chunk and manifest are held by as many stores as the rule demands. Only who put them there makes one, and
/// only with one can a chunk leave the spool.
package struct ArchivedChunk: Sendable {
    package var chunk: SealedChunk
    package var manifestKey: ManifestKey
    /// Bytes of the manifest's object.
    package var manifestLength: UInt64

    /// - Parameter chunk: is now held, and so is its manifest under `manifestKey`.
    package init(held chunk: SealedChunk, manifestKey: ManifestKey, manifestLength: UInt64) {
        self.chunk = chunk
        self.manifestKey = manifestKey
        self.manifestLength = manifestLength
    }
}
