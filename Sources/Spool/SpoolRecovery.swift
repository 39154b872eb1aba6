import ArchiveTypes
import ChunkFormat
import Glibc

/// Brings a spool's directory to a state from which work goes on, whatever moment a crash cut off.
struct SpoolRecovery {
    let path: String
    let options: SpoolOptions
    private var findings: [String] = []

    init(path: String, options: SpoolOptions) {
        self.path = path
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
        let identity = try SpoolIdentity.of(path)
        var snapshot = try readSnapshot(identity: identity)
        let sealed = try sealedChunks()
        for chunk in sealed { snapshot.take(chunk.manifest) }
        var positions = SpoolPositions(archived: snapshot.positions)
        for chunk in sealed { positions.seal(chunk.manifest.blocks) }
        if snapshot.identity != identity || snapshot.archive != options.archive {
            findings.append("spool \(path) is a copy or was restored: it gets a new writer identity")
            snapshot.writer = WriterID(host: options.host, random: options.random())
            snapshot.identity = identity
            snapshot.archive = options.archive
            snapshot.nextSequence = 1
            snapshot.previous = nil
        }
        // The writer's identity must be durable before any chunk bears it.
        try snapshot.write(in: path)
        var state = SpoolState(snapshot: snapshot, positions: positions)
        state.recovered = sealed
        state.sealedBytes = sealed.reduce(0) { $0 + $1.manifest.length }
        state.sealedCount = sealed.count
        if let chunk = try recoverOpenChunk(into: &state) { state.recovered.append(chunk) }
        let stillSealed = Set(state.recovered.map(\.manifest.chunk))
        try state.debts.recover(in: path, stores: options.redundancy.stores.map(\.name), sealed: stillSealed) {
            (file, key) throws(SpoolError) in
            do throws(FormatError) { return SealedChunk(manifest: try manifest(of: file, key: key), path: file) } catch
            {
                findings.append("\(file): the chunk is damaged: \(error); firn repair copies it from another store")
                return nil
            }
        }
        state.positions.recover(state.recovered.flatMap(\.manifest.blocks))
        state.findings = findings
        return state
    }

    private mutating func readSnapshot(identity: String) throws(SpoolError) -> SpoolSnapshot {
        let file = path + "/snapshot"
        let fresh = SpoolSnapshot(
            archive: options.archive, writer: WriterID(host: options.host, random: options.random()),
            identity: identity, nextSequence: 1, previous: nil, inputState: [], positions: [:])
        guard access(file, F_OK) == 0 else { return fresh }
        do throws(MalformedBytes) {
            return try SpoolSnapshot.decode(try bytes(of: file))
        } catch {
            try quarantine(file, why: "the snapshot is damaged (\(error)): sources are read again from their beginning")
            return fresh
        }
    }

    private func bytes(of file: String) throws(MalformedBytes) -> [UInt8] {
        do throws(SpoolError) { return try SpoolIdentity.readAll(file) } catch {
            throw MalformedBytes(error.description, at: 0)
        }
    }

    private mutating func sealedChunks() throws(SpoolError) -> [SealedChunk] {
        var chunks: [SealedChunk] = []
        for name in try SpoolDirectory.names(path + "/sealed") {
            let file = "\(path)/sealed/\(name)"
            guard let key = Self.key(ofSealed: name) else {
                try quarantine(file, why: "its name is not that of a chunk")
                continue
            }
            do throws(FormatError) {
                chunks.append(SealedChunk(manifest: try manifest(of: file, key: key), path: file))
            } catch {
                try quarantine(
                    file,
                    why:
                        "the sealed chunk is damaged: \(error); its sources are read again where they still have the lines"
                )
            }
        }
        return chunks
    }

    private func manifest(of file: String, key: ChunkKey) throws(FormatError) -> Manifest {
        let result: Result<Manifest, FormatError>
        do throws(SpoolError) {
            result = try SpoolFile(opening: file).withMapping { bytes in
                do throws(FormatError) {
                    return .success(try Manifest.describing(chunk: bytes, key: key, deep: false))
                } catch { return .failure(error) }
            }
        } catch {
            throw FormatError(.damaged, object: file, at: 0, error.description)
        }
        return try result.get()
    }

    /// Cuts the torn tail off the open chunk and seals what is whole.
    private mutating func recoverOpenChunk(into state: inout SpoolState) throws(SpoolError) -> SealedChunk? {
        let file = path + "/open.chunk"
        try SpoolDirectory.remove(ChunkMerging.path(in: path))
        guard access(file, F_OK) == 0 else { return nil }
        let scan = try SpoolFile(opening: file).withMapping { OpenChunkScan($0) }
        if let damage = scan.damage { try keepDamaged(file, why: damage) }
        guard scan.length > 0 else {
            try SpoolDirectory.remove(file)
            return nil
        }
        try writeAnew(file, scan)
        state.open = try adopt(try SpoolFile(opening: file), scan)
        return try state.seal(options: options, directory: path)
    }

    /// Replaces the open chunk by a copy of its whole blocks. What is read of a file whose fsync may have failed comes
    /// from memory, and need not be on the disk: only what is written anew is known to get there.
    private func writeAnew(_ file: String, _ scan: OpenChunkScan) throws(SpoolError) {
        let copy = file + ".new"
        try SpoolDirectory.remove(copy)
        do throws(SpoolError) {
            let bytes = try SpoolIdentity.readAll(file)
            let target = try SpoolFile(creating: copy)
            try Array(bytes[..<Int(scan.length)]).withBytes { bytes throws(SpoolError) in try target.write(bytes, at: 0)
            }
            try target.synchronize()
            try SpoolDirectory.rename(copy, to: file)
            try SpoolDirectory.synchronize(path)
        } catch {
            try SpoolDirectory.remove(copy)
            guard error.kind == .full, scan.damage == nil else { throw error }
            try SpoolFile(opening: file).truncate(to: scan.length)
        }
    }

    private func adopt(_ file: SpoolFile, _ scan: OpenChunkScan) throws(SpoolError) -> OpenChunk {
        var builder = ChunkBuilder()
        let bytes = try SpoolIdentity.readAll(file.path)
        bytes.withUnsafeBytes { bytes in
            for entry in scan.entries {
                let range = Int(entry.offset)..<Int(entry.offset + entry.length)
                builder.adopt(entry, bytes: UnsafeRawBufferPointer(rebasing: bytes[range]))
            }
        }
        return OpenChunk(adopting: file, builder: builder, opened: options.clock())
    }

    /// Keeps a damaged open chunk aside; a copy of its whole blocks goes on.
    private mutating func keepDamaged(_ file: String, why: String) throws(SpoolError) {
        try SpoolDirectory.create(path + "/quarantine")
        let target = "\(path)/quarantine/\(options.clock())-open.chunk"
        guard link(file, target) == 0 else { throw .system("cannot keep aside", path: target) }
        try SpoolDirectory.synchronize(path + "/quarantine")
        findings.append("\(target): \(why); its sources are read again where they still have the lines")
    }

    private mutating func quarantine(_ file: String, why: String) throws(SpoolError) {
        try SpoolDirectory.create(path + "/quarantine")
        let name = file.split(separator: "/").last.map(String.init) ?? "file"
        let target = "\(path)/quarantine/\(options.clock())-\(name)"
        try SpoolDirectory.rename(file, to: target)
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
}
