import ArchiveTypes

/// A generation whose file is to be found again, or its content elsewhere.
struct Missing {
    var checkpoint: FileCheckpoint
    /// How it ends if it is not found.
    var end: FollowEvent.End
    /// The group that selects its source; nil where none does any more.
    var group: Int?
    /// Bytes that are known to be unread.
    var unread: UInt64?
    /// Its file holds another generation now: only its content can be found.
    var isReplaced = false
    /// When it was first looked for.
    var since: Nanoseconds?

    init(_ checkpoint: FileCheckpoint, end: FollowEvent.End, group: Int?) {
        self.checkpoint = checkpoint
        self.end = end
        self.group = group
    }
}

extension FileFollower {
    mutating func miss(_ missed: Missing) { missing[missed.checkpoint.identity.inode, default: []].append(missed) }

    /// The checkpoint of the file at `path`, taken from those that are still to be found. Older generations of the same
    /// file were truncated: their content may lie in a copy.
    mutating func takeCheckpoint(at path: RawPath, _ status: FileStatus) -> FileCheckpoint? {
        guard var candidates = missing[status.key.inode] else { return nil }
        let identity = identity(at: path, status)
        func isIt(_ missed: Missing) -> Bool {
            !missed.isReplaced && missed.checkpoint.identity.isSameFile(as: identity)
        }
        let found = candidates.indices.filter { isIt(candidates[$0]) }
        guard
            let newest = found.max(by: { candidates[$0].checkpoint.generation < candidates[$1].checkpoint.generation })
        else { return nil }
        for index in found where index != newest {
            candidates[index].isReplaced = true
            candidates[index].end = .truncated
        }
        guard isConfirmed(candidates[newest].checkpoint, at: path, status) else {
            candidates[newest].isReplaced = true
            missing[status.key.inode] = candidates
            return nil
        }
        let checkpoint = candidates.remove(at: newest).checkpoint
        missing[status.key.inode] = candidates.isEmpty ? nil : candidates
        return checkpoint
    }

    /// Without births, the number of an inode says little: the content has to be the one that was read, or at least not
    /// another's.
    private mutating func isConfirmed(_ checkpoint: FileCheckpoint, at path: RawPath, _ status: FileStatus) -> Bool {
        guard checkpoint.identity.birth == nil else { return true }
        if checkpoint.marks.isEmpty {
            return path == checkpoint.lastPath || path.withoutCompression == path || !isOthers(path, status)
        }
        return isContinuation(of: checkpoint, at: path, status) != nil
    }

    /// Looks for what is missing: under another name in the folder where it was, then by content. What is not found for
    /// a while is given up: its compressed form may not be complete yet. A folder that cannot be read is tried again.
    mutating func findMissing(now: Nanoseconds) {
        let all = missing.values.flatMap { $0 }.sorted { $0.checkpoint.generation < $1.checkpoint.generation }
        missing.removeAll()
        var unfound: [(Missing, Int)] = []
        for missed in all {
            guard let group = missed.group else {
                events.append(.ended(missed.checkpoint, .unselected))
                continue
            }
            do throws(InputError) {
                if try !findRenamed(missed, group: group, now: now) { unfound.append((missed, group)) }
            } catch {
                miss(missed)
            }
        }
        // Only then by content: what is left over is nobody else's. Those of which nothing is known take what is left.
        for (missed, group) in unfound where !missed.checkpoint.marks.isEmpty {
            findContent(of: missed, group: group, now: now)
        }
        for (missed, group) in unfound where missed.checkpoint.marks.isEmpty {
            findContent(of: missed, group: group, now: now)
        }
    }

    private mutating func findRenamed(_ missed: Missing, group: Int, now: Nanoseconds) throws(InputError) -> Bool {
        let checkpoint = missed.checkpoint
        let paths = [RawPath(source: checkpoint.source), checkpoint.lastPath]
        guard !missed.isReplaced, let (path, status) = try locate(checkpoint.identity, near: paths),
            files[status.key] == nil, isConfirmed(checkpoint, at: path, status)
        else { return false }
        adopt(checkpoint, at: path, status, group: group, .moved(now), now: now)
        return true
    }

    private mutating func findContent(of missed: Missing, group: Int, now: Nanoseconds) {
        var missed = missed
        let since = missed.since ?? now
        let isLastTry = now - since >= settings.deletedGrace
        if missed.since == nil || isLastTry {
            let checkpoint = missed.checkpoint
            let paths = [RawPath(source: checkpoint.source), checkpoint.lastPath]
            if let copy = continuation(of: checkpoint, near: paths) {
                return resume(checkpoint, at: copy, group: group, now: now)
            }
        }
        missed.since = since
        if isLastTry { giveUp(missed) } else { miss(missed) }
    }

    private mutating func giveUp(_ missed: Missing) {
        let reason =
            switch missed.end {
            case .deleted: "deleted before it was read to its end"
            case .truncated: "truncated before all that was read of it was stored"
            default: "not found again: deleted or moved to another folder while nothing followed it"
            }
        if missed.end != .deleted || missed.unread != 0 {
            events.append(.lost(missed.checkpoint, bytes: missed.unread, reason: reason))
        }
        events.append(.ended(missed.checkpoint, missed.end))
    }
}
