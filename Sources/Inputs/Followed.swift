import ArchiveTypes

/// One file that is followed. Its key never changes; after a truncation it goes on as another generation.
final class Followed<File: OpenFile> {
    enum Place: Equatable {
        /// Where a pattern leads.
        case selected
        /// Left the patterns, at that time.
        case moved(Nanoseconds)
        /// Has no name any more, since that time.
        case deleted(Nanoseconds)
    }

    let key: FileKey
    let identity: FileIdentity
    let source: String
    let group: Int
    var generation: Generation
    /// Where it was last seen.
    var path: RawPath
    var place = Place.selected
    var position: UInt64
    /// The last bytes before the position; nil until they are known.
    var tail: [UInt8]?
    /// What a checkpoint says of them.
    var expectedTail: UInt64?

    /// As seen by the last poll.
    var size: UInt64
    var modified: Nanoseconds
    /// When a poll last saw size or modification change.
    var changed: Nanoseconds
    /// Bytes that had been seen but not read, and are gone since the file got shorter.
    var cutOff: UInt64?
    /// The bytes before the position are not what they were.
    var isRewritten = false
    /// Modified without growing: the bytes before the position want checking.
    var needsCheck = false
    /// Nothing but the beginning of a line is left to read.
    var isDrained = false
    /// A last line without newline has stood long enough.
    var isTailDue = false

    var handle: File?
    var isQueued = false
    var problem: InputError?

    init(_ checkpoint: FileCheckpoint, group: Int, path: RawPath, status: FileStatus, now: Nanoseconds) {
        key = status.key
        identity = checkpoint.identity
        source = checkpoint.source
        generation = checkpoint.generation
        position = checkpoint.position
        expectedTail = checkpoint.tail
        tail = checkpoint.position == 0 ? [] : nil
        size = status.size
        modified = status.modified
        changed = now
        self.group = group
        self.path = path
        needsCheck = position > 0
    }

    var checkpoint: FileCheckpoint {
        FileCheckpoint(
            source: source, generation: generation, identity: identity, position: position,
            tail: tail.map(FileCheckpoint.tailHash) ?? expectedTail)
    }

    /// Takes note of how the file looks now.
    func observe(_ status: FileStatus, now: Nanoseconds) {
        guard status.size != size || status.modified != modified else { return }
        if status.size < size, size > max(position, status.size) { cutOff = size - max(position, status.size) }
        size = status.size
        modified = status.modified
        changed = now
        isDrained = false
        needsCheck = position > 0
    }

    /// Begins at the beginning again, as another generation.
    func restart(as next: Generation) {
        generation = next
        position = 0
        tail = []
        expectedTail = nil
        cutOff = nil
        isRewritten = false
        needsCheck = false
        isDrained = false
    }

    func advance(over piece: some BidirectionalCollection<UInt8>) {
        position += UInt64(piece.count)
        // A slice, not Sequence's `suffix`, which an array's `+` would choose: that one walks through all of the piece.
        let count = min(piece.count, FileCheckpoint.tailBytes)
        var kept = tail ?? []
        kept.append(contentsOf: piece[piece.index(piece.endIndex, offsetBy: -count)...])
        tail = Array(kept[max(0, kept.count - FileCheckpoint.tailBytes)...])
    }

    func isQuiet(for duration: Nanoseconds, now: Nanoseconds) -> Bool { now - changed >= duration }
}
