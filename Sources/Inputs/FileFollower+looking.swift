import ArchiveTypes

/// Finding files, and finding them again.
extension FileFollower {
    struct Sighting {
        var path: RawPath
        var status: FileStatus
        var group: Int
        /// Among all that were seen at once.
        var order: Int
    }

    /// Everything that the patterns lead to, each file once: by its first path in its first group.
    mutating func look() -> [FileKey: Sighting] {
        var sightings: [FileKey: Sighting] = [:]
        var problems: Set<InputError> = []
        var folders: [RawPath: FolderInterest] = [:]
        for (index, group) in settings.groups.enumerated() {
            let found = FolderWalk.find(group.selection, in: view, limits: settings.walk)
            problems.formUnion(found.problems)
            folders.merge(found.folders, uniquingKeysWith: max)
            for file in found.files where sightings[file.status.key] == nil {
                sightings[file.status.key] = Sighting(
                    path: file.path, status: file.status, group: index, order: sightings.count)
                if file.isLinked, pace != nil, let real = view.resolve(file.path) { folders[real.folder] = .contents }
            }
        }
        if pace != nil { cover(folders) }
        for problem in problems.subtracting(walkProblems).sorted(by: { $0.path < $1.path }) {
            events.append(.problem(problem))
        }
        walkProblems = problems
        return sightings
    }

    private mutating func cover(_ folders: [RawPath: FolderInterest]) {
        let gap = pace?.cover(folders)
        if let gap, gap != coverGap { events.append(.problem(gap)) }
        coverGap = gap
    }

    /// Whether the file is followed, or is one that a checkpoint means.
    mutating func recognise(_ sighting: Sighting, now: Nanoseconds) -> Bool {
        if let file = files[sighting.status.key] {
            move(file, to: sighting.path, now: now)
            file.place = .selected
            file.observe(sighting.status, now: now)
        } else if let checkpoint = takeCheckpoint(at: sighting.path, sighting.status) {
            adopt(checkpoint, at: sighting.path, sighting.status, group: sighting.group, .selected, now: now)
        } else {
            return false
        }
        return true
    }

    /// Begins to follow a file as a generation of `source`.
    mutating func discover(
        _ sighting: Sighting, source: String, _ place: Followed<View.File>.Place, now: Nanoseconds
    ) {
        let group = settings.groups[sighting.group]
        if let age = group.ignoreOlder, now - sighting.status.modified > age { return }
        let identity = identity(at: sighting.path, sighting.status)
        let previous = newest[source]
        let generation = identity.generation(firstSight: sighting.status.modified, after: previous)
        let isAtEnd = group.start == .end && wasThereBefore(sighting.status)
        let checkpoint = FileCheckpoint(
            source: source, generation: generation, identity: identity, position: isAtEnd ? sighting.status.size : 0)
        adopt(checkpoint, at: sighting.path, sighting.status, group: sighting.group, place, now: now)
        if !isAtEnd { files[sighting.status.key]?.previous = previous }
    }

    /// Whether a file that is seen for the first time is older than following: there at the very first look, or born
    /// before the last run ended and yet unknown to it.
    private func wasThereBefore(_ status: FileStatus) -> Bool {
        guard !hasPolled else { return false }
        guard let lastRun, let birth = status.key.birth else { return true }
        return birth <= lastRun
    }

    mutating func identity(at path: RawPath, _ status: FileStatus) -> FileIdentity {
        let device = status.key.device
        let fileSystem = fileSystems[device] ?? view.fileSystem(of: path, device: device)
        fileSystems[device] = fileSystem
        return FileIdentity(
            machine: settings.machine, fileSystem: fileSystem, inode: status.key.inode, birth: status.key.birth)
    }

    mutating func adopt(
        _ checkpoint: FileCheckpoint, at path: RawPath, _ status: FileStatus, group: Int,
        _ place: Followed<View.File>.Place, now: Nanoseconds, isContinued: Bool = false
    ) {
        let file = Followed<View.File>(checkpoint, group: group, path: path, status: status, now: now)
        file.place = place
        follow(file, isContinued: isContinued)
    }

    // MARK: Files that no pattern leads to any more

    mutating func lookElsewhere(for file: Followed<View.File>, now: Nanoseconds) {
        do throws(InputError) {
            if let status = try view.status(of: file.path), status.key == file.key {
                // Still there: its folder could not be listed, or it was found moved before.
                return file.observe(status, now: now)
            }
            if let handle = file.handle {
                try observeNameless(file, handle, now: now)
                if file.place != .deleted(now), let (path, _) = try locate(file.identity, near: [file.lastPath]) {
                    move(file, to: path, now: now)
                }
                return
            }
            guard let (path, status) = try locate(file.identity, near: [file.path, file.lastPath]) else {
                return giveUp(file)
            }
            move(file, to: path, now: now)
            if file.place == .selected { file.place = .moved(now) }
            file.observe(status, now: now)
        } catch {
            report(error, of: file)
        }
    }

    private mutating func observeNameless(
        _ file: Followed<View.File>, _ handle: View.File, now: Nanoseconds
    ) throws(InputError) {
        let status = try handle.status()
        file.observe(status, now: now)
        switch file.place {
        case .deleted: break
        case .moved where status.links > 0: break
        case .selected, .moved:
            file.place = status.links == 0 ? .deleted(now) : .moved(now)
            file.renamed = now
        }
    }

    /// The file is gone, but its content may lie elsewhere.
    private mutating func giveUp(_ file: Followed<View.File>) {
        var lost = Missing(file.checkpoint, end: .deleted, group: file.group)
        lost.unread = file.unread
        forget(file)
        miss(lost)
    }

    /// The path and status of a file by its identity, in the folders of `paths` and in those where they lead as links.
    mutating func locate(
        _ identity: FileIdentity, near paths: [RawPath]
    ) throws(InputError) -> (RawPath, FileStatus)? {
        for folder in folders(near: paths) {
            for entry in try listing(of: folder) where entry.inode == identity.inode {
                let candidate = folder.appending(entry.name)
                guard let status = try view.status(of: candidate), status.kind == .file else { continue }
                if self.identity(at: candidate, status).isSameFile(as: identity) { return (candidate, status) }
            }
        }
        return nil
    }

    func folders(near paths: [RawPath]) -> [RawPath] {
        var folders: [RawPath] = []
        for path in paths {
            for folder in [path.folder, view.resolve(path)?.folder ?? path.folder] where !folders.contains(folder) {
                folders.append(folder)
            }
        }
        return folders
    }

    /// What a folder holds, read at most once a poll. Nothing where there is no folder any more.
    mutating func listing(of folder: RawPath) throws(InputError) -> [FolderEntry] {
        if let known = listings[folder] { return known }
        var entries: [FolderEntry] = []
        do throws(InputError) {
            entries = try view.entries(of: folder)
        } catch {
            guard error.kind == .missing else { throw error }
        }
        listings[folder] = entries
        return entries
    }
}

extension Followed {
    /// Where it was last seen, without links.
    var lastPath: RawPath { realPath ?? path }
}
