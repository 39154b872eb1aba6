import Archiving
import ArchiveTypes
import Checksums
import ChunkFormat
import Inputs
import Spool

extension FuzzTarget {
    static let spool: [FuzzTarget] = [
        FuzzTarget("spool-snapshot", seeds: { [Array(try snapshotSeed().encoded().dropLast(8))] }) { body in
            var bytes = Array(body)
            bytes.append(littleEndian: xxh64(bytes))
            guard let snapshot = try unlessRefused(MalformedBytes.self, { try SpoolSnapshot.decode(bytes) }) else {
                return
            }
            try require(try SpoolSnapshot.decode(snapshot.encoded()) == snapshot, "snapshot changed: \(snapshot)")
        },
        FuzzTarget("spool-snapshot-file", rounds: 300, seeds: { [try snapshotSeed().encoded()] }) { bytes in
            _ = try unlessRefused(MalformedBytes.self) { try SpoolSnapshot.decode(Array(bytes)) }
        },
        FuzzTarget("spool-open-chunk", rounds: 600, seeds: { [openChunkSeed(try ChunkSeed.made.get())] }) { bytes in
            try scanOpenChunk(bytes)
            try Frames.repaired(bytes).parsed(scanOpenChunk)
        },
        FuzzTarget("agent-state", seeds: { [try agentStateSeed()] }) { bytes in
            guard let state = try unlessRefused(MalformedBytes.self, { try AgentState(decoding: Array(bytes)) }) else {
                return
            }
            let again = try AgentState(decoding: state.encoded())
            try require(again.checkpoints == state.checkpoints, "checkpoints changed: \(state.checkpoints)")
            try require(again.lastRun ?? 0 == state.lastRun ?? 0, "time of the last look changed")
        },
    ]

    private static func snapshotSeed() throws -> SpoolSnapshot {
        let manifest = try ChunkSeed.made.get().manifest
        var positions: [SourceGeneration: UInt64] = [:]
        for block in manifest.blocks {
            positions[SourceGeneration(stream: block.stream, generation: block.generation)] = block.positions.end
        }
        return SpoolSnapshot(
            archive: "main", writer: manifest.description.writer, identity: "machine/fsid:7/42", nextSequence: 43,
            previous: manifest.sha256, inputState: try agentStateSeed(), positions: positions)
    }

    private static func agentStateSeed() throws -> [UInt8] {
        var reader = ByteReader(checkpointSeed())
        let checkpoint = try FileCheckpoint(from: &reader)
        return AgentState(checkpoints: [checkpoint, checkpoint], lastRun: ChunkSeed.sealed).encoded()
    }

    /// The blocks alone, as before sealing.
    private static func openChunkSeed(_ seed: ChunkSeed) -> [UInt8] {
        Array(seed.bytes.prefix(Int(seed.manifest.blocks.last.map { $0.offset + $0.length } ?? 0)))
    }

    private static func scanOpenChunk(_ bytes: UnsafeRawBufferPointer) throws {
        let scan = OpenChunkScan(bytes)
        try require(scan.length <= UInt64(bytes.count), "\(scan.length) whole bytes of \(bytes.count)")
        var end: UInt64 = 0
        for entry in scan.entries {
            try require(entry.offset == end && entry.length > 0, "block at \(entry.offset), not \(end)")
            end += entry.length
        }
        try require(end == scan.length, "blocks end at \(end), not \(scan.length)")
        // Recovery goes on with what was scanned: a second look finds the same, and no damage.
        let again = OpenChunkScan(UnsafeRawBufferPointer(rebasing: bytes[..<Int(scan.length)]))
        try require(again.entries == scan.entries && again.damage == nil, "a recovered chunk reads otherwise")
    }
}
