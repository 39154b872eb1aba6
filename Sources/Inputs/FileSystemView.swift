package import ArchiveTypes

/// What following files needs of a file system: the seam at which tests put one that lives in memory.
package protocol FileSystemView {
    associatedtype File: OpenFile

    /// What is at `path`, symbolic links followed; nil where nothing is.
    func status(of path: RawPath) throws(InputError) -> FileStatus?
    /// All that a folder holds, but `.` and `..`, in no particular order.
    func entries(of folder: RawPath) throws(InputError) -> [FolderEntry]
    /// The path without symbolic links; nil where nothing is.
    func resolve(_ path: RawPath) -> RawPath?
    /// The file system that holds `path`, whose status names `device`.
    func fileSystem(of path: RawPath, device: UInt64) -> FileSystemID
    func open(_ path: RawPath) throws(InputError) -> File
}

/// An open file: goes on being readable whatever becomes of its name. Closed when it is released.
package protocol OpenFile: AnyObject {
    func status() throws(InputError) -> FileStatus
    /// Fills `buffer` from `offset` on as far as the file reaches; fewer bytes only at its end.
    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(InputError) -> Int
}

/// Tells files apart while this process runs; see `FileIdentity` for longer.
package struct FileKey: Sendable, Hashable {
    package var device: UInt64
    package var inode: UInt64
    /// Nil where the file system keeps none.
    package var birth: Nanoseconds?

    package init(device: UInt64, inode: UInt64, birth: Nanoseconds?) {
        self.device = device
        self.inode = inode
        self.birth = birth
    }
}

package struct FileStatus: Sendable, Hashable {
    package enum Kind: Sendable, Hashable { case file, folder, other }

    package var kind: Kind
    package var key: FileKey
    /// Bytes.
    package var size: UInt64
    package var modified: Nanoseconds
    /// How many names the file has: 0 after it was deleted.
    package var links: UInt32

    package init(kind: Kind, key: FileKey, size: UInt64, modified: Nanoseconds, links: UInt32) {
        self.kind = kind
        self.key = key
        self.size = size
        self.modified = modified
        self.links = links
    }
}

package struct FolderEntry: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        case file, folder, link, other
        /// The file system does not say without being asked for each.
        case unknown
    }

    package var name: [UInt8]
    package var kind: Kind
    /// Of a symbolic link: its own.
    package var inode: UInt64

    package init(name: [UInt8], kind: Kind, inode: UInt64) {
        self.name = name
        self.kind = kind
        self.inode = inode
    }
}
