import ArchiveTypes
import ChunkFormat

/// Brings a spool's directory to a state from which work goes on, whatever moment a crash cut off.
struct SpoolRecovery {
    let directory: SpoolDirectory
    let options: SpoolOptions
    private var findings: [String] = []
    private var damagedChunks: [ChunkKey] = []

    private var path: String { directory.path }

    init(_ directory: SpoolDirectory, options: SpoolOptions) {
        self.directory = directory
        self.options = options
    }

    /// The name of a sealed chunk's file: its key without `chunks/`, with `_` for `/`.
    static func sealedName(_ key: ChunkKey) -> String {
        String(key.description.dropFirst(KeyLayout.chunks.count).map { $0 == "/" ? "_" : $0 })
    }

    static func key(ofSealed name: String) -> ChunkKey? {
        ChunkKey(KeyLayout.chunks + String(name.map { $0 == "_" ? "/" : $0 }))
    }

    mutating func run() throws(SpoolError) -> SpoolState {
        let identity = try SpoolIdentity.of(directory)
        var snapshot = try readSnapshot(identity: identity)
        var positions = SpoolPositions(snapshot, keepsArchived: options.keepsPositions)
        var held = HeldRanges()
        let sealed = try sealedChunks { manifest in
            snapshot.take(manifest)
            positions.seal(manifest.blocks)
            held.add(manifest.blocks)
        }
        for key in damagedChunks { snapshot.pass(key) }
        if snapshot.identity != identity || snapshot.archive != options.archive {
            findings.append("spool \(path) is a copy or was restored: it gets a new writer identity")
            snapshot.writer = WriterID(host: options.host, random: options.random())
            snapshot.identity = identity
            snapshot.archive = options.archive
            snapshot.nextSequence = 1
            snapshot.previous = nil
        }
        // The writer's identity must be durable before any chunk bears it.
        try snapshot.write(in: directory)
        // Held twice, they would be copied at the next change.
        (snapshot.positions, snapshot.ahead) = ([:], [:])
        var state = SpoolState(snapshot: snapshot, positions: positions)
        state.recovered = sealed
        state.sealedBytes = sealed.reduce(0) { $0 + $1.length }
        state.sealedCount = sealed.count
        if let chunk = try recoverOpenChunk(into: &state) {
            held.add(chunk.manifest.blocks)
            state.recovered.append(chunk.spooled)
        }
        held.add(state.open?.blocks ?? [])
        let stillSealed = Set(state.recovered.map(\.key))
        try state.debts.recover(in: directory, stores: options.redundancy.stores.map(\.name), sealed: stillSealed) {
            (file, key) throws(SpoolError) in
            switch try Self.manifest(of: file, key: key, in: directory) {
            case .success(let manifest): return SealedChunk(manifest: manifest, path: file).spooled
            case .failure(let error):
                findings.append("\(file): the chunk is damaged: \(error); firn repair copies it from another store")
                return nil
            }
        }
        state.positions.recover(held)
        state.findings = findings
        return state
    }

    private mutating func readSnapshot(identity: String) throws(SpoolError) -> SpoolSnapshot {
        let file = path + "/snapshot"
        let fresh = SpoolSnapshot(
            archive: options.archive, writer: WriterID(host: options.host, random: options.random()),
            identity: identity, nextSequence: 1, previous: nil, inputState: [], positions: [:],
            ahead: [:])
        guard directory.contains(file) else { return fresh }
        // What cannot be read now is not damaged: who starts later finds it.
        let bytes = try directory.readAll(file)
        do throws(MalformedBytes) { return try SpoolSnapshot.decode(bytes) } catch {
            try quarantine(file, why: "the snapshot is damaged (\(error)): sources are read again from their beginning")
            return fresh
        }
    }

    /// - Parameter visit: given the manifest of each, one after the other.
    private mutating func sealedChunks(_ visit: (Manifest) -> Void) throws(SpoolError) -> [SpooledChunk] {
        // Their names must be durable before anybody learns of them.
        try directory.synchronize(path + "/sealed")
        var chunks: [SpooledChunk] = []
        for name in try directory.names(path + "/sealed") {
            let file = "\(path)/sealed/\(name)"
            guard let key = Self.key(ofSealed: name) else {
                try quarantine(file, why: "its name is not that of a chunk")
                continue
            }
            let found = try Self.manifest(of: file, key: key, in: directory)
            do throws(FormatError) {
                let manifest = try found.get()
                visit(manifest)
                chunks.append(SealedChunk(manifest: manifest, path: file).spooled)
            } catch {
                damagedChunks.append(key)
                try quarantine(
                    file,
                    why:
                        "the sealed chunk is damaged: \(error); its sources are read again where they still have the lines"
                )
            }
        }
        return chunks
    }

    static func manifest(
        of file: String, key: ChunkKey, in directory: SpoolDirectory
    ) throws(SpoolError) -> Result<Manifest, FormatError> {
        try directory.open(file).withMapping { bytes, done in
            do throws(FormatError) {
                return .success(try Manifest.describing(chunk: bytes, key: key, deep: false, done: done))
            } catch { return .failure(error) }
        }
    }

    /// Cuts the torn tail off the open chunk and seals what is whole.
    private mutating func recoverOpenChunk(into state: inout SpoolState) throws(SpoolError) -> SealedChunk? {
        let file = path + "/open.chunk"
        try directory.remove(ChunkMerging.path(in: directory))
        guard directory.contains(file) else { return nil }
        let scan = try directory.open(file).withMapping { bytes, done in OpenChunkScan(bytes, done: done) }
        if let damage = scan.damage { try keepDamaged(file, why: damage) }
        guard scan.length > 0 else {
            try directory.remove(file)
            return nil
        }
        try writeAnew(file, scan)
        state.open = try adopt(try directory.open(file), scan)
        do throws(SpoolError) { return try state.seal(options: options, directory: directory) } catch {
            // What is sealed already has to leave so that there is room: it stays open until then.
            guard error.kind == .full else { throw error }
            return nil
        }
    }

    /// Replaces the open chunk by a copy of its whole blocks. What is read of a file whose fsync may have failed comes
    /// from memory, and need not be on the disk: only what is written anew is known to get there.
    private func writeAnew(_ file: String, _ scan: OpenChunkScan) throws(SpoolError) {
        let copy = file + ".new"
        try directory.remove(copy)
        do throws(SpoolError) {
            let target = try directory.create(copy)
            try target.copy(first: scan.length, of: try directory.open(file))
            try target.synchronize()
            try directory.rename(copy, to: file)
            try directory.synchronize(path)
        } catch {
            try directory.remove(copy)
            guard error.kind == .full, scan.damage == nil else { throw error }
            try writeAgain(file, scan)
        }
    }

    /// The same bytes in the same place, which takes no room.
    private func writeAgain(_ file: String, _ scan: OpenChunkScan) throws(SpoolError) {
        let target = try directory.open(file)
        try target.copy(first: scan.length, of: target)
        try target.truncate(to: scan.length)
        try target.synchronize()
    }

    private func adopt(_ file: SpoolFile, _ scan: OpenChunkScan) throws(SpoolError) -> OpenChunk {
        var builder = ChunkBuilder()
        try file.withMapping { bytes, done in
            for entry in scan.entries {
                let range = Int(entry.offset)..<Int(entry.offset + entry.length)
                builder.adopt(entry, bytes: UnsafeRawBufferPointer(rebasing: bytes[range]))
                done(range.upperBound)
            }
        }
        return OpenChunk(adopting: file, builder: builder, opened: options.ticks())
    }

    /// Keeps a damaged open chunk aside; a copy of its whole blocks goes on.
    private mutating func keepDamaged(_ file: String, why: String) throws(SpoolError) {
        try directory.createFolder(path + "/quarantine")
        let target = "\(path)/quarantine/\(options.clock())-open.chunk"
        try directory.link(file, to: target)
        try directory.synchronize(path + "/quarantine")
        findings.append("\(target): \(why); its sources are read again where they still have the lines")
    }

    private mutating func quarantine(_ file: String, why: String) throws(SpoolError) {
        try directory.createFolder(path + "/quarantine")
        let name = file.split(separator: "/").last.map(String.init) ?? "file"
        let target = "\(path)/quarantine/\(options.clock())-\(name)"
        try directory.rename(file, to: target)
        findings.append("\(target): \(why)")
    }
}

extension SpoolSnapshot {
    /// Goes on after a chunk that is in the spool.
    mutating func take(_ manifest: Manifest) {
        guard manifest.description.writer == writer, manifest.description.sequence >= nextSequence else { return }
        nextSequence = manifest.description.sequence + 1
        previous = manifest.sha256
    }

    /// Goes on after a chunk that is lost: it may have come to the stores all the same, so its number is not used again.
    mutating func pass(_ key: ChunkKey) {
        guard key.name.writer == writer, key.name.sequence >= nextSequence else { return }
        nextSequence = key.name.sequence + 1
        previous = nil
    }
}
