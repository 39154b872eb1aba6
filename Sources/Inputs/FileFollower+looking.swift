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
        for (index, group) in settings.groups.enumerated() {
            let found = FolderWalk.find(group.selection, in: view, limits: settings.walk)
            problems.formUnion(found.problems)
            for file in found.files where sightings[file.status.key] == nil {
                sightings[file.status.key] = Sighting(
                    path: file.path, status: file.status, group: index, order: sightings.count)
            }
        }
        for problem in problems.subtracting(walkProblems).sorted(by: { $0.path < $1.path }) {
            events.append(.problem(problem))
        }
        walkProblems = problems
        return sightings
    }

    mutating func note(_ sighting: Sighting, now: Nanoseconds) {
        if let file = files[sighting.status.key] {
            file.path = sighting.path
            file.place = .selected
            file.observe(sighting.status, now: now)
        } else if let checkpoint = takeCheckpoint(at: sighting.path, sighting.status) {
            adopt(checkpoint, at: sighting.path, sighting.status, group: sighting.group, .selected, now: now)
        } else {
            discover(sighting, now: now)
        }
    }

    private mutating func discover(_ sighting: Sighting, now: Nanoseconds) {
        let group = settings.groups[sighting.group]
        if let age = group.ignoreOlder, now - sighting.status.modified > age { return }
        let identity = identity(at: sighting.path, sighting.status)
        let source = sighting.path.description
        let generation = identity.generation(firstSight: sighting.status.modified, after: newest[source])
        let isAtEnd = group.start == .end && wasThereBefore(sighting.status)
        let checkpoint = FileCheckpoint(
            source: source, generation: generation, identity: identity, position: isAtEnd ? sighting.status.size : 0)
        follow(Followed(checkpoint, group: sighting.group, path: sighting.path, status: sighting.status, now: now))
    }

    /// Whether a file that is seen for the first time is older than following: there at the very first look, or born
    /// before the last run ended and yet unknown to it.
    private func wasThereBefore(_ status: FileStatus) -> Bool {
        guard !hasPolled else { return false }
        guard let lastRun, let birth = status.key.birth else { return true }
        return birth <= lastRun
    }

    private func identity(at path: RawPath, _ status: FileStatus) -> FileIdentity {
        FileIdentity(
            machine: settings.machine, fileSystem: view.fileSystem(of: path, device: status.key.device),
            inode: status.key.inode, birth: status.key.birth)
    }

    // MARK: After a restart

    /// The checkpoint of the file at `path`, taken from those that are still to be found. Generations of the same file
    /// that ended before are reported.
    private mutating func takeCheckpoint(at path: RawPath, _ status: FileStatus) -> FileCheckpoint? {
        guard checkpoints.contains(where: { $0.identity.inode == status.key.inode }) else { return nil }
        let identity = identity(at: path, status)
        let same = checkpoints.filter { $0.identity.isSameFile(as: identity) }
        guard let newest = same.first else { return nil }
        checkpoints.removeAll { $0.identity.isSameFile(as: identity) }
        for older in same.dropFirst() {
            events.append(.lost(older, bytes: nil, reason: "truncated before all that was read of it was stored"))
            events.append(.ended(older, .truncated))
        }
        return newest
    }

    private mutating func adopt(
        _ checkpoint: FileCheckpoint, at path: RawPath, _ status: FileStatus, group: Int,
        _ place: Followed<View.File>.Place, now: Nanoseconds
    ) {
        let file = Followed<View.File>(checkpoint, group: group, path: path, status: status, now: now)
        file.place = place
        follow(file)
    }

    /// Looks for files of checkpoints that no pattern leads to: under another name in the folder where they were. A
    /// folder that cannot be read is tried again at the next poll.
    mutating func findMoved(now: Nanoseconds) {
        let missing = checkpoints
        checkpoints.removeAll()
        for checkpoint in missing {
            let path = RawPath(source: checkpoint.source)
            guard let group = settings.groups.firstIndex(where: { $0.selection.contains(path) }) else {
                events.append(.ended(checkpoint, .unselected))
                continue
            }
            do throws(InputError) {
                if let (path, status) = try locate(checkpoint.identity, near: path) {
                    adopt(checkpoint, at: path, status, group: group, .moved(now), now: now)
                } else {
                    let reason = "not found again: deleted or moved to another folder while nothing followed it"
                    events.append(.lost(checkpoint, bytes: nil, reason: reason))
                    events.append(.ended(checkpoint, .gone))
                }
            } catch {
                checkpoints.append(checkpoint)
            }
        }
    }

    // MARK: Files that no pattern leads to any more

    mutating func lookElsewhere(for file: Followed<View.File>, now: Nanoseconds) {
        do throws(InputError) {
            if let status = try view.status(of: file.path), status.key == file.key {
                // Still there: its folder could not be listed, or it was found moved before.
                return file.observe(status, now: now)
            }
            if let handle = file.handle { return try observeNameless(file, handle, now: now) }
            guard let (path, status) = try locate(file.identity, near: file.path) else { return giveUp(file) }
            file.path = path
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
        case .selected, .moved: file.place = status.links == 0 ? .deleted(now) : .moved(now)
        }
    }

    private mutating func giveUp(_ file: Followed<View.File>) {
        if file.size > file.position {
            events.append(
                .lost(
                    file.checkpoint, bytes: file.size - file.position, reason: "deleted before it was read to its end"))
        }
        drop(file, .deleted)
    }

    /// The path and status of a file by its identity, in the folder of `path` and in that where `path` leads as a link.
    mutating func locate(
        _ identity: FileIdentity, near path: RawPath
    ) throws(InputError) -> (RawPath, FileStatus)? {
        var folders = [path.folder]
        if let resolved = view.resolve(path)?.folder, resolved != path.folder { folders.append(resolved) }
        for folder in folders {
            for name in try listing(of: folder)[identity.inode] ?? [] {
                let candidate = folder.appending(name)
                guard let status = try view.status(of: candidate), status.kind == .file else { continue }
                if self.identity(at: candidate, status).isSameFile(as: identity) { return (candidate, status) }
            }
        }
        return nil
    }

    /// The names in a folder by inode, read at most once a poll. Nothing where there is no folder any more.
    private mutating func listing(of folder: RawPath) throws(InputError) -> [UInt64: [[UInt8]]] {
        if let known = listings[folder] { return known }
        var names: [UInt64: [[UInt8]]] = [:]
        do throws(InputError) {
            for entry in try view.entries(of: folder) { names[entry.inode, default: []].append(entry.name) }
        } catch {
            guard error.kind == .missing else { throw error }
        }
        listings[folder] = names
        return names
    }
}
