/// Finds the files of a selection, walking only through folders that can hold some.
///
/// All patterns are walked at once: each folder has a set of states (alternative, next segment) and is listed
/// at most once, or not at all where all its states name one entry. Links to folders wait until everything else
/// is walked. A folder and a state are never walked twice, whatever links lead to it: so loops end, and
/// a file is found by its real path where the patterns reach that.
package struct FolderWalk<View: FileSystemView> {
    private struct State: Hashable {
        var alternative: Int
        var segment: Int
    }

    private struct Visit {
        var folder: RawPath
        var states: Set<State>
        var depth: Int
        var isLinked: Bool
    }

    private struct Folder: Hashable {
        var device: UInt64
        var inode: UInt64
    }

    private let view: View
    private let selection: PathSelection
    private let limits: WalkLimits
    private let alternatives: [[PathGlob.Segment]]
    private var visited: [Folder: Set<State>] = [:]
    private var pending: [Visit] = []
    private var deferred: [Visit] = []
    private var looked = 0
    /// There is more than the limits let this look at.
    private var isExcessive = false
    private var found = FoundFiles()

    private init(_ selection: PathSelection, in view: View, limits: WalkLimits) {
        self.view = view
        self.selection = selection
        self.limits = limits
        alternatives = selection.include.flatMap(\.alternatives)
    }

    package static func find(_ selection: PathSelection, in view: View, limits: WalkLimits = WalkLimits()) -> FoundFiles
    {
        var walk = FolderWalk(selection, in: view, limits: limits)
        walk.run()
        return walk.found
    }

    private mutating func run() {
        let start = Set(alternatives.indices.map { State(alternative: $0, segment: 0) })
        pending = [Visit(folder: RawPath("/"), states: start, depth: 0, isLinked: false)]
        while let visit = pending.popLast() ?? takeDeferred() {
            walk(visit)
            guard !isExcessive else {
                found.problems.append(excess(at: visit.folder))
                break
            }
        }
        found.files.sort { ($0.isLinked ? 1 : 0, $0.path) < ($1.isLinked ? 1 : 0, $1.path) }
    }

    private mutating func takeDeferred() -> Visit? { deferred.isEmpty ? nil : deferred.removeFirst() }

    private func excess(at folder: RawPath) -> InputError {
        InputError(
            .excessive, path: folder.description,
            "more than \(limits.files) files or \(limits.entries) entries to look at: the rest is not followed",
            hint: "make the patterns narrower")
    }

    private mutating func walk(_ visit: Visit) {
        guard visit.depth <= limits.depth, let status = status(of: visit.folder), status.kind == .folder else { return }
        let folder = Folder(device: status.key.device, inode: status.key.inode)
        let states = closure(visit.states).subtracting(visited[folder, default: []])
        guard !states.isEmpty else { return }
        visited[folder, default: []].formUnion(states)
        note(visit.folder, states)
        if let names = literalNames(states) {
            for name in names { consider(FolderEntry(name: name, kind: .unknown, inode: 0), in: visit, states) }
        } else {
            for entry in entries(of: visit.folder) where !isExcessive { consider(entry, in: visit, states) }
        }
    }

    private mutating func note(_ folder: RawPath, _ states: Set<State>) {
        let holdsFiles = states.contains { $0.segment + 1 == alternatives[$0.alternative].count }
        found.folders[folder] = max(found.folders[folder] ?? .names, holdsFiles ? .contents : .names)
    }

    /// `**` stands for no folder too.
    private func closure(_ states: Set<State>) -> Set<State> {
        states.union(
            states.lazy.filter { self.alternatives[$0.alternative][$0.segment] == .folders }
                .map { State(alternative: $0.alternative, segment: $0.segment + 1) })
    }

    /// The only names that matter, if all states ask for one.
    private func literalNames(_ states: Set<State>) -> Set<[UInt8]>? {
        var names: Set<[UInt8]> = []
        for state in states {
            guard case .name(let pattern) = alternatives[state.alternative][state.segment], let name = pattern.literal
            else {
                return nil
            }
            names.insert(name)
        }
        return names
    }

    private mutating func consider(_ entry: FolderEntry, in visit: Visit, _ states: Set<State>) {
        guard looked < limits.entries, found.files.count < limits.files else { return isExcessive = true }
        looked += 1
        let (below, isMatch) = advance(states, over: entry.name[...])
        guard entry.kind != .other, isMatch && entry.kind != .folder || !below.isEmpty && entry.kind != .file else {
            return
        }
        let path = visit.folder.appending(entry.name)
        let isLinked = visit.isLinked || entry.kind == .link
        if entry.kind == .folder {
            descend(Visit(folder: path, states: below, depth: visit.depth + 1, isLinked: isLinked))
        } else if let status = status(of: path) {
            switch status.kind {
            case .file where isMatch && !selection.excludes(path):
                found.files.append(FoundFiles.Found(path: path, status: status, isLinked: isLinked))
            case .folder where !below.isEmpty:
                descend(Visit(folder: path, states: below, depth: visit.depth + 1, isLinked: isLinked))
            default: break
            }
        }
    }

    private mutating func descend(_ visit: Visit) {
        guard !selection.excludesAllBelow(visit.folder) else { return }
        if visit.isLinked { deferred.append(visit) } else { pending.append(visit) }
    }

    /// The states of a folder of that name, and whether a file of that name is one of those meant.
    private func advance(_ states: Set<State>, over name: ArraySlice<UInt8>) -> (Set<State>, Bool) {
        var below: Set<State> = []
        var isMatch = false
        for state in states {
            let segments = alternatives[state.alternative]
            switch segments[state.segment] {
            case .folders:
                guard name.first != UInt8(ascii: ".") else { continue }
                below.insert(state)
            case .name(let pattern):
                guard pattern.matches(name, hidden: false) else { continue }
                if state.segment + 1 == segments.count {
                    isMatch = true
                } else {
                    below.insert(State(alternative: state.alternative, segment: state.segment + 1))
                }
            }
        }
        return (below, isMatch)
    }

    private mutating func status(of path: RawPath) -> FileStatus? {
        do throws(InputError) {
            return try view.status(of: path)
        } catch {
            found.problems.append(error)
            return nil
        }
    }

    private mutating func entries(of folder: RawPath) -> [FolderEntry] {
        do throws(InputError) {
            return try view.entries(of: folder)
        } catch {
            // Gone since its name was read: nothing to tell.
            if error.kind != .missing { found.problems.append(error) }
            return []
        }
    }
}
