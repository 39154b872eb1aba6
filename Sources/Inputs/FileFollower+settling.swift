import ArchiveTypes

/// Deciding what a look at a file means: another generation, the end, or something to read.
extension FileFollower {
    mutating func settle(_ file: Followed<View.File>, now: Nanoseconds) {
        // Who it is has to be clear before others are judged by their names, and before a checkpoint says who it was.
        if file.needsCheck { check(file) }
        file.hasShrunk = false
        if file.isRewritten || file.isCutShort { restart(file, now: now) }
        guard files[file.key] === file else { return }
        if !file.needsCheck, let bytes = file.cutOff {
            file.cutOff = nil
            events.append(.lost(file.checkpoint, bytes: bytes, reason: "truncated before it was read to its end"))
        }
        // A file that was modified since it was read may have been written anew: not done before that is clear.
        let isDone = !file.hasMore && !file.needsCheck
        switch file.place {
        case .selected:
            let isRotated = file.path.description != file.source
            if isRotated || file.isExhausted, isDone, file.isQuiet(for: settings.rotatedGrace, now: now) { close(file) }
        case .moved(let since):
            if isOver(settings.rotatedGrace, since, file, now), isDone || file.problem != nil {
                guard isRemembered(file) else { return release(file, .rotated, now: now) }
                close(file)
            }
        case .deleted(let since):
            if isOver(settings.deletedGrace, since, file, now), isDone || file.problem != nil, !isSuspected(file) {
                return release(file, .deleted, now: now)
            }
        }
        file.isTailDue = file.isQuiet(for: patience(for: file), now: now)
        let isSettled = !file.isCompressed || file.isQuiet(for: settings.compressedQuiet, now: now)
        if file.hasMore && (!file.isDrained || file.isTailDue) && isSettled || file.needsCheck { enqueue(file) }
    }

    /// Finds out now whether a plain file still holds what was read of it.
    mutating func check(_ file: Followed<View.File>) {
        guard let handle = file.handle, !file.isCompressed, !file.isExhausted, !file.isCutShort else { return }
        do throws(InputError) {
            if file.compression == nil, try handle.compression(named: file.path) != .none { return }
            if try !isIntact(file, handle) { file.isRewritten = true }
        } catch {
            // The next read meets the same and reports it.
            return
        }
    }

    /// Lets go of a file that is read to its end, or that cannot be read and will not be found again.
    private mutating func release(_ file: Followed<View.File>, _ end: FollowEvent.End, now: Nanoseconds) {
        if let problem = file.problem, file.hasMore {
            events.append(.lost(file.checkpoint, bytes: file.unread, reason: problem.reason))
        }
        drop(file, end, now: now)
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

    /// Whether the file is one of the last of its stream that were renamed, or would be selected once it is compressed.
    private mutating func isRemembered(_ file: Followed<View.File>) -> Bool {
        if file.problem != nil { return false }
        let younger = renamed()[file.source, default: []].count { $0 > file.generation }
        return younger < settings.rotatedKept || mayReappear(file)
    }

    private mutating func renamed() -> [String: [Generation]] {
        if let rotated { return rotated }
        var found: [String: [Generation]] = [:]
        for file in order where files[file.key] === file {
            if case .moved = file.place { found[file.source, default: []].append(file.generation) }
        }
        rotated = found
        return found
    }

    private func mayReappear(_ file: Followed<View.File>) -> Bool {
        let selection = settings.groups[file.group].selection
        return Compression.allCases.contains { kind in
            kind != .none && selection.contains(RawPath(bytes: file.path.bytes + Array(kind.ending.utf8)))
        }
    }

    /// The file holds something else than what was read of it. Without births this may be another file altogether,
    /// which then begins where it lies now.
    private mutating func restart(_ file: Followed<View.File>, now: Nanoseconds) {
        let before = file.checkpoint
        let copy = continuation(of: before, near: [file.lastPath], head: file.headBytes)
        // What was copied since is of lives that nobody saw, unless it may be of this one.
        if let born = copy?.status.key.birth ?? (file.isHeadSeen ? before.generation.born : nil) {
            // A file that was renamed since was copied under its own name.
            let path = file.place == .selected ? file.path : RawPath(source: file.source)
            suspectRotated(of: path, file.source, group: file.group, bornAfter: born, before: now, now: now)
        }
        if let copy {
            resume(before, at: copy, group: file.group, now: now)
        } else {
            reportCutOff(file, before)
            events.append(.ended(before, .truncated))
        }
        file.cutOff = nil
        guard !file.isOtherFile || file.path.description == file.source else {
            forget(file)
            pace?.isAllDue = true
            return
        }
        file.isOtherFile = false
        file.restart(
            as: file.identity.generation(truncatedAt: now, lookedAt: lookedAt, after: newest[file.source]))
        noteGeneration(file.generation, of: file.source)
        learn(file)
        events.append(.opened(file.checkpoint, group: file.group))
    }

    private mutating func reportCutOff(_ file: Followed<View.File>, _ before: FileCheckpoint) {
        if let bytes = file.cutOff {
            events.append(.lost(before, bytes: bytes, reason: "truncated before it was read to its end"))
        } else if file.isRewritten {
            events.append(
                .lost(before, bytes: nil, reason: "written anew in place: what came after may not have been read"))
        }
    }
}
