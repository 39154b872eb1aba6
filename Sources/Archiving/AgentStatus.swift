package import ArchiveTypes
import Foundation
import Glibc

/// What an agent says of itself, in `status.json` in its spool: replaced as it changes, for people and scripts.
package struct AgentStatus: Codable, Sendable, Hashable {
    package struct Stream: Codable, Sendable, Hashable {
        package var source: String
        /// Bytes of the source that were read, and that are there.
        package var position: UInt64
        package var size: UInt64

        package var behind: UInt64 { size - min(size, position) }
    }

    package struct Store: Codable, Sendable, Hashable {
        package var name: String
        /// When it last held a whole chunk and its manifest, RFC 3339; nil where it has not yet.
        package var lastArchived: String?
        /// Why it last failed and when; nil once it works again.
        package var failure: String?
        package var failedAt: String?
        /// Archived chunks that it still lacks and that the spool keeps for it, and their bytes.
        package var owedChunks = 0
        package var owedBytes: UInt64 = 0
        /// Since the agent began: chunks that it took, and puts that it failed.
        package var archivedChunks: UInt64 = 0
        package var failures: UInt64 = 0
        /// As `lastArchived`, in Unix nanoseconds.
        package var lastArchivedAt: Nanoseconds?
    }

    package var process: Int32
    package var writer: String
    /// RFC 3339.
    package var updated: String
    /// Bytes and chunks that are not yet archived, and the ceiling.
    package var backlogBytes: UInt64
    package var backlogChunks: Int
    package var maxBytes: UInt64
    /// Reading waits for room in the spool.
    package var isHeldUp: Bool
    /// Files that are followed, and bytes of them that are not read yet.
    package var files: Int
    package var unreadBytes: UInt64
    /// Since the agent began.
    package var appended: AppendedTotals
    /// The part of each files input, in the configuration's order.
    package var byInput: [AppendedTotals]
    /// Of inputs that receive; nil where there are none.
    package var received: ReceivedFigures?
    package var lost: LossCounts.Count
    package var lostBySource: [String: LossCounts.Count]
    /// Of many files, those furthest behind.
    package var streams: [Stream]
    package var stores: [Store]

    /// The status is there, or may be, and this user may not read it.
    package struct Unreadable: Error, CustomStringConvertible {
        package var path: String
        package var reason: String

        package var description: String {
            "\(path) cannot be read: \(reason); ask as root, or as the user that the agent runs as"
        }
    }

    private static let name = "/status.json"

    /// The status that the agent of the spool at `path` last wrote; nil where none ever ran there.
    package static func read(spool path: String) throws -> AgentStatus? {
        guard access(path + name, R_OK) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw Unreadable(path: path + name, reason: String(cString: strerror(errno)))
        }
        let bytes = try Data(contentsOf: URL(filePath: path + name))
        return try JSONDecoder().decode(AgentStatus.self, from: bytes)
    }

    /// One JSON object on one line.
    package func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }

    /// Replaces the file. It is no promise, so it is not synced.
    func write(spool path: String) throws {
        try Data(json().utf8).write(to: URL(filePath: path + Self.name), options: .atomic)
    }

    /// Whether a process holds the spool at `path` open.
    package static func isRunning(spool path: String) -> Bool {
        let descriptor = open(path + "/lock", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }
}
