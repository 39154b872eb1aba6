import ArchiveTypes
import Inputs

/// What an agent's inputs need after a restart, as the spool's snapshot keeps it: version 2 (1 byte), signed varint time
/// of the last look, varint number of checkpoints, each as `FileCheckpoint.encode` writes it. Empty: nothing yet.
struct AgentState {
    var checkpoints: [FileCheckpoint] = []
    var lastRun: Nanoseconds?

    init(checkpoints: [FileCheckpoint], lastRun: Nanoseconds) {
        self.checkpoints = checkpoints
        self.lastRun = lastRun
    }

    init(decoding bytes: [UInt8]) throws(MalformedBytes) {
        guard !bytes.isEmpty else { return }
        var reader = ByteReader(bytes)
        guard try reader.read(UInt8.self) == 2 else {
            throw MalformedBytes("state of another version; use the firn that wrote it", at: 0)
        }
        lastRun = try reader.readSignedVarint()
        for _ in 0..<(try reader.readVarint()) { checkpoints.append(try FileCheckpoint(from: &reader)) }
    }

    func encoded() -> [UInt8] {
        var bytes: [UInt8] = [2]
        bytes.append(signedVarint: lastRun ?? 0)
        bytes.append(varint: UInt64(checkpoints.count))
        for checkpoint in checkpoints { checkpoint.encode(into: &bytes) }
        return bytes
    }
}
