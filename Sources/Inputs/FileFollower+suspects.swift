import ArchiveTypes

/// A file that was found and is not followed yet: it may hold what is followed already.
struct Suspect {
    var path: RawPath
    var status: FileStatus
    var group: Int
    /// The stream that it belongs to if it is followed.
    var source: String
    /// Where a pattern leads, at the last look.
    var isSelected: Bool
    var order: Int
    /// When it was last seen to change.
    var changed: Nanoseconds
    /// The followed file that it holds the content of, as it is now.
    var copyOf: FileKey?
    /// How far that one had been read when this was found out.
    var copiedAt: UInt64 = 0
}

extension Suspect {
    /// Generations of a stream get their names in the order of their births.
    fileprivate static func isEarlier(_ left: Suspect, _ right: Suspect) -> Bool {
        let first = left.status.key.birth ?? left.status.modified
        let second = right.status.key.birth ?? right.status.modified
        return left.source == right.source && first != second ? first < second : left.order < right.order
    }

    var isNamedCompressed: Bool { Compression.endingLength(of: path.name) > 0 }
}

extension Followed {
    /// What the file was and is called, without folders.
    fileprivate var names: Set<[UInt8]> {
        Set([path, lastPath, RawPath(source: source)].map { Array($0.name) })
    }
}

extension FileFollower {
    private enum Verdict {
        case wait
        case own
        case copy(of: FileKey)
    }

    /// Files that patterns lead to and nobody knows, files that rotation took away before they were seen, and those of
    /// earlier polls: each is followed, or waits until it is clear whether it holds anything new.
    mutating func judgeSuspects(
        _ unknown: [Sighting], _ sightings: [FileKey: Sighting], now: Nanoseconds
    ) {
        refreshSuspects(sightings, now: now)
        for sighting in unknown where files[sighting.status.key] == nil {
            suspect(
                sighting, source: suspects[sighting.status.key]?.source ?? sighting.path.description, isSelected: true,
                now: now)
        }
        for sighting in unknown where files[sighting.status.key] == nil { missedBefore(sighting, now: now) }
        let waiting = suspects.values.sorted(by: Suspect.isEarlier)
        for suspect in waiting where files[suspect.status.key] == nil && !suspect.isNamedCompressed {
            decide(suspect, now: now)
        }
        guard waiting.contains(where: \.isNamedCompressed) else { return }
        named = Dictionary(grouping: order.flatMap { file in file.names.map { ($0, file) } }, by: \.0).mapValues {
            $0.map(\.1)
        }
        defer { named = [:] }
        for suspect in waiting where files[suspect.status.key] == nil && suspect.isNamedCompressed {
            decide(suspect, now: now)
        }
    }

    private mutating func suspect(_ sighting: Sighting, source: String, isSelected: Bool, now: Nanoseconds) {
        let key = sighting.status.key
        var suspect =
            suspects[key]
            ?? Suspect(
                path: sighting.path, status: sighting.status, group: sighting.group, source: source,
                isSelected: isSelected, order: sighting.order, changed: now)
        if suspect.status.size != sighting.status.size || suspect.status.modified != sighting.status.modified {
            suspect.changed = now
            suspect.copyOf = nil
        }
        suspect.path = sighting.path
        suspect.status = sighting.status
        suspect.isSelected = isSelected
        suspects[key] = suspect
    }

    /// Looks at suspects that no pattern leads to; forgets those that are gone.
    private mutating func refreshSuspects(_ sightings: [FileKey: Sighting], now: Nanoseconds) {
        for (key, suspect) in suspects where sightings[key] == nil {
            suspects[key]?.isSelected = false
            do throws(InputError) {
                let identity = identity(at: suspect.path, suspect.status)
                guard let (path, status) = try locate(identity, near: [suspect.path]) else {
                    suspects[key] = nil
                    continue
                }
                let sighting = Sighting(path: path, status: status, group: suspect.group, order: suspect.order)
                self.suspect(sighting, source: suspect.source, isSelected: false, now: now)
            } catch {
                continue
            }
        }
    }

    /// A stream's path leads to a file that nobody knows: rotation may have taken others away since the last look,
    /// which were born between the last generation and this one.
    private mutating func missedBefore(_ sighting: Sighting, now: Nanoseconds) {
        let source = sighting.path.description
        guard let last = newest[source]?.born, let birth = sighting.status.key.birth else { return }
        suspectRotated(of: sighting.path, source, group: sighting.group, bornAfter: last, before: birth, now: now)
    }

    mutating func suspectRotated(
        of path: RawPath, _ source: String, group: Int, bornAfter: Nanoseconds, before: Nanoseconds, now: Nanoseconds
    ) {
        let real = view.resolve(path) ?? path
        do throws(InputError) {
            for entry in try listing(of: real.folder) where entry.kind != .folder && entry.kind != .other {
                guard RotatedName.matches(entry.name, of: real.name) else { continue }
                let path = real.folder.appending(entry.name)
                guard let status = try view.status(of: path), status.kind == .file, files[status.key] == nil,
                    let birth = status.key.birth, birth > bornAfter,
                    Compression.endingLength(of: entry.name) == 0
                        ? birth < before : isNewlyCompressed(entry.name, status)
                else { continue }
                let isSelected = suspects[status.key]?.isSelected ?? false
                suspects[status.key]?.source = source
                let sighting = Sighting(path: path, status: status, group: group, order: -1)
                suspect(sighting, source: source, isSelected: isSelected, now: now)
            }
        } catch {
            events.append(.problem(error))
        }
    }

    /// Content that was written and compressed while nothing followed it. What was compressed of files that were there
    /// before is known, or was read to its end and forgotten long before.
    private func isNewlyCompressed(_ name: [UInt8], _ status: FileStatus) -> Bool {
        guard Compression.endingLength(of: name) > 0, let lastRun, !hasPolled else { return false }
        return status.modified > lastRun && (status.key.birth ?? 0) > lastRun
    }

    private mutating func decide(_ suspect: Suspect, now: Nanoseconds) {
        switch judge(suspect, now: now) {
        case .wait: break
        case .copy where !suspect.isSelected: suspects[suspect.status.key] = nil
        case .copy(let key):
            suspects[suspect.status.key]?.copyOf = key
            suspects[suspect.status.key]?.copiedAt = files[key]?.position ?? 0
        case .own:
            let sighting = Sighting(
                path: suspect.path, status: suspect.status, group: suspect.group, order: suspect.order)
            discover(sighting, source: suspect.source, suspect.isSelected ? .selected : .moved(now), now: now)
            if let file = files[suspect.status.key] { settle(file, now: now) }
            if files[suspect.status.key] == nil { suspects[suspect.status.key] = nil }
        }
    }

    private func judge(_ suspect: Suspect, now: Nanoseconds) -> Verdict {
        if let key = suspect.copyOf, let file = files[key], file.position == suspect.copiedAt { return .copy(of: key) }
        return suspect.isNamedCompressed
            ? judgeCompressed(suspect, now: now) : judgePlain(suspect, now: now)
    }

    private func isYoung(_ suspect: Suspect, _ now: Nanoseconds) -> Bool {
        let quiet = settings.compressedQuiet
        return now - suspect.changed < quiet && (now - suspect.status.modified < quiet)
    }

    /// Whether a compressed file was found that may hold the content of a file that ends, and is not judged yet.
    func isSuspected(_ file: Followed<View.File>) -> Bool {
        suspects.values.contains { suspect in
            suspect.copyOf == nil && suspect.isNamedCompressed && suspect.status.size > 0
                && file.names.contains { RotatedName.matches(suspect.path.name, of: $0) }
        }
    }

    /// A compressed file is complete when it is no longer written; then its content says whose it is.
    private func judgeCompressed(_ suspect: Suspect, now: Nanoseconds) -> Verdict {
        guard suspect.status.size > 0, !isYoung(suspect, now) else { return .wait }
        // The program that compresses a file removes it when all of it is there.
        let stem = suspect.path.withoutCompression
        if let key = places[stem], let file = files[key], file.path == stem || file.realPath == stem,
            listings[stem.folder]?.contains(where: { $0.name.elementsEqual(stem.name) }) ?? true
        {
            return .wait
        }
        for missed in missing.values.joined() where mayBe(suspect.path, of: missed.checkpoint) {
            if isContinuation(of: missed.checkpoint, at: suspect.path, suspect.status) != nil { return .wait }
        }
        for base in RotatedName.bases(of: suspect.path.name) {
            for file in named[Array(base)] ?? [] where files[file.key] === file && isBornAfter(suspect, file) {
                let checkpoint = file.checkpoint
                if !checkpoint.marks.isEmpty,
                    isContinuation(of: checkpoint, at: suspect.path, suspect.status, head: file.headBytes) != nil
                {
                    return .copy(of: file.key)
                }
            }
        }
        return .own
    }

    /// A younger file with the name of a rotated one and the content of the one that it is named after is a copy,
    /// probably one that copytruncate makes. A copy that stays without a truncation is followed like any file.
    private func judgePlain(_ suspect: Suspect, now: Nanoseconds) -> Verdict {
        for base in RotatedName.bases(of: suspect.path.name) {
            guard let key = places[suspect.path.folder.appending(base)], let file = files[key],
                file.place == .selected, !file.isCompressed, isBornAfter(suspect, file)
            else { continue }
            if now - suspect.changed >= settings.copyGrace { return .own }
            if suspect.status.size == 0 || sharesContent(suspect, file) { return .wait }
        }
        return .own
    }

    private func isBornAfter(_ suspect: Suspect, _ file: Followed<View.File>) -> Bool {
        guard let birth = suspect.status.key.birth, let other = file.key.birth else { return true }
        return birth >= other
    }

    private func sharesContent(_ suspect: Suspect, _ file: Followed<View.File>) -> Bool {
        do throws(InputError) {
            let copy = try view.open(suspect.path)
            let size = suspect.status.size
            guard let head = file.head else { return false }
            if size >= head.end { return try copy.holds(file.checkpoint.marks, upTo: size) }
            guard let handle = file.handle else { return true }
            return try copy.bytes(at: 0, count: Int(size)) == handle.bytes(at: 0, count: Int(size))
        } catch {
            return false
        }
    }
}
