import Glibc

/// A file of this machine, closed when it is gone.
final class LocalFile {
    private let path: String
    private let descriptor: Int32

    init(reading path: String) throws(ChunkParts.Failure) {
        self.path = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system("cannot open", path) }
    }

    init(creating path: String) throws(ChunkParts.Failure) {
        self.path = path
        descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o440)
        guard descriptor >= 0 else { throw .system("cannot create", path) }
    }

    deinit { close(descriptor) }

    /// Fills the buffer.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(ChunkParts.Failure) {
        var filled = 0
        while filled < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
            let count = pread(descriptor, rest.baseAddress, rest.count, off_t(clamping: offset + UInt64(filled)))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .system("cannot read", path) }
            guard count > 0 else { throw ChunkParts.Failure(description: "\(path) is shorter than it was") }
            filled += count
        }
    }

    func write(_ bytes: [UInt8]) throws(ChunkParts.Failure) {
        var failure: ChunkParts.Failure?
        bytes.withUnsafeBytes { bytes in
            do throws(ChunkParts.Failure) { try write(bytes) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    func truncate(to length: UInt64) throws(ChunkParts.Failure) {
        guard ftruncate(descriptor, off_t(clamping: length)) == 0 else { throw .system("cannot truncate", path) }
    }

    func sync() throws(ChunkParts.Failure) {
        guard fdatasync(descriptor) == 0 else { throw .system("cannot sync", path) }
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(ChunkParts.Failure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = UnsafeRawBufferPointer(rebasing: rest)
            let count = Glibc.write(descriptor, piece.baseAddress, piece.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .system("cannot write", path) }
            rest = rest.dropFirst(count)
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(ChunkParts.Failure) {
        var written = 0
        while written < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[written...])
            let count = pwrite(descriptor, rest.baseAddress, rest.count, off_t(clamping: offset + UInt64(written)))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .system("cannot write", path) }
            written += count
        }
    }
}

extension ChunkParts.Failure {
    static func system(_ what: String, _ path: String) -> ChunkParts.Failure {
        ChunkParts.Failure(description: "\(what) \(path): \(String(cString: strerror(errno)))")
    }
}
