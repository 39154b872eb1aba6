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
    /// The one that had the name before this one; nil once the first piece is read.
    var previous: Generation?
    /// Where it was last seen, and the same without links where that differs.
    var path: RawPath
    var realPath: RawPath?
    var place = Place.selected
    /// When it was last seen to have another name.
    var renamed: Nanoseconds?
    var position: UInt64
    /// The last bytes before the position; nil until they are known.
    var tail: [UInt8]?
    /// What a checkpoint says of the content: to be checked before anything is read.
    var unchecked: [ContentMark]
    private var expectedTail: ContentMark?
    private(set) var head: ContentMark?
    /// The bytes of `head` while that may become longer; else empty.
    private(set) var headBytes: [UInt8] = []
    /// Whether the file's beginning was seen in this run.
    private(set) var isHeadSeen = false

    /// As seen by the last poll. Bytes as they lie there.
    var size: UInt64
    var modified: Nanoseconds
    /// When a poll last saw size or modification change.
    var changed: Nanoseconds
    /// Bytes that had been seen but not read, and are gone since the file got shorter.
    var cutOff: UInt64?
    /// The last poll saw it get shorter.
    var hasShrunk = false
    /// The bytes before the position are not what they were.
    var isRewritten = false
    /// The inode holds another file now: without births, only its content tells.
    var isOtherFile = false
    /// Modified without growing: the bytes before the position want checking.
    var needsCheck = false
    /// Whoever takes its pieces knows what stood before the position.
    var isPreceded: Bool
    /// Nothing but the beginning of a line is left to read.
    var isDrained = false
    /// A last line without newline has stood long enough.
    var isTailDue = false

    /// How it is compressed; nil until its first bytes were seen.
    var compression: Compression?
    private var wasCompressed: Bool
    /// What is being decompressed of it.
    var inflation: Inflation?
    /// The size at which everything in it had been read.
    var exhaustedAt: UInt64?

    var handle: File?
    var isQueued = false
    var problem: InputError? {
        get { trouble?.error }
        set { trouble = newValue.map { Trouble($0) } }
    }
    // Most of many files have none: it takes no room there.
    private var trouble: Trouble?

    init(_ checkpoint: FileCheckpoint, group: Int, path: RawPath, status: FileStatus, now: Nanoseconds) {
        key = status.key
        identity = checkpoint.identity
        source = checkpoint.source
        generation = checkpoint.generation
        position = checkpoint.position
        isPreceded = checkpoint.position == 0
        expectedTail = checkpoint.tail
        head = checkpoint.head
        unchecked = checkpoint.position == 0 ? [] : checkpoint.marks
        tail = checkpoint.position == 0 ? [] : nil
        exhaustedAt = checkpoint.exhaustedAt
        wasCompressed = checkpoint.isCompressed
        size = status.size
        modified = status.modified
        changed = now
        self.group = group
        self.path = path
        needsCheck = position > 0
    }

    var checkpoint: FileCheckpoint {
        var checkpoint = FileCheckpoint(
            source: source, generation: generation, identity: identity, position: position,
            tail: tail.flatMap { ContentMark($0, endingAt: position) } ?? expectedTail, head: head)
        let seen = realPath ?? path
        if seen.description != source { checkpoint.path = seen }
        checkpoint.isCompressed = isCompressed
        checkpoint.exhaustedAt = exhaustedAt
        return checkpoint
    }

    var isCompressed: Bool { compression.map { $0 != .none } ?? wasCompressed }

    /// Nothing is left to read at its present size, though the position does not say so: it is compressed, or a copy
    /// that was made before the last bytes were written.
    var isExhausted: Bool { exhaustedAt == size }

    var hasMore: Bool {
        if isExhausted { return false }
        return isCompressed || size > position
    }

    /// Shorter than what was read of it.
    var isCutShort: Bool { !isCompressed && !isExhausted && size < position }

    /// How many bytes were seen and not read; nil where that cannot be told.
    var unread: UInt64? {
        if isExhausted { return 0 }
        return isCompressed ? nil : size - min(size, position)
    }

    /// Takes note of how the file looks now.
    func observe(_ status: FileStatus, now: Nanoseconds) {
        guard status.size != size || status.modified != modified else { return }
        if status.size < size, !isCompressed, !isExhausted, size > max(position, status.size) {
            cutOff = size - max(position, status.size)
        }
        if isExhausted, status.size != size { exhaustedAt = nil }
        hasShrunk = status.size < size
        size = status.size
        modified = status.modified
        changed = now
        isDrained = false
        inflation = nil
        needsCheck = (position > 0 || head != nil) && !isExhausted
    }

    /// Begins at the beginning again, as another generation.
    func restart(as next: Generation) {
        generation = next
        position = 0
        tail = []
        expectedTail = nil
        unchecked = []
        head = nil
        headBytes = []
        isHeadSeen = false
        compression = nil
        wasCompressed = false
        inflation = nil
        exhaustedAt = nil
        cutOff = nil
        isRewritten = false
        needsCheck = false
        isDrained = false
    }

    /// Whether more of the file's beginning can be remembered than is.
    func wantsHead(of length: UInt64) -> Bool {
        let known = head?.count ?? 0
        return known < ContentMark.headBytes && UInt64(known) < length
    }

    /// Whether what is known of the file's beginning agrees with `bytes`, which are longer.
    func mayBegin(with bytes: [UInt8]) -> Bool {
        guard let head else { return true }
        return ContentMark(Array(bytes.prefix(head.count)), endingAt: head.end) == head
    }

    func learnHead(_ bytes: [UInt8]) {
        head = ContentMark(bytes, endingAt: UInt64(bytes.count))
        headBytes = bytes.count < ContentMark.headBytes ? bytes : []
        isHeadSeen = true
    }

    func advance(over piece: [UInt8]) {
        position += UInt64(piece.count)
        tail = ContentMark.tail(tail ?? [], piece[...])
    }

    func isQuiet(for duration: Nanoseconds, now: Nanoseconds) -> Bool { now - changed >= duration }
}

/// A compressed file that is being read: its bytes from `position` on are `carry`, then what `source` gives.
final class Inflation {
    let source: any ByteSource
    var carry: [UInt8] = []
    var hasEnded = false

    init(_ source: any ByteSource) { self.source = source }
}

/// What keeps a file from being read.
private final class Trouble {
    let error: InputError
    init(_ error: InputError) { self.error = error }
}
