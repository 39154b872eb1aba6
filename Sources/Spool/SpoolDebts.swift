package import ArchiveTypes
import ChunkFormat

/// An archived chunk that some stores still lack.
package struct OwedChunk: Sendable {
    package var chunk: SpooledChunk
    /// Names of the stores, sorted.
    package var stores: [String]
}

/// Archived chunks that stay in the spool because some stores lack them: a link for each such store, as
/// `owed/STORE/CHUNK`. They go when the store has them, or oldest first when the room is needed.
struct SpoolDebts {
    private var owed: [ChunkKey: OwedChunk] = [:]
    /// Of all chunks, each once.
    private(set) var bytes: UInt64 = 0
    /// Chunks that had to go before every store had them.
    private(set) var forgiven = 0

    var all: [OwedChunk] { owed.values.sorted { $0.chunk.key < $1.chunk.key } }
    var isEmpty: Bool { owed.isEmpty }

    /// Takes up what is in the folders of `stores`; what is owed to others is dropped.
    /// - Parameters:
    ///   - sealed: chunks that are still to be archived: they are owed nothing yet.
    ///   - open: the chunk of a file; nil where it is none.
    mutating func recover(
        in directory: SpoolDirectory, stores: [String], sealed: Set<ChunkKey>,
        open: (String, ChunkKey) throws(SpoolError) -> SpooledChunk?
    ) throws(SpoolError) {
        let folder = directory.path + "/owed"
        try directory.createFolder(folder)
        let known = Dictionary(stores.map { (Self.folderName($0), $0) }) { first, _ in first }
        for place in try directory.names(folder) {
            for name in try directory.names("\(folder)/\(place)") {
                let file = "\(folder)/\(place)/\(name)"
                guard let store = known[place], let key = SpoolRecovery.key(ofSealed: name), !sealed.contains(key),
                    let chunk = try open(file, key)
                else {
                    try directory.remove(file)
                    continue
                }
                add(chunk, store)
            }
        }
    }

    private mutating func add(_ chunk: SpooledChunk, _ store: String) {
        let key = chunk.key
        if owed[key] == nil { bytes += chunk.length }
        var entry = owed[key] ?? OwedChunk(chunk: chunk, stores: [])
        entry.stores = (entry.stores + [store]).sorted()
        owed[key] = entry
    }

    /// Links an archived chunk for each store that lacks it. Durable when this returns.
    mutating func owe(_ chunk: SpooledChunk, to stores: [String], in directory: SpoolDirectory) throws(SpoolError) {
        let name = SpoolRecovery.sealedName(chunk.key)
        for store in stores.sorted() {
            let folder = "\(directory.path)/owed/\(Self.folderName(store))"
            try directory.createFolder(folder)
            let file = "\(folder)/\(name)"
            try directory.remove(file)
            try directory.link(chunk.path, to: file)
            try directory.synchronize(folder)
            var link = chunk
            link.path = file
            add(link, store)
        }
        try directory.synchronize(directory.path + "/owed")
    }

    /// A store has what it lacked.
    mutating func pay(_ key: ChunkKey, to store: String, in directory: SpoolDirectory) throws(SpoolError) {
        guard var entry = owed[key], entry.stores.contains(store) else { return }
        try directory.remove(Self.file(key, store, in: directory))
        entry.stores.removeAll { $0 == store }
        if let next = entry.stores.first {
            entry.chunk.path = Self.file(key, next, in: directory)
            owed[key] = entry
        } else {
            owed[key] = nil
            bytes -= min(bytes, entry.chunk.length)
        }
    }

    /// Lets go of the oldest chunks until at most `limit` bytes are left. Other stores hold them: `firn repair` copies them
    /// from there.
    mutating func shrink(to limit: UInt64, in directory: SpoolDirectory) throws(SpoolError) {
        guard bytes > limit else { return }
        for entry in all {
            for store in entry.stores { try pay(entry.chunk.key, to: store, in: directory) }
            forgiven += 1
            if bytes <= limit { return }
        }
    }

    private static func file(_ key: ChunkKey, _ store: String, in directory: SpoolDirectory) -> String {
        "\(directory.path)/owed/\(folderName(store))/\(SpoolRecovery.sealedName(key))"
    }

    /// A store's name with `_XX` for what file names cannot hold, or not at their beginning.
    private static func folderName(_ store: String) -> String {
        store.utf8.map { byte in
            let isPlain = byte.isKeyCharacter || UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte
            return isPlain ? String(UnicodeScalar(byte)) : "_" + String(Int(byte) + 256, radix: 16).dropFirst()
        }.joined()
    }
}

extension Spool {
    /// An archived chunk stays for the stores that lack it, as long as there is room; it counts as archived.
    package func owe(_ archived: ArchivedChunk, to stores: [String]) throws(SpoolError) {
        try update { state, directory throws(SpoolError) in
            try state.saveArchived(archived.chunk, in: directory)
            try state.debts.owe(archived.chunk.spooled, to: stores, in: directory)
            try state.removeArchived(archived.chunk, in: directory)
        }
    }

    /// A store has a chunk that it lacked.
    package func paid(_ chunk: ChunkKey, to store: String) throws(SpoolError) {
        try update { state, directory throws(SpoolError) in try state.debts.pay(chunk, to: store, in: directory) }
    }

    /// What stores lack, oldest first.
    package func owed() -> [OwedChunk] { read { $0.debts.all } }

    /// Bytes that are here for stores that lack them, and the number of chunks that had to go before.
    package func debts() -> (bytes: UInt64, forgiven: Int) { read { ($0.debts.bytes, $0.debts.forgiven) } }
}
