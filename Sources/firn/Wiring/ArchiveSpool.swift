import ArchiveTypes
import ChunkFormat
import Checksums
import Configuration
import Spool

extension SpoolOptions {
    /// - Parameter archive: the archive's name, which the store may know better than the configuration.
    init(_ configuration: Configuration, archive: String, store: StoreConfiguration) {
        let rule = configuration.redundancy
        self.init(
            archive: archive, host: configuration.host,
            redundancy: Redundancy(
                copies: UInt32(rule.copies), acknowledge: UInt32(rule.acknowledge), placement: [store.name]),
            maxBytes: UInt64(configuration.spool.maxBytes), chunkBytes: UInt64(configuration.roll.chunkBytes),
            chunkAge: configuration.roll.chunkAge, clock: { Clock.now() })
    }
}

/// Spools of `firn archive`: beside the agent's, which may be at work, and one for each store, so that what an
/// interrupted run left goes where it was meant to go.
enum ArchiveSpool {
    /// Runs into one store at the same time that this machine's spools allow.
    private static let slots = 256

    /// The first that no other process has open: writers' identities are used again.
    static func open(_ loaded: LoadedStores, archive: String) throws(SpoolError) -> Spool {
        let options = SpoolOptions(loaded.configuration, archive: archive, store: loaded.store)
        let place = hex(sha256(Array(loaded.store.location.place.utf8))).prefix(12)
        let folder = "\(loaded.configuration.spool.path)/archive-\(place)"
        var last = SpoolError(.locked, path: folder, reason: "too many runs at once", hint: "wait for some to end")
        for slot in 0..<slots {
            do throws(SpoolError) {
                return try Spool(path: "\(folder)-\(slot)", options: options)
            } catch {
                guard error.kind == .locked else { throw error }
                last = error
            }
        }
        throw last
    }
}
