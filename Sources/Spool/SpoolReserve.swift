import Glibc

/// A file that takes as much room as a snapshot may need, to be given up for one when the disk is full.
struct SpoolReserve {
    private let path: String
    private static let least = 256 << 10

    init(directory: String) { path = directory + "/reserve" }

    /// Gives the room back; false where there was none.
    func release() throws(SpoolError) -> Bool {
        guard access(path, F_OK) == 0 else { return false }
        try SpoolDirectory.remove(path)
        return true
    }

    /// Takes the room again, where there is some: no promise, so a failure is none.
    func fill(encodedCount: Int) {
        let wanted = max(Self.least, 2 * encodedCount)
        var status = stat()
        guard stat(path, &status) != 0 || Int(status.st_size) < wanted else { return }
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        if posix_fallocate(descriptor, 0, off_t(wanted)) != 0 { unlink(path) }
    }
}
