import CSystem
import Glibc
import Threads

/// Watches folders with inotify(7), and lets a thread wait for what happens there.
///
/// Nothing depends on it: where there is no inotify, where the system's watches are used up (fs.inotify.max_user_watches)
/// or events were dropped, it says so, and whoever asks looks at everything. It sees nothing of what other machines do
/// to a network file system.
package final class FolderWatch: ChangeSource, Sendable {
    private struct State {
        var folders: [Int32: RawPath] = [:]
        var watches: [RawPath: Int32] = [:]
        var isComplete = false
        var changes: Set<FileChange> = []
        var hasOverflowed = false
    }

    /// -1 where there is no inotify.
    private let events: Int32
    /// Readable once somebody wants a waiter to return.
    private let bell: Int32
    private let state = Monitor(State())

    /// More changes than this are as good as everything.
    private static let mostChanges = 100_000

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
        if pause(least, [bell]) { return }
        _ = pause(most - least, [events, bell])
    }

    /// Lets `wait` return, now and whenever it is called. From any thread.
    package func wake() {
        var one: UInt64 = 1
        _ = write(bell, &one, 8)
    }

    /// Whether one of the descriptors became readable. A signal ends the pause too.
    private func pause(_ nanoseconds: Int64, _ descriptors: [Int32]) -> Bool {
        var wanted = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        let milliseconds = Int32(clamping: (max(0, nanoseconds) + 999_999) / 1_000_000)
        return poll(&wanted, nfds_t(wanted.count), milliseconds) != 0
    }

    // MARK: ChangeSource

    package func cover(_ folders: Set<RawPath>) -> Bool {
        guard events >= 0 else { return false }
        return state.update { state in
            for (folder, watch) in state.watches where !folders.contains(folder) {
                state.watches[folder] = nil
                // Another path may lead to the same folder.
                guard state.folders[watch] == folder else { continue }
                state.folders[watch] = nil
                inotify_rm_watch(events, watch)
            }
            var isComplete = true
            for folder in folders where state.watches[folder] == nil {
                let watch = folder.withCString { firn_inotify_watch(events, $0) }
                guard watch >= 0 else {
                    // A folder that is gone again is no longer to be watched.
                    isComplete = isComplete && (watch == -ENOENT || watch == -ENOTDIR)
                    continue
                }
                state.watches[folder] = watch
                state.folders[watch] = folder
                // What happened before the watch began is not told.
                state.hasOverflowed = true
            }
            return isComplete
        }
    }

    package func take() -> [FileChange]? {
        guard events >= 0 else { return nil }
        return state.update { state in
            read(into: &state)
            defer {
                state.changes.removeAll()
                state.hasOverflowed = false
            }
            return state.hasOverflowed ? nil : Array(state.changes)
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
            let name = records[(offset + 16)..<min(records.count, offset + 16 + length)].prefix { $0 != 0 }
            note(watch, mask, name, in: &state)
            offset += 16 + length
        }
    }

    private func note(_ watch: Int32, _ mask: UInt32, _ name: Slice<UnsafeRawBufferPointer>, in state: inout State) {
        if mask & UInt32(IN_Q_OVERFLOW) != 0 || state.changes.count >= Self.mostChanges { state.hasOverflowed = true }
        guard let folder = state.folders[watch] else { return }
        if mask & UInt32(IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF) != 0 {
            if mask & UInt32(IN_IGNORED) != 0 {
                state.folders[watch] = nil
                state.watches = state.watches.filter { $0.value != watch }
            } else if state.watches.removeValue(forKey: folder) != nil {
                // Another folder may take its name: the watch is of the one that left.
                state.folders[watch] = nil
                inotify_rm_watch(events, watch)
            }
            state.changes.insert(FileChange(folder, .folder))
        } else {
            let isFolder = mask & UInt32(IN_ISDIR) != 0
            let kind: FileChange.Kind = mask & UInt32(IN_MODIFY) != 0 ? .content : isFolder ? .folder : .name
            state.changes.insert(FileChange(folder.appending(name), kind))
        }
    }
}
