import CSystem
import Glibc

/// The calls as this machine's kernel answers them.
package struct PosixFileCalls: FileCalls {
    package init() {}

    package func open(_ path: String, _ flags: Int32) throws(Errno) -> Int32 {
        try Self.checked(Glibc.open(path, flags | O_CLOEXEC, 0o600))
    }

    package func close(_ descriptor: Int32) { Glibc.close(descriptor) }

    package func read(
        _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64
    ) throws(Errno) -> Int {
        try Self.checked(pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset)))
    }

    package func write(
        _ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: UInt64
    ) throws(Errno) -> Int {
        try Self.checked(pwrite(descriptor, bytes.baseAddress, bytes.count, off_t(offset)))
    }

    package func truncate(_ descriptor: Int32, to length: UInt64) throws(Errno) {
        _ = try Self.checked(ftruncate(descriptor, off_t(length)))
    }

    package func allocate(_ descriptor: Int32, count: UInt64) throws(Errno) {
        let code = posix_fallocate(descriptor, 0, off_t(count))
        guard code == 0 else { throw Errno(code) }
    }

    package func synchronizeData(_ descriptor: Int32) throws(Errno) { _ = try Self.checked(fdatasync(descriptor)) }

    package func synchronize(_ descriptor: Int32) throws(Errno) { _ = try Self.checked(fsync(descriptor)) }

    package func length(_ descriptor: Int32) throws(Errno) -> UInt64 {
        var status = stat()
        _ = try Self.checked(fstat(descriptor, &status))
        return UInt64(status.st_size)
    }

    package func map(_ descriptor: Int32, length: Int) throws(Errno) -> UnsafeRawBufferPointer {
        guard let base = mmap(nil, length, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED else {
            throw Errno(errno)
        }
        return UnsafeRawBufferPointer(start: base, count: length)
    }

    package func unmap(_ bytes: UnsafeRawBufferPointer) {
        if let base = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: base), bytes.count) }
    }

    package func forget(_ bytes: UnsafeRawBufferPointer) {
        if let base = bytes.baseAddress { madvise(UnsafeMutableRawPointer(mutating: base), bytes.count, MADV_DONTNEED) }
    }

    package func lock(_ descriptor: Int32) throws(Errno) { _ = try Self.checked(flock(descriptor, LOCK_EX | LOCK_NB)) }

    package func birth(_ descriptor: Int32) -> Int64 { firn_birth_nanoseconds(descriptor) }

    package func status(_ path: String) throws(Errno) -> (inode: UInt64, length: UInt64) {
        var status = stat()
        _ = try Self.checked(stat(path, &status))
        return (UInt64(status.st_ino), UInt64(status.st_size))
    }

    package func canAccess(_ path: String, _ mode: Int32) -> Bool { access(path, mode) == 0 }

    package func createFolder(_ path: String) throws(Errno) { _ = try Self.checked(mkdir(path, 0o700)) }

    package func names(_ path: String) throws(Errno) -> [String] {
        guard let directory = opendir(path) else { throw Errno(errno) }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    package func rename(_ path: String, to target: String) throws(Errno) {
        _ = try Self.checked(Glibc.rename(path, target))
    }

    package func link(_ path: String, to target: String) throws(Errno) {
        _ = try Self.checked(Glibc.link(path, target))
    }

    package func unlink(_ path: String) throws(Errno) { _ = try Self.checked(Glibc.unlink(path)) }

    private static func checked<Result: SignedInteger>(_ result: Result) throws(Errno) -> Result {
        guard result >= 0 else { throw Errno(errno) }
        return result
    }
}
