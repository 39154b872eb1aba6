package import ArchiveTypes
package import ChunkFormat

/// A finished chunk in the spool: synced, never changed again, not yet archived.
package struct SealedChunk: Sendable {
    package var manifest: Manifest
    /// The chunk's file.
    package var path: String
    /// 16 bytes, where it is known without reading the file again.
    package var md5: [UInt8]?

    package init(manifest: Manifest, path: String, md5: [UInt8]?) {
        self.manifest = manifest
        self.path = path
        self.md5 = md5
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
