import ArchiveTypes

/// Generations that go on in another file: a compressed one, or a copy.
extension FileFollower {
    struct Copy {
        var path: RawPath
        var status: FileStatus
        var compression: Compression
    }

    /// More files of one name than rotation keeps are not looked into.
    private static var mostCandidates: Int { 128 }

    /// The file in which the content of a generation lies now: one that rotation may have named so, made after
    /// the generation's own, whose content is the generation's as far as it is known.
    mutating func continuation(of checkpoint: FileCheckpoint, near paths: [RawPath], head: [UInt8] = []) -> Copy? {
        let names = Set([checkpoint.lastPath, RawPath(source: checkpoint.source)].map { Array($0.name) })
        var candidates: [(path: RawPath, status: FileStatus)] = []
        do throws(InputError) {
            for folder in folders(near: paths + [checkpoint.lastPath]) {
                for entry in try listing(of: folder) where entry.kind != .folder && entry.kind != .other {
                    guard names.contains(where: { RotatedName.matches(entry.name, of: $0) }) else { continue }
                    let path = folder.appending(entry.name)
                    guard let status = try view.status(of: path), status.kind == .file, files[status.key] == nil,
                        isYounger(status, than: checkpoint.identity)
                    else { continue }
                    candidates.append((path, status))
                }
            }
        } catch {
            events.append(.problem(error))
        }
        candidates.sort {
            ($0.status.key.birth ?? 0, $0.status.modified) < ($1.status.key.birth ?? 0, $1.status.modified)
        }
        for candidate in candidates.prefix(Self.mostCandidates) {
            guard
                let compression = isContinuation(
                    of: checkpoint, at: candidate.path, candidate.status, head: head)
            else { continue }
            if checkpoint.marks.isEmpty, compression != .none, isOthers(candidate.path, candidate.status) { continue }
            return Copy(path: candidate.path, status: candidate.status, compression: compression)
        }
        return nil
    }

    /// Whether a compressed file holds what is known of some other generation, or is still being made of a file that is there.
    mutating func isOthers(_ path: RawPath, _ status: FileStatus) -> Bool {
        let stem = path.withoutCompression
        do throws(InputError) {
            if try listing(of: stem.folder).contains(where: { $0.name.elementsEqual(stem.name) }) { return true }
        } catch {
            return true
        }
        let followed = order.lazy.filter { [files] in files[$0.key] === $0 }.map(\.checkpoint)
        for other in Array(followed) + missing.values.joined().map(\.checkpoint)
        where mayBe(path, of: other) && isYounger(status, than: other.identity) {
            if isContinuation(of: other, at: path, status) != nil { return true }
        }
        return false
    }

    /// Whether rotation may have given this name to content of which something is known.
    func mayBe(_ path: RawPath, of checkpoint: FileCheckpoint) -> Bool {
        !checkpoint.marks.isEmpty
            && (RotatedName.matches(path.name, of: checkpoint.lastPath.name)
                || RotatedName.matches(path.name, of: RawPath(source: checkpoint.source).name))
    }

    private func isYounger(_ status: FileStatus, than identity: FileIdentity) -> Bool {
        guard let birth = status.key.birth, let other = identity.birth else { return true }
        return birth >= other
    }

    /// How the file is compressed, if it holds the generation as far as it was read, or as far as it reaches. Nil where
    /// it does not, or cannot be read.
    /// - Parameter head: the bytes that the checkpoint's mark is of, where they are known.
    func isContinuation(
        of checkpoint: FileCheckpoint, at path: RawPath, _ status: FileStatus, head: [UInt8] = []
    ) -> Compression? {
        do throws(InputError) {
            let handle = try view.open(path)
            guard try handle.status().key == status.key else { return nil }
            let compression = try handle.compression(named: path)
            // Of a generation that nothing is known of, nothing was read: any content of it is as good.
            guard !checkpoint.marks.isEmpty else {
                return checkpoint.position == 0 && status.size > 0 ? compression : nil
            }
            guard compression != .none else {
                guard status.size >= checkpoint.head?.end ?? UInt64(ContentMark.headBytes) else {
                    guard status.size > 0, status.size < UInt64(head.count) else { return nil }
                    return try handle.bytes(at: 0, count: Int(status.size)).elementsEqual(head[..<Int(status.size)])
                        ? compression : nil
                }
                return try handle.holds(checkpoint.marks, upTo: status.size) ? compression : nil
            }
            let source = try compression.decompress(
                OpenFileSource(handle, name: path.description), limits: settings.decompression)
            let end = max(checkpoint.position, checkpoint.marks.map(\.end).max() ?? 0)
            var check = MarkCheck(checkpoint.marks, upTo: end)
            return try check.skim(source, to: end) ? compression : nil
        } catch {
            return nil
        }
    }

    /// Goes on with a generation in the file that holds its content now.
    mutating func resume(_ checkpoint: FileCheckpoint, at copy: Copy, group: Int, now: Nanoseconds) {
        var continued = checkpoint
        continued.identity = identity(at: copy.path, copy.status)
        continued.isCompressed = copy.compression != .none
        continued.path = nil
        if copy.compression == .none, let head = checkpoint.head, head.end > copy.status.size { continued.head = nil }
        // A copy that ends before the position holds nothing new.
        let isShort = copy.compression == .none && copy.status.size < checkpoint.position
        continued.exhaustedAt = isShort ? copy.status.size : nil
        adopt(
            continued, at: copy.path, copy.status, group: group, .moved(now), now: now, isContinued: true)
        if let file = files[copy.status.key], isShort { file.needsCheck = false }
    }

    /// Gives the generation of a file that ends to the compressed copy that patterns select, so that this is no new one.
    mutating func passOn(_ file: Followed<View.File>, now: Nanoseconds) -> Bool {
        guard let suspect = suspects.values.first(where: { $0.copyOf == file.key && $0.isSelected }) else {
            return false
        }
        let compression: Compression
        do throws(InputError) {
            compression = try view.open(suspect.path).compression(named: suspect.path)
        } catch {
            return false
        }
        resume(
            file.checkpoint, at: Copy(path: suspect.path, status: suspect.status, compression: compression),
            group: file.group, now: now)
        files[suspect.status.key]?.place = .selected
        return true
    }
}
