import Foundation
import Glibc
import Inputs
import Simulation

/// What writers and rotation do to files, whatever kind they are of. Names are relative to `root`.
protocol Disk: AnyObject {
    associatedtype View: FileSystemView
    var view: View { get }
    var root: String { get }
    func append(_ bytes: [UInt8], to name: String)
    func truncate(_ name: String)
    func rename(_ name: String, to other: String)
    func remove(_ name: String)
    /// A symbolic link in place of one that is there.
    func link(_ name: String, to other: String)
    func unlink(_ name: String)
    /// The time of what happens from now on, where that can be chosen.
    func advance(to now: Int64)
    /// The time at which something happened last, as far as that is known.
    var latest: Int64 { get }
    /// What tells of changes from now on.
    func watch() -> any ChangeSource
}

final class MemoryDisk: Disk {
    let view: MemoryFileSystem
    let root = "/log"
    init(keepsBirths: Bool = true) { view = MemoryFileSystem(keepsBirths: keepsBirths) }
    func append(_ bytes: [UInt8], to name: String) { view.write(bytes, to: path(name)) }
    func truncate(_ name: String) { view.truncate(path(name)) }
    func rename(_ name: String, to other: String) { view.rename(path(name), to: path(other)) }
    func remove(_ name: String) { view.remove(path(name)) }
    func link(_ name: String, to other: String) { view.link(path(name), to: path(other)) }
    func unlink(_ name: String) { view.unlink(path(name)) }
    func advance(to now: Int64) { view.advance(to: now) }
    var latest: Int64 { view.time }
    func watch() -> any ChangeSource { MemoryWatch(of: view, forgets: 17) }
    private func path(_ name: String) -> RawPath { RawPath(root + "/" + name) }
}

final class RealDisk: Disk {
    let view = PosixFileSystem()
    let scratch: Scratch
    var root: String { scratch.path }
    init() throws { scratch = try Scratch() }

    func append(_ bytes: [UInt8], to name: String) {
        let path = root + "/" + name
        makeFolder(of: path)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        precondition(descriptor >= 0 && Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
        close(descriptor)
    }

    private func makeFolder(of path: String) {
        let folder = String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)])
        if access(folder, F_OK) != 0 { precondition(mkdir(folder, 0o700) == 0) }
    }

    func truncate(_ name: String) { precondition(Glibc.truncate(root + "/" + name, 0) == 0) }
    func rename(_ name: String, to other: String) {
        precondition(Glibc.rename(root + "/" + name, root + "/" + other) == 0)
    }
    func remove(_ name: String) { precondition(Glibc.unlink(root + "/" + name) == 0) }
    func unlink(_ name: String) { _ = Glibc.unlink(root + "/" + name) }
    func link(_ name: String, to other: String) {
        unlink(name)
        makeFolder(of: root + "/" + name)
        precondition(symlink(root + "/" + other, root + "/" + name) == 0)
    }
    func advance(to now: Int64) {}
    var latest: Int64 { .min }
    func watch() -> any ChangeSource { FolderWatch() }
}
