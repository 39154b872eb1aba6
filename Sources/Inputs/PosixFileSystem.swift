import CSystem
import Glibc

/// The files of this machine.
package struct PosixFileSystem: FileSystemView, Sendable {
    package init() {}

    package func status(of path: RawPath) throws(InputError) -> FileStatus? {
        var status = firn_status()
        let code = path.withCString { firn_read_status(AT_FDCWD, $0, &status) }
        switch code {
        case 0: return FileStatus(status)
        case ENOENT, ENOTDIR, ELOOP: return nil
        default: throw InputError(errno: code, path: path.description, doing: "inspect")
        }
    }

    package func entries(of folder: RawPath) throws(InputError) -> [FolderEntry] {
        guard let directory = folder.withCString(opendir) else {
            throw InputError(errno: errno, path: folder.description, doing: "list")
        }
        defer { closedir(directory) }
        var entries: [FolderEntry] = []
        while true {
            errno = 0
            guard let entry = readdir(directory) else { break }
            let name = Array(entry.nameBytes)
            if name == [0x2E] || name == [0x2E, 0x2E] { continue }
            entries.append(
                FolderEntry(name: name, kind: .init(entry.pointee.d_type), inode: UInt64(entry.pointee.d_ino)))
        }
        guard errno == 0 else { throw InputError(errno: errno, path: folder.description, doing: "list") }
        return entries
    }

    package func resolve(_ path: RawPath) -> RawPath? {
        guard let resolved = path.withCString({ realpath($0, nil) }) else { return nil }
        defer { free(resolved) }
        return RawPath(bytes: UnsafeRawBufferPointer(start: resolved, count: strlen(resolved)))
    }

    package func fileSystem(of path: RawPath, device: UInt64) -> FileSystemID {
        FileSystemID.resolve(device: device, path: path)
    }

    package func open(_ path: RawPath) throws(InputError) -> PosixFile { try PosixFile(path) }
}

/// A descriptor that is read by offset.
package final class PosixFile: OpenFile {
    private let descriptor: Int32
    private let path: RawPath

    /// Non-blocking, so that a pipe that took the place of a file does not hold up everything.
    init(_ path: RawPath) throws(InputError) {
        self.path = path
        descriptor = path.withCString { Glibc.open($0, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK) }
        guard descriptor >= 0 else { throw InputError(errno: errno, path: path.description, doing: "open") }
    }

    deinit { close(descriptor) }

    package func status() throws(InputError) -> FileStatus {
        var status = firn_status()
        let code = firn_read_status(descriptor, "", &status)
        guard code == 0 else { throw InputError(errno: code, path: path.description, doing: "inspect") }
        return FileStatus(status)
    }

    package func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(InputError) -> Int {
        var filled = 0
        while filled < buffer.count {
            let start = off_t(clamping: offset + UInt64(filled))
            let count = pread(descriptor, buffer.baseAddress?.advanced(by: filled), buffer.count - filled, start)
            if count == 0 { break }
            if count > 0 {
                filled += count
            } else if errno != EINTR {
                if filled > 0 { break }
                throw InputError(errno: errno, path: path.description, offset: offset, doing: "read")
            }
        }
        return filled
    }
}

extension FileStatus {
    init(_ status: firn_status) {
        let kinds: [UInt32: Kind] = [S_IFREG: .file, S_IFDIR: .folder]
        self.init(
            kind: kinds[status.mode & S_IFMT] ?? .other,
            key: FileKey(device: status.device, inode: status.inode, birth: status.birth < 0 ? nil : status.birth),
            size: status.size, modified: status.modified, links: status.links)
    }
}

extension FolderEntry.Kind {
    /// `d_type` of readdir(3).
    init(_ type: UInt8) {
        switch Int(type) {
        case DT_REG: self = .file
        case DT_DIR: self = .folder
        case DT_LNK: self = .link
        case DT_UNKNOWN: self = .unknown
        default: self = .other
        }
    }
}
