import Glibc

/// A file of the spool that is written at its end. Closed with its last reference.
final class SpoolFile {
    let path: String
    private let descriptor: Int32

    /// Creates `path`, which must not exist.
    init(creating path: String) throws(SpoolError) {
        self.path = path
        descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .system("cannot create", path: path) }
    }

    /// Opens `path` for writing.
    init(opening path: String) throws(SpoolError) {
        self.path = path
        descriptor = open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system("cannot open", path: path) }
    }

    deinit { close(descriptor) }

    /// Writes all of both pieces at `offset`.
    func write(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer, at offset: UInt64) throws(SpoolError)
    {
        try write(first, at: offset)
        try write(second, at: offset + UInt64(first.count))
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SpoolError) {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            let count = pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset) + off_t(done))
            if count > 0 {
                done += count
            } else if errno != EINTR || count == 0 {
                throw .system("cannot write", path: path, code: count == 0 ? ENOSPC : errno)
            }
        }
    }

    /// Replaces `buffer` by the `count` bytes at `offset`, which must be there.
    func read(_ count: Int, at offset: UInt64, into buffer: inout [UInt8]) throws(SpoolError) {
        if buffer.count > count { buffer.removeLast(buffer.count - count) }
        if buffer.count < count { buffer.append(contentsOf: repeatElement(0, count: count - buffer.count)) }
        let failure = buffer.withUnsafeMutableBytes { bytes -> SpoolError? in
            var done = 0
            while done < count {
                let rest = UnsafeMutableRawBufferPointer(rebasing: bytes[done...])
                let result = pread(descriptor, rest.baseAddress, rest.count, off_t(offset) + off_t(done))
                if result > 0 {
                    done += result
                } else if result == 0 {
                    return SpoolError(.damaged, path: path, reason: "ends before byte \(offset + UInt64(count))")
                } else if errno != EINTR {
                    return .system("cannot read", path: path)
                }
            }
            return nil
        }
        if let failure { throw failure }
    }

    func truncate(to length: UInt64) throws(SpoolError) {
        guard ftruncate(descriptor, off_t(length)) == 0 else { throw .system("cannot truncate", path: path) }
    }

    /// Makes all that was written durable. After an error nothing of this file may be taken as durable (fsync(2)).
    func synchronize() throws(SpoolError) {
        guard fdatasync(descriptor) == 0 else {
            throw SpoolError(.io, path: path, reason: "cannot sync: \(String(cString: strerror(errno)))")
        }
    }

    func length() throws(SpoolError) -> UInt64 {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system("cannot stat", path: path) }
        return UInt64(status.st_size)
    }

    /// Runs `body` on all bytes of the file, mapped: a truncation meanwhile is excluded by the spool's lock.
    func withMapping<Value>(_ body: (UnsafeRawBufferPointer) throws(SpoolError) -> Value) throws(SpoolError) -> Value {
        let length = Int(try length())
        guard length > 0 else { return try body(UnsafeRawBufferPointer(start: nil, count: 0)) }
        guard let base = mmap(nil, length, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED else {
            throw .system("cannot map", path: path)
        }
        defer { munmap(base, length) }
        return try body(UnsafeRawBufferPointer(start: base, count: length))
    }
}

/// Calls on directories and names.
enum SpoolDirectory {
    static func create(_ path: String) throws(SpoolError) {
        var partial = ""
        for (index, part) in path.split(separator: "/", omittingEmptySubsequences: false).enumerated() {
            partial += index == 0 ? String(part) : "/\(part)"
            if part.isEmpty { continue }
            guard mkdir(partial, 0o700) == 0 || errno == EEXIST else { throw .system("cannot create", path: partial) }
        }
    }

    static func synchronize(_ path: String) throws(SpoolError) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system("cannot open", path: path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else {
            throw SpoolError(
                .io, path: path, reason: "cannot sync the directory: \(String(cString: strerror(errno)))")
        }
    }

    static func rename(_ from: String, to target: String) throws(SpoolError) {
        guard Glibc.rename(from, target) == 0 else { throw .system("cannot rename to \(target)", path: from) }
    }

    /// Gives a file another name.
    static func link(_ path: String, to other: String) throws(SpoolError) {
        guard Glibc.link(path, other) == 0 else { throw .system("cannot link to \(other)", path: path) }
    }

    static func remove(_ path: String) throws(SpoolError) {
        guard unlink(path) == 0 || errno == ENOENT else { throw .system("cannot remove", path: path) }
    }

    /// Names in a directory, sorted.
    static func names(_ path: String) throws(SpoolError) -> [String] {
        guard let directory = opendir(path) else { throw .system("cannot read", path: path) }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}
