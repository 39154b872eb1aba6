import ArchiveTypes
import Glibc

/// A directory's clock: that of the machine, but never before the hour of the newest manifest that it holds.
///
/// Readers and indexers take hours that lie behind as closed. A clock that is set back, or that of another machine that
/// uses the same directory and is slow, must not put manifests where nobody looks any more.
extension DirectoryTree {
    func now() throws(LocalFailure) -> Nanoseconds {
        max(WallClock.now(), try newestHour()?.start ?? .min)
    }

    private func newestHour() throws(LocalFailure) -> Hour? {
        do throws(LocalFailure) {
            let folder = try openRoot().directory(String(KeyLayout.manifests.dropLast()))
            let days = try Self.names(of: folder).sorted(by: >)
            for day in days {
                let hours = try Self.names(of: folder.directory(day)).compactMap { Hour("\(day)/\($0)") }
                if let newest = hours.max() { return newest }
            }
            return nil
        } catch  where error.code == ENOENT || error.code == ENOTDIR || error.code == ELOOP {
            return nil
        }
    }

    private static func names(of folder: borrowing Descriptor) throws(LocalFailure) -> [String] {
        var names: [String] = []
        try folder.forEachName { name, _ in names.append(String(decoding: name, as: UTF8.self)) }
        return names
    }
}
