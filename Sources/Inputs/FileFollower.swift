package import ArchiveTypes

/// Follows the files that patterns select, through rotation, truncation, compression and deletion.
///
/// A loop of two calls: `poll` looks at folders and files and says what became of them; `next` delivers what can be
/// read, one piece of one file at a time, file after file in turn. Whoever calls stops calling `next` to hold
/// everything up. All state changes happen in `poll`, none on a clock of its own.
///
/// What is told apart: a file is its device, inode and birth, whatever its name. One that gets another name keeps its
/// source, generation and position, and is read to its end from the descriptor that is held. One that is shorter
/// than what was read, or whose bytes just before the position changed, was truncated and begins another generation.
///
/// A generation whose file is gone or was truncated goes on where its content lies now (`ContentMark`): in the
/// compressed file that took its place, or in the copy that copytruncate made. Compressed files are read decompressed;
/// one whose content was followed before is no new generation. Files that a stream had between two looks and
/// that rotation has renamed since are read as generations of that stream, where the file system keeps births.
///
/// Rotation by copying and truncating (`copytruncate`) has a window that no reader can close: what the writer writes
/// after the copy was made and before the truncation is in neither file, unless it was read in between. Everything up
/// to the copy is read, from the file or from the copy. The window is the time between the copying program's last read
/// and its truncate(2): microseconds for a quiet file, longer when the file grows while it is copied.
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
    /// Generations whose file is to be found again, by inode.
    var missing: [UInt64: [Missing]] = [:]
    /// Files that were found and may turn out to be copies of others.
    var suspects: [FileKey: Suspect] = [:]
    /// Files by what they were and are called, while suspects are judged.
    var named: [[UInt8]: [Followed<View.File>]] = [:]
    var newest: [String: Generation] = [:]
    /// Files with something to read, in turn.
    var ready = Queue<FileKey>()
    /// Files with a handle, in the order of opening. Some may have been closed since.
    var opened = Queue<FileKey>()
    var openCount = 0
    /// Handles that may be held; fewer than the settings say once the system refused one.
    var mostOpen: Int
    /// The compressed file that is being read: one at a time, since decompressing takes memory.
    var inflating: FileKey?
    var hasPolled = false
    /// When everything was looked at before.
    var lookedAt: Nanoseconds?
    var events: [FollowEvent] = []
    /// What the last poll could not look at.
    var walkProblems: Set<InputError> = []
    var listings: [RawPath: [FolderEntry]] = [:]
    /// By device, while a poll lasts.
    var fileSystems: [UInt64: FileSystemID] = [:]
    /// Generations of renamed files by source, while files are settled.
    var rotated: [String: [Generation]]?
    /// Whether the last poll looked at everything.
    package private(set) var lookedAtAll = false
    var pace: LookingPace?
    /// Why changes are not told of all folders.
    var coverGap: InputError?
    /// The files by their paths, with links and without.
    var places: [RawPath: FileKey] = [:]

    /// `checkpoints` are those of all generations that did not end; `lastRun` the time of the last poll before them,
    /// nil if there was none. With `changes`, a poll looks only at what changed, and at everything now and then, by `time`.
    package init(
        _ view: View, settings: FollowSettings, checkpoints: [FileCheckpoint] = [], lastRun: Nanoseconds? = nil,
        changes: (any ChangeSource)? = nil, time: @escaping @Sendable () -> LookingTime = LookingTime.now
    ) {
        precondition(settings.pieceBytes > 0 && settings.mostOpenFiles > 0, "following takes a buffer and a descriptor")
        self.view = view
        self.settings = settings
        self.lastRun = lastRun
        lookedAt = lastRun
        mostOpen = settings.mostOpenFiles
        pace = changes.map { LookingPace($0, clock: time) }
        for checkpoint in checkpoints {
            let path = RawPath(source: checkpoint.source)
            let group = settings.groups.firstIndex { $0.selection.contains(path) }
            noteGeneration(checkpoint.generation, of: checkpoint.source)
            miss(Missing(checkpoint, end: .gone, group: group))
        }
    }

    /// How far everything has been read. Costs little beside what it shows, at most `most` files.
    package func progress(atMost most: Int) -> FollowedProgress {
        var progress = FollowedProgress()
        var late: [FollowedProgress.File] = []
        for file in order {
            let seen = FollowedProgress.File(
                source: file.source, position: file.position, size: file.isExhausted ? file.position : file.size)
            progress.files += 1
            progress.behind += seen.behind
            if seen.behind > 0 { late.append(seen) } else if progress.shown.count < most { progress.shown.append(seen) }
        }
        if late.count > most { late.sort { ($0.behind, $1.source) > ($1.behind, $0.source) } }
        progress.shown = Array((late + progress.shown).prefix(most))
        return progress
    }

    /// Looks at everything once, or at what changed. `now` never matters but in comparison with earlier ones, in the
    /// names of generations and for `ignoreOlder`.
    package mutating func poll(now: Nanoseconds) -> [FollowEvent] {
        let changed = changedFiles()
        if let changed {
            for key in changed { glance(at: key, now: now) }
        } else {
            pace?.willLook()
            lookAtAll(now: now)
            pace?.hasLooked()
        }
        lookedAtAll = changed == nil
        defer {
            events.removeAll()
            // By the next poll it is no longer true.
            listings.removeAll()
            fileSystems.removeAll()
            rotated = nil
            if suspects.isEmpty { suspects = [:] }
        }
        return events
    }

    /// Whether a poll finds all that was written before it, though it does not look at everything.
    package var isTold: Bool { pace?.isCovered ?? false }

    /// Files that were written; nil when everything is to be looked at.
    private mutating func changedFiles() -> Set<FileKey>? {
        guard let changes = pace?.takeChanges() else { return nil }
        var written: Set<FileKey> = []
        for change in changes {
            let key = places[change.path]
            switch change.kind {
            case .content: if let key { written.insert(key) }
            case .folder: pace?.isAllDue = true
            case .folderName:
                if settings.groups.contains(where: { $0.selection.reaches(change.path) }) { pace?.isAllDue = true }
            case .name: if key != nil || isSelected(change.path) { pace?.isAllDue = true }
            }
        }
        return pace?.isDue == true ? nil : written
    }

    private mutating func lookAtAll(now: Nanoseconds) {
        let sightings = look()
        let ordered = sightings.values.sorted { $0.order < $1.order }
        var unknown: [Sighting] = []
        for sighting in ordered where !recognise(sighting, now: now) { unknown.append(sighting) }
        for file in order where sightings[file.key] == nil { lookElsewhere(for: file, now: now) }
        findMissing(now: now)
        for file in order where files[file.key] === file { settle(file, now: now) }
        judgeSuspects(unknown, sightings, now: now)
        if files.count < order.count || order.contains(where: { files[$0.key] !== $0 }) {
            order.removeAll { files[$0.key] !== $0 }
        }
        hasPolled = true
        lookedAt = now
    }

    /// A look at one file that was written.
    private mutating func glance(at key: FileKey, now: Nanoseconds) {
        guard let file = files[key] else { return }
        do throws(InputError) {
            guard let status = try status(of: file), status.key == key else {
                pace?.isAllDue = true
                return
            }
            file.observe(status, now: now)
            settle(file, now: now)
        } catch {
            report(error, of: file)
        }
    }

    private func status(of file: Followed<View.File>) throws(InputError) -> FileStatus? {
        if let handle = file.handle { return try handle.status() }
        return try view.status(of: file.path)
    }

    private func isSelected(_ path: RawPath) -> Bool { settings.groups.contains { $0.selection.contains(path) } }

    mutating func noteGeneration(_ generation: Generation, of source: String) {
        newest[source] = max(generation, newest[source] ?? generation)
        guard newest.count > 2 * max(files.count, 50_000) else { return }
        // Births alone keep the order of sources that have not been there for long.
        let present = Set(order.map(\.source))
        newest = newest.filter { present.contains($0.key) || $0.key == source }
    }

    mutating func follow(_ file: Followed<View.File>, isContinued: Bool = false) {
        files[file.key] = file
        order.append(file)
        suspects[file.key] = nil
        noteGeneration(file.generation, of: file.source)
        rememberPlace(of: file)
        if openCount < mostOpen, handle(of: file) != nil {
            learn(file)
            // Before others are judged by what they share with it.
            if !file.unchecked.isEmpty || (file.position == 0 && file.head != nil && !file.isHeadSeen) { check(file) }
        }
        events.append(isContinued ? .continued(file.checkpoint) : .opened(file.checkpoint, group: file.group))
    }

    mutating func drop(_ file: Followed<View.File>, _ end: FollowEvent.End, now: Nanoseconds) {
        forget(file)
        guard !passOn(file, now: now) else { return }
        events.append(.ended(file.checkpoint, end))
    }

    mutating func forget(_ file: Followed<View.File>) {
        close(file)
        if inflating == file.key { inflating = nil }
        files[file.key] = nil
        if places[file.path] == file.key { places[file.path] = nil }
        if let real = file.realPath, places[real] == file.key { places[real] = nil }
    }

    mutating func move(_ file: Followed<View.File>, to path: RawPath, now: Nanoseconds) {
        guard file.path != path else { return }
        file.renamed = now
        if places[file.path] == file.key { places[file.path] = nil }
        file.path = path
        rememberPlace(of: file)
    }

    private mutating func rememberPlace(of file: Followed<View.File>) {
        let real = view.resolve(file.path)
        file.realPath = real == file.path ? nil : real
        places[file.path] = file.key
        if let real { places[real] = file.key }
    }

    mutating func enqueue(_ file: Followed<View.File>) {
        guard !file.isQueued else { return }
        file.isQueued = true
        ready.append(file.key)
    }
}
