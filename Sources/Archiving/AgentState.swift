package import ArchiveTypes
package import Inputs

/// What an agent's inputs need after a restart, as the spool's snapshot keeps it: version 1 (1 byte), signed varint time
/// of the last look, varint number of checkpoints, each as `FileCheckpoint.encode` writes it. Empty: nothing yet.
package struct AgentState {
    package var checkpoints: [FileCheckpoint] = []
    package var lastRun: Nanoseconds?

    package init(checkpoints: [FileCheckpoint], lastRun: Nanoseconds) {
        self.checkpoints = checkpoints
        self.lastRun = lastRun
    }

    package init(decoding bytes: [UInt8]) throws(MalformedBytes) {
        guard !bytes.isEmpty else { return }
        var reader = ByteReader(bytes)
        guard try reader.read(UInt8.self) == 1 else {
            throw MalformedBytes("state of a later version; update firn", at: 0)
        }
        lastRun = try reader.readSignedVarint()
        for _ in 0..<(try reader.readVarint()) { checkpoints.append(try FileCheckpoint(from: &reader)) }
    }

    package func encoded() -> [UInt8] { Self.encode(checkpoints, lastRun: lastRun) }

    static func encode(_ checkpoints: some Collection<FileCheckpoint>, lastRun: Nanoseconds?) -> [UInt8] {
        var bytes: [UInt8] = []
        // There are many, and a buffer that doubles takes as much again.
        bytes.reserveCapacity(32 + checkpoints.reduce(0) { $0 + $1.mostEncodedBytes })
        bytes.append(1)
        bytes.append(signedVarint: lastRun ?? 0)
        bytes.append(varint: UInt64(checkpoints.count))
        for checkpoint in checkpoints { checkpoint.encode(into: &bytes) }
        return bytes
    }
}
