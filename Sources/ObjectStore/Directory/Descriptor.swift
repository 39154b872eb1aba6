import CSystem
import Glibc

/// An open file or directory, closed when its owner is done with it.
struct Descriptor: ~Copyable {
    let raw: Int32

    private init(_ raw: Int32) { self.raw = raw }

    deinit {
        // Linux has given the number back even where close reports EINTR or EIO: there is nothing to repeat, and what
        // had to be durable has been fsynced before.
        close(raw)
    }

    /// A directory by its path; symbolic links on the way to it are followed.
    static func directory(at path: String) throws(LocalFailure) -> Descriptor {
        Descriptor(
            try systemCall("cannot open \(path)", .reading) { Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) })
    }

    /// A local file by its path, for reading. It must not be a symbolic link.
    static func file(at path: String) throws(LocalFailure) -> Descriptor {
        Descriptor(
            try systemCall("cannot open \(path)", .reading) {
                Glibc.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
            })
    }

    /// A directory in this one, not by a symbolic link.
    func directory(_ name: String, _ access: LocalFailure.Access = .reading) throws(LocalFailure) -> Descriptor {
        Descriptor(
            try systemCall("cannot open directory \(name)", access) {
                openat(raw, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            })
    }

    /// A file under this directory for reading; `path` may have several segments. Nobody is waited for if it is a FIFO.
    func file(_ path: String) throws(LocalFailure) -> Descriptor {
        Descriptor(
            try systemCall("cannot open", .reading) {
                openat(raw, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
            })
    }

    /// A new file in this directory for writing. Nobody shall write to it later, so its mode allows only reading.
    func createFile(_ name: String) throws(LocalFailure) -> Descriptor {
        Descriptor(
            try systemCall("cannot create a temporary file", .writing) {
                openat(raw, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o440)
            })
    }

    /// Makes a directory in this one; false where something of that name is there already.
    func makeDirectory(_ name: String) throws(LocalFailure) -> Bool {
        do throws(LocalFailure) {
            try systemCall("cannot make directory \(name)", .writing) { mkdirat(raw, name, 0o750) }
            return true
        } catch  where error.code == EEXIST {
            return false
        }
    }
}

extension Descriptor {
    func status() throws(LocalFailure) -> FileStatus {
        var status = stat()
        try systemCall("cannot look at the file", .reading) { fstat(raw, &status) }
        return FileStatus(status)
    }

    /// Of what is at `path` under this directory, a symbolic link itself included; nil where there is nothing.
    func status(of path: String) throws(LocalFailure) -> FileStatus? {
        var status = stat()
        do throws(LocalFailure) {
            try systemCall("cannot look at the file", .reading) { fstatat(raw, path, &status, AT_SYMLINK_NOFOLLOW) }
            return FileStatus(status)
        } catch  where error.code == ENOENT || error.code == ENOTDIR {
            return nil
        }
    }

    /// Gives the file `name` of this directory the name `newName` in `folder`; false where that name is taken.
    func link(
        _ name: String, in folder: borrowing Descriptor, as newName: String
    ) throws(LocalFailure) -> Bool {
        try Self.link(raw, name, folder, newName)
    }

    /// Gives the file at `path` the name `name` in this directory; false where that name is taken.
    func link(fileAt path: String, as name: String) throws(LocalFailure) -> Bool {
        try Self.link(AT_FDCWD, path, self, name)
    }

    private static func link(
        _ from: Int32, _ path: String, _ folder: borrowing Descriptor, _ name: String
    ) throws(LocalFailure) -> Bool {
        let target = folder.raw
        do throws(LocalFailure) {
            try systemCall("cannot link the object's name", .writing) { linkat(from, path, target, name, 0) }
            return true
        } catch  where error.code == EEXIST {
            return false
        }
    }

    func unlink(_ name: String) throws(LocalFailure) {
        try systemCall("cannot remove", .writing) { unlinkat(raw, name, 0) }
    }

    /// Makes a file's bytes durable.
    func sync() throws(LocalFailure) { try systemCall("cannot sync", .writing) { fsync(raw) } }

    /// Makes a directory's names durable. Some file systems (CIFS, some of FUSE) know no such thing, and say EINVAL.
    func syncNames() throws(LocalFailure) {
        do throws(LocalFailure) { try sync() } catch  where error.code == EINVAL || error.code == ENOTSUP { return }
    }

    func write(_ bytes: [UInt8]) throws(LocalFailure) {
        var failure: LocalFailure?
        bytes.withUnsafeBytes { bytes in
            do throws(LocalFailure) { try write(bytes) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(LocalFailure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = UnsafeRawBufferPointer(rebasing: rest)
            let written = try systemCall("cannot write", .writing) { Glibc.write(raw, piece.baseAddress, piece.count) }
            rest = rest.dropFirst(written)
        }
    }

    /// Appends up to `count` bytes of another file from `offset`, without taking them through this process where the kernel
    /// can (copy_file_range(2)).
    /// - Returns: how many it were; nil where the file systems cannot.
    func append(from source: borrowing Descriptor, at offset: UInt64, count: Int) throws(LocalFailure) -> Int? {
        let (from, position) = (source.raw, off_t(clamping: offset))
        do throws(LocalFailure) {
            return try systemCall("cannot copy", .writing) { firn_append_range(from, position, raw, count) }
        } catch {
            switch error.code {
            case EXDEV, EINVAL, ENOSYS, EOPNOTSUPP, EPERM: return nil
            default: throw error
            }
        }
    }

    /// Up to as many bytes as `buffer` holds, fewer only at the end of the file.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(LocalFailure) -> Int {
        var filled = 0
        while filled < buffer.count {
            let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
            let position = off_t(clamping: offset + UInt64(filled))
            let count = try systemCall("cannot read", .reading) { pread(raw, piece.baseAddress, piece.count, position) }
            if count == 0 { break }
            filled += count
        }
        return filled
    }

    /// Exactly `count` bytes from `offset`.
    func read(_ count: Int, at offset: UInt64) throws(LocalFailure) -> [UInt8] {
        var failure: LocalFailure?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(LocalFailure) {
                filled = try read(
                    into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<count]),
                    at: offset)
            } catch { failure = error }
        }
        if let failure { throw failure }
        guard bytes.count == count else {
            throw LocalFailure(
                .corrupt, "\(count) bytes wanted from byte \(offset), the file ends after \(bytes.count)")
        }
        return bytes
    }
}

// MARK: Bodies that are files

extension Descriptor {
    /// The file that a body is part of.
    static func body(of part: ObjectBody.FilePart) throws(LocalFailure) -> Descriptor {
        do throws(LocalFailure) {
            let file = try file(at: part.path)
            let status = try file.status()
            guard status.isRegular, part.offset <= status.size, part.length <= status.size - part.offset else {
                throw .changed(part.path)
            }
            return file
        } catch  where error.code == ENOENT || error.code == ENOTDIR || error.code == ELOOP {
            throw LocalFailure(.rejected, error.reason)
        }
    }

    /// The file of a body to store: a regular file of the given length, not a symbolic link.
    static func body(at path: String, length: UInt64) throws(LocalFailure) -> Descriptor {
        do throws(LocalFailure) {
            let file = try file(at: path)
            let status = try file.status()
            guard status.isRegular, status.size == length else { throw .changed(path) }
            return file
        } catch  where error.code == ENOENT || error.code == ENOTDIR || error.code == ELOOP {
            throw LocalFailure(.rejected, error.reason)
        }
    }
}

extension LocalFailure {
    static func changed(_ path: String) -> LocalFailure {
        LocalFailure(.rejected, "\(path) is not the regular file of the given length")
    }
}

/// What of stat(2) matters here.
struct FileStatus {
    var isRegular: Bool
    var isDirectory: Bool
    var size: UInt64
    /// Seconds since 1970.
    var modified: Int

    fileprivate init(_ status: stat) {
        isRegular = status.st_mode & S_IFMT == S_IFREG
        isDirectory = status.st_mode & S_IFMT == S_IFDIR
        size = UInt64(clamping: status.st_size)
        modified = status.st_mtim.tv_sec
    }
}

/// Repeats `body` as long as signals interrupt it; negative results are errors.
@discardableResult
func systemCall<Answer: SignedInteger>(
    _ call: @autoclosure () -> String, _ access: LocalFailure.Access, _ body: () -> Answer
) throws(LocalFailure) -> Answer {
    while true {
        let answer = body()
        if answer >= 0 { return answer }
        let code = errno
        if code != EINTR { throw LocalFailure(call(), code, access) }
    }
}
