import Inputs
import Simulation

/// Tells what happens in the folders of a file system in memory, as `FolderWatch` does: of those that it covers alone, and
/// now and then that something was missed.
final class MemoryWatch: ChangeSource {
    private var covered: [RawPath: FolderInterest] = [:]
    private var changes: [FileChange]? = []
    private var taken = 0
    /// Every so many times that it is asked it does not know.
    private let forgets: Int

    init(of view: MemoryFileSystem, forgets: Int) {
        self.forgets = forgets
        view.told = { [unowned self] in note($0) }
    }

    private func note(_ change: FileChange) {
        guard let interest = covered[change.path.folder] else { return }
        if change.kind != .content || interest == .contents { changes?.append(change) }
    }

    func cover(_ folders: [RawPath: FolderInterest]) -> InputError? {
        // What happened before the watch began is not told.
        if folders.contains(where: { covered[$0.key].map { [new = $0.value] in $0 < new } ?? true }) { changes = nil }
        covered = folders
        return nil
    }

    func take() -> [FileChange]? {
        defer { changes = [] }
        taken += 1
        return taken % forgets == 0 ? nil : changes
    }
}
