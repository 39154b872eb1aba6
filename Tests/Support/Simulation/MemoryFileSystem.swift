import ArchiveTypes
import Inputs

/// A file system in memory: inodes with names, deleted ones readable while open, inode numbers used again at once.
package final class MemoryFileSystem: FileSystemView {
    package final class Node {
        package let inode: UInt64
        package let birth: Nanoseconds?
        package var bytes: [UInt8] = []
        var modified: Nanoseconds
        var links: UInt32 = 1
        var handles = 0

        init(inode: UInt64, birth: Nanoseconds?, modified: Nanoseconds) {
            self.inode = inode
            self.birth = birth
            self.modified = modified
        }
    }

    /// Files and links by path. Folders are there while something is in them.
    package private(set) var files: [RawPath: Node] = [:]
    package private(set) var links: [RawPath: RawPath] = [:]
    /// Paths whose open, or folders whose list, fails.
    package var forbidden: Set<RawPath> = []
    package var failsReads = false
    /// What the times of files are taken from; every change is a nanosecond.
    package private(set) var time: Nanoseconds
    private let keepsBirths: Bool
    private var freeInodes: [UInt64] = []
    private var nextInode: UInt64 = 100
    /// Told of every change, with the paths as writers use them.
    package var told: ((FileChange) -> Void)?
    package private(set) var openHandles = 0
    package private(set) var mostHandles = 0

    package init(time: Nanoseconds = 1_000_000, keepsBirths: Bool = true) {
        self.time = time
        self.keepsBirths = keepsBirths
    }

    // MARK: What writers do

    package func write(_ bytes: [UInt8], to path: RawPath) {
        time += 1
        let node = files[path] ?? make(at: path)
        node.bytes += bytes
        node.modified = time
        told?(FileChange(path, .content))
    }

    package func truncate(_ path: RawPath, to size: Int = 0) {
        time += 1
        guard let node = files[path] else { return }
        node.bytes.removeLast(node.bytes.count - size)
        node.modified = time
        told?(FileChange(path, .content))
    }

    package func rename(_ path: RawPath, to other: RawPath) {
        guard let node = files[path] else { return }
        remove(other)
        files[path] = nil
        files[other] = node
        told?(FileChange(path, .name))
        told?(FileChange(other, .name))
    }

    package func remove(_ path: RawPath) {
        guard let node = files.removeValue(forKey: path) else { return }
        node.links -= 1
        told?(FileChange(path, .name))
        release(node)
    }

    package func link(_ path: RawPath, to target: RawPath) {
        tellOfFolder(path.folder)
        links[path] = target
        told?(FileChange(path, .name))
    }

    package func unlink(_ path: RawPath) {
        links[path] = nil
        told?(FileChange(path, .name))
    }

    package func advance(to time: Nanoseconds) { self.time = max(time, self.time) }

    /// Folders come with what is in them.
    private func tellOfFolder(_ folder: RawPath) {
        guard told != nil, folder != RawPath("/"), !isFolder(folder) else { return }
        tellOfFolder(folder.folder)
        told?(FileChange(folder, .folderName))
    }

    private func make(at path: RawPath) -> Node {
        tellOfFolder(path.folder)
        told?(FileChange(path, .name))
        let inode = freeInodes.popLast() ?? nextInode
        if inode == nextInode { nextInode += 1 }
        let node = Node(inode: inode, birth: keepsBirths ? time : nil, modified: time)
        files[path] = node
        return node
    }

    fileprivate func release(_ node: Node) {
        if node.links == 0, node.handles == 0 { freeInodes.append(node.inode) }
    }

    // MARK: What the follower sees

    private func target(_ path: RawPath, hops: Int = 8) -> RawPath? {
        guard hops > 0 else { return nil }
        if files[path] != nil || path == RawPath("/") { return path }
        if let next = links[path] { return target(next, hops: hops - 1) }
        guard let folder = target(path.folder, hops: hops - 1) else { return nil }
        let real = folder.appending(path.name)
        if real != path { return target(real, hops: hops - 1) }
        return isFolder(path) ? path : nil
    }

    private func isFolder(_ path: RawPath) -> Bool {
        (Array(files.keys) + links.keys).contains { $0.bytes.starts(with: path.bytes + [UInt8(ascii: "/")]) }
    }

    package func status(of path: RawPath) throws(InputError) -> FileStatus? {
        guard let real = target(path) else { return nil }
        if let node = files[real] { return Self.status(node) }
        // Folders: any number that is the same for the same one.
        let inode = real.bytes.reduce(UInt64(1) << 40) { $0 &* 31 &+ UInt64($1) }
        let key = FileKey(device: 1, inode: inode, birth: 0)
        return FileStatus(kind: .folder, key: key, size: 0, modified: 0, links: 2)
    }

    static func status(_ node: Node) -> FileStatus {
        FileStatus(
            kind: .file, key: FileKey(device: 1, inode: node.inode, birth: node.birth), size: UInt64(node.bytes.count),
            modified: node.modified, links: node.links)
    }

    package func entries(of folder: RawPath) throws(InputError) -> [FolderEntry] {
        if forbidden.contains(folder) {
            throw InputError(.forbidden, path: folder.description, "not allowed to list it")
        }
        guard let real = target(folder) else { throw InputError(.missing, path: folder.description, "no such file") }
        let prefix = real.bytes == [UInt8(ascii: "/")] ? real.bytes : real.bytes + [UInt8(ascii: "/")]
        var entries: [[UInt8]: FolderEntry] = [:]
        for path in Array(files.keys) + links.keys where path.bytes.starts(with: prefix) {
            let rest = path.bytes.dropFirst(prefix.count)
            let name = Array(rest.prefix { $0 != UInt8(ascii: "/") })
            if name.count < rest.count {
                entries[name] = FolderEntry(name: name, kind: .folder, inode: 0)
            } else {
                let kind: FolderEntry.Kind = links[path] == nil ? .file : .link
                entries[name] = FolderEntry(name: name, kind: kind, inode: files[path]?.inode ?? 0)
            }
        }
        return Array(entries.values)
    }

    package func resolve(_ path: RawPath) -> RawPath? { target(path) }

    package func fileSystem(of path: RawPath, device: UInt64) -> FileSystemID { FileSystemID("memory") }

    package func open(_ path: RawPath) throws(InputError) -> MemoryFile {
        if forbidden.contains(path) { throw InputError(.forbidden, path: path.description, "not allowed to open it") }
        guard let real = target(path), let node = files[real] else {
            throw InputError(.missing, path: path.description, "no such file")
        }
        openHandles += 1
        mostHandles = max(mostHandles, openHandles)
        return MemoryFile(node, of: self)
    }

    fileprivate func closed(_ node: Node) {
        openHandles -= 1
        node.handles -= 1
        release(node)
    }
}

package final class MemoryFile: OpenFile {
    private let node: MemoryFileSystem.Node
    private let owner: MemoryFileSystem

    init(_ node: MemoryFileSystem.Node, of owner: MemoryFileSystem) {
        self.node = node
        self.owner = owner
        node.handles += 1
    }

    deinit { owner.closed(node) }

    package func status() throws(InputError) -> FileStatus { MemoryFileSystem.status(node) }

    package func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(InputError) -> Int {
        if owner.failsReads { throw InputError(errno: 5, path: "memory", offset: offset, doing: "read") }
        guard offset < UInt64(node.bytes.count) else { return 0 }
        let slice = node.bytes[Int(offset)...].prefix(buffer.count)
        buffer.copyBytes(from: slice)
        return slice.count
    }
}
