import CSystem
import Checksums
import Glibc
import Threads

/// Watches folders with inotify(7), and lets a thread wait for what happens there.
///
/// Nothing depends on it: where there is no inotify, where the system's watches are used up (fs.inotify.max_user_watches)
/// or events were dropped, it says so, and whoever asks looks at everything. It sees nothing of what other machines do
/// to a network file system.
package final class FolderWatch: ChangeSource, Sendable {
    private struct Watched {
        var watch: Int32
        var interest: FolderInterest
        var isRemote: Bool
    }

    private struct State {
        /// The path of each watch: the last, where several lead to one folder.
        var folders: [Int32: RawPath] = [:]
        var watched: [RawPath: Watched] = [:]
        var changes: [FileChange] = []
        /// Hashes of the changes: a file that is written all the time is told once.
        var told: Set<UInt64> = []
        var mayHaveMissed = false
    }

    /// -1 where there is no inotify.
    private let events: Int32
    /// Readable once somebody wants a waiter to return.
    private let bell: Int32
    private let state = Monitor(State())

    /// More changes than this are as good as everything.
    private static let mostChanges = 4096

    package init() {
        events = max(-1, firn_inotify_open())
        bell = max(-1, firn_eventfd_open())
    }

    deinit {
        if events >= 0 { close(events) }
        if bell >= 0 { close(bell) }
    }

    // MARK: Waiting

    /// Returns when something changes in a watched folder, or `wake` was called, but not before `least` and not after
    /// `most` (nanoseconds from now): what happens often is taken together.
    package func wait(atLeast least: Int64, atMost most: Int64) {
        if least > 0, pause(least, [bell]) { return }
        if most > least { _ = pause(most - max(0, least), [events, bell]) }
    }

    /// Lets `wait` return, now and whenever it is called. From any thread.
    package func wake() {
        var one: UInt64 = 1
        _ = write(bell, &one, 8)
    }

    /// Whether one of the descriptors became readable. A signal ends the pause too.
    private func pause(_ nanoseconds: Int64, _ descriptors: [Int32]) -> Bool {
        var wanted = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        let milliseconds = Int32(clamping: (nanoseconds + 999_999) / 1_000_000)
        return poll(&wanted, nfds_t(wanted.count), milliseconds) != 0
    }

    // MARK: ChangeSource

    package func cover(_ folders: [RawPath: FolderInterest]) -> InputError? {
        guard events >= 0 else {
            return InputError(
                .exhausted, path: "inotify", "not available: all followed files are looked at every so often instead",
                hint: "raise fs.inotify.max_user_instances")
        }
        return state.update { state in
            for folder in state.watched.keys where folders[folder] == nil { drop(folder, in: &state) }
            var gap: InputError?
            for (folder, interest) in folders {
                if let found = watch(folder, interest, in: &state), gap.map({ found.path < $0.path }) ?? true {
                    gap = found
                }
            }
            return gap
        }
    }

    private func drop(_ folder: RawPath, in state: inout State) {
        guard let watch = state.watched.removeValue(forKey: folder)?.watch, state.folders[watch] == folder else {
            return
        }
        // Another path may lead to the same folder.
        state.folders[watch] = state.watched.first { $0.value.watch == watch }?.key
        if state.folders[watch] == nil { inotify_rm_watch(events, watch) }
    }

    /// - Returns: why changes in the folder are not told, or not all of them.
    private func watch(_ folder: RawPath, _ interest: FolderInterest, in state: inout State) -> InputError? {
        var known = state.watched[folder]
        if known.map({ $0.interest < interest }) ?? true {
            let watch = folder.withCString { firn_inotify_watch(events, $0, interest == .contents ? 1 : 0) }
            guard watch >= 0 else { return gap(folder, -watch) }
            let isRemote = known?.isRemote ?? folder.withCString { firn_is_remote($0) != 0 }
            known = Watched(watch: watch, interest: interest, isRemote: isRemote)
            state.watched[folder] = known
            state.folders[watch] = folder
            // What happened before the watch began is not told.
            state.mayHaveMissed = true
        }
        guard interest == .contents, known?.isRemote == true else { return nil }
        return InputError(
            .failed, path: folder.description,
            "on a network file system: files there are looked at every so often, since changes are not told")
    }

    private func gap(_ folder: RawPath, _ code: Int32) -> InputError? {
        switch code {
        // A folder that is gone again is no longer to be watched.
        case ENOENT, ENOTDIR: nil
        case ENOSPC:
            InputError(
                .exhausted, path: folder.description,
                "cannot be watched: files there and in other folders are looked at every so often instead",
                hint: "raise fs.inotify.max_user_watches")
        default: InputError(errno: code, path: folder.description, doing: "watch")
        }
    }

    package func take() -> [FileChange]? {
        guard events >= 0 else { return [] }
        return state.update { state in
            read(into: &state)
            defer {
                state.changes.removeAll(keepingCapacity: true)
                state.told.removeAll(keepingCapacity: true)
                state.mayHaveMissed = false
            }
            return state.mayHaveMissed ? nil : state.changes
        }
    }

    private func read(into state: inout State) {
        withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 8) { buffer in
            while true {
                let count = Glibc.read(events, buffer.baseAddress, buffer.count)
                guard count > 0 else { return }
                note(UnsafeRawBufferPointer(rebasing: buffer[..<count]), in: &state)
            }
        }
    }

    /// inotify(7): watch, mask, cookie and length of the name, 4 bytes each; the name, padded with NULs.
    private func note(_ records: UnsafeRawBufferPointer, in state: inout State) {
        var offset = 0
        while offset + 16 <= records.count {
            let watch = records.loadUnaligned(fromByteOffset: offset, as: Int32.self)
            let mask = records.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)
            let length = Int(records.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self))
            let name = records[(offset + 16)..<min(records.count, offset + 16 + length)]
            if mask & UInt32(IN_Q_OVERFLOW) != 0 { state.mayHaveMissed = true }
            note(watch, mask, UnsafeRawBufferPointer(rebasing: name), in: &state)
            offset += 16 + length
        }
    }

    private func note(_ watch: Int32, _ mask: UInt32, _ name: UnsafeRawBufferPointer, in state: inout State) {
        guard let folder = state.folders[watch] else { return }
        if mask & UInt32(IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF) != 0 {
            leave(watch, folder, isGone: mask & UInt32(IN_IGNORED) != 0, in: &state)
            return state.changes.append(FileChange(folder, .folder))
        }
        let kind = Self.kind(of: mask)
        let identity = xxh64(name) ^ UInt64(UInt32(bitPattern: watch)) << 2 ^ (kind == .content ? 0 : 1)
        guard !state.mayHaveMissed, state.told.insert(identity).inserted else { return }
        guard state.changes.count < Self.mostChanges else { return state.mayHaveMissed = true }
        state.changes.append(FileChange(folder.appending(name.prefix { $0 != 0 }), kind))
    }

    private static func kind(of mask: UInt32) -> FileChange.Kind {
        if mask & UInt32(IN_MODIFY) != 0 { return .content }
        return mask & UInt32(IN_ISDIR) != 0 ? .folderName : .name
    }

    /// A folder is gone, or another one may take its name: the watch is of the one that left.
    private func leave(_ watch: Int32, _ folder: RawPath, isGone: Bool, in state: inout State) {
        state.folders[watch] = nil
        state.watched = state.watched.filter { $0.value.watch != watch }
        if !isGone { inotify_rm_watch(events, watch) }
    }
}
