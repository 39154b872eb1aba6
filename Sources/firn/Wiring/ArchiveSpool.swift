import ArchiveTypes
import ChunkFormat
import Checksums
import Configuration
import Spool
import Threads

extension SpoolOptions {
    /// - Parameter archive: the archive's name, which the stores may know better than the configuration.
    init(_ loaded: LoadedStores, archive: String) {
        let configuration = loaded.configuration
        self.init(
            archive: archive, host: configuration.host, redundancy: loaded.rule,
            maxBytes: UInt64(configuration.spool.maxBytes), chunkBytes: UInt64(configuration.roll.chunkBytes),
            chunkAge: configuration.roll.chunkAge, clock: { Clock.now() }, ticks: MonotonicClock.now)
    }
}

/// Spools of `firn archive`: beside the agent's, which may be at work, and one for each set of stores, so that what an
/// interrupted run left goes where it was meant to go.
enum ArchiveSpool {
    /// Runs into one store at the same time that this machine's spools allow.
    private static let slots = 256

    /// The first that no other process has open: writers' identities are used again.
    static func open(_ loaded: LoadedStores, archive: String) throws(SpoolError) -> Spool {
        var options = SpoolOptions(loaded, archive: archive)
        // Files are read from their beginning, each time.
        options.keepsPositions = false
        let places = loaded.stores.map(\.location.place).sorted().joined(separator: "\n")
        let place = hex(sha256(Array(places.utf8))).prefix(12)
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
