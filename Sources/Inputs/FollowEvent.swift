package import ArchiveTypes

/// What became of files. Checkpoints in events stand where reading stood at that moment.
package enum FollowEvent: Sendable, Hashable {
    /// A generation begins to be followed: keep the checkpoint even if nothing is read yet. `group` is the index of the
    /// group that selected it.
    case opened(FileCheckpoint, group: Int)
    /// A generation goes on in another file: its compressed form, or a copy. What is kept of it takes this
    /// checkpoint's identity and path, at the position that is durable (`FileCheckpoint.at`).
    case continued(FileCheckpoint)
    /// A generation was read to its end and is no longer followed: once what was read is durable, its checkpoint is no
    /// longer needed.
    case ended(FileCheckpoint, End)
    /// Bytes after the checkpoint's position cannot be read any more; how many, where that is known.
    case lost(FileCheckpoint, bytes: UInt64?, reason: String)
    /// Something cannot be read at present. Told once, until it changes; tried again at each poll.
    case problem(InputError)

    package enum End: Sendable, Hashable {
        case truncated, deleted
        /// Renamed to where no pattern reaches, and not written any more.
        case rotated
        /// No group selects it any more.
        case unselected
        /// Not found again after a restart.
        case gone
    }
}

/// One piece of one followed file.
package struct FollowedPiece: Sendable, Hashable {
    package var piece: Piece
    /// The index of the group that selected the file.
    package var group: Int
    /// Which file this is, and where it goes on after this piece: to be kept once the piece is durable.
    package var checkpoint: FileCheckpoint
    /// When the file was last modified: what the year of its lines can be told from.
    package var modified: Nanoseconds
    /// Where reading goes on in the middle of a plain file: bytes that end where the first piece begins, of which what is
    /// known of lines before it can be learnt again. Whole lines but perhaps the first and last.
    package var before: [UInt8] = []
    /// Of a file's first piece: the generation that had its source's name before it, if one was followed.
    package var previous: Generation?
}

/// How far files have been read, whether durable or not, for people and metrics.
package struct FollowedProgress: Sendable {
    package struct File: Sendable {
        package var source: String
        package var position: UInt64
        /// Its size when it was last looked at; of a compressed file that was read to its end, the position.
        package var size: UInt64

        /// Bytes that were seen and not read.
        package var behind: UInt64 { size - min(size, position) }
    }

    package var files = 0
    package var behind: UInt64 = 0
    /// Of many, those that are furthest behind.
    package var shown: [File] = []
}
