package import ArchiveTypes

/// Follows the files that patterns select, through rotation, truncation and deletion.
///
/// A loop of two calls: `poll` looks at folders and files and says what became of them; `next` delivers what can be
/// read, one piece of one file at a time, file after file in turn. Whoever calls stops calling `next` to hold
/// everything up. All state changes happen in `poll`, none on a clock of its own.
///
/// What is told apart: a file is its device, inode and birth, whatever its name. One that gets another name keeps its
/// source, generation and position, and is read to its end from the descriptor that is held. One that is shorter
/// than what was read, or whose bytes just before the position changed, was truncated and begins another generation.
///
/// Belongs to one thread at a time. Calls block on the file system.
package struct FileFollower<View: FileSystemView>: ~Copyable {
    let view: View
    let settings: FollowSettings
    /// When the run before this one last looked: files that were there then and are not remembered are old.
    let lastRun: Nanoseconds?
    var files: [FileKey: Followed<View.File>] = [:]
    /// All files, in the order in which they were found.
    var order: [Followed<View.File>] = []
    /// Not found again yet.
    var checkpoints: [FileCheckpoint]
    var newest: [String: Generation] = [:]
    /// Files with something to read, in turn.
    var ready = Queue<FileKey>()
    /// Files with a handle, in the order of opening. Some may have been closed since.
    var opened = Queue<FileKey>()
    var openCount = 0
    var hasPolled = false
    var events: [FollowEvent] = []
    /// What the last poll could not look at.
    var walkProblems: Set<InputError> = []
    var listings: [RawPath: [UInt64: [[UInt8]]]] = [:]

    /// `checkpoints` are those of all generations that did not end; `lastRun` the time of the last poll before them,
    /// nil if there was none.
    package init(
        _ view: View, settings: FollowSettings, checkpoints: [FileCheckpoint] = [], lastRun: Nanoseconds? = nil
    ) {
        precondition(settings.pieceBytes > 0 && settings.mostOpenFiles > 0, "following takes a buffer and a descriptor")
        self.view = view
        self.settings = settings
        self.lastRun = lastRun
        self.checkpoints = checkpoints.sorted { $0.generation > $1.generation }
        for checkpoint in checkpoints { noteGeneration(checkpoint.generation, of: checkpoint.source) }
    }

    /// How far everything has been read, whether durable or not.
    package var followed: [FollowedFile] {
        order.map {
            FollowedFile(checkpoint: $0.checkpoint, path: $0.path, size: $0.size, isOpen: $0.handle != nil)
        }
    }

    /// Looks at everything once. `now` never matters but in comparison with earlier ones, in the names of generations
    /// and for `ignoreOlder`.
    package mutating func poll(now: Nanoseconds) -> [FollowEvent] {
        listings.removeAll()
        let sightings = look()
        for sighting in sightings.values.sorted(by: { $0.order < $1.order }) { note(sighting, now: now) }
        for file in order where sightings[file.key] == nil { lookElsewhere(for: file, now: now) }
        findMoved(now: now)
        for file in order where files[file.key] === file { settle(file, now: now) }
        if files.count < order.count { order.removeAll { files[$0.key] !== $0 } }
        hasPolled = true
        defer { events.removeAll() }
        return events
    }

    mutating func noteGeneration(_ generation: Generation, of source: String) {
        newest[source] = max(generation, newest[source] ?? generation)
        guard newest.count > 2 * max(files.count, 50_000) else { return }
        // Births alone keep the order of sources that have not been there for long.
        let present = Set(order.map(\.source))
        newest = newest.filter { present.contains($0.key) || $0.key == source }
    }

    mutating func follow(_ file: Followed<View.File>) {
        files[file.key] = file
        order.append(file)
        noteGeneration(file.generation, of: file.source)
        events.append(.opened(file.checkpoint, group: file.group))
        if openCount < settings.mostOpenFiles { _ = handle(of: file) }
    }

    mutating func drop(_ file: Followed<View.File>, _ end: FollowEvent.End) {
        events.append(.ended(file.checkpoint, end))
        close(file)
        files[file.key] = nil
    }

    /// Decides what the last look means: another generation, the end, or something to read.
    private mutating func settle(_ file: Followed<View.File>, now: Nanoseconds) {
        if let bytes = file.cutOff {
            file.cutOff = nil
            events.append(.lost(file.checkpoint, bytes: bytes, reason: "truncated before it was read to its end"))
        }
        if file.isRewritten || file.size < file.position { restart(file, now: now) }
        let hasMore = file.size > file.position
        // A file that was modified since it was read may have been written anew: not done before that is clear.
        let isDone = !hasMore && !file.needsCheck
        switch file.place {
        case .selected:
            let isRotated = file.path.description != file.source
            if isRotated, isDone, file.isQuiet(for: settings.rotatedGrace, now: now) { close(file) }
        case .moved(let since):
            if isOver(settings.rotatedGrace, since, file, now), isDone || file.problem != nil {
                return release(file, .rotated)
            }
        case .deleted(let since):
            if isOver(settings.deletedGrace, since, file, now), isDone || file.problem != nil {
                return release(file, .deleted)
            }
        }
        file.isTailDue = file.isQuiet(for: patience(for: file), now: now)
        if hasMore && (!file.isDrained || file.isTailDue) || file.needsCheck { enqueue(file) }
    }

    /// Lets go of a file that is read to its end, or that cannot be read and will not be found again.
    private mutating func release(_ file: Followed<View.File>, _ end: FollowEvent.End) {
        if let problem = file.problem, file.size > file.position {
            events.append(.lost(file.checkpoint, bytes: file.size - file.position, reason: problem.reason))
        }
        drop(file, end)
    }

    private func isOver(_ grace: Nanoseconds, _ since: Nanoseconds, _ file: Followed<View.File>, _ now: Nanoseconds)
        -> Bool
    {
        now - since >= grace && file.isQuiet(for: grace, now: now)
    }

    private func patience(for file: Followed<View.File>) -> Nanoseconds {
        switch file.place {
        case .selected: settings.unterminatedAfter
        case .moved: min(settings.unterminatedAfter, settings.rotatedGrace)
        case .deleted: min(settings.unterminatedAfter, settings.deletedGrace)
        }
    }

    private mutating func restart(_ file: Followed<View.File>, now: Nanoseconds) {
        let before = file.checkpoint
        if file.isRewritten {
            events.append(
                .lost(before, bytes: nil, reason: "written anew in place: what came after may not have been read"))
        }
        events.append(.ended(before, .truncated))
        file.restart(as: file.identity.generation(truncatedAt: now, after: newest[file.source]))
        noteGeneration(file.generation, of: file.source)
        events.append(.opened(file.checkpoint, group: file.group))
    }

    mutating func enqueue(_ file: Followed<View.File>) {
        guard !file.isQueued else { return }
        file.isQueued = true
        ready.append(file.key)
    }
}
