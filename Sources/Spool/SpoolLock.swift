import ArchiveTypes
import CSystem
import Checksums
import Glibc

/// The right to use a spool, held by one process at a time with flock(2): it ends with the process.
final class SpoolLock: Sendable {
    private let descriptor: Int32

    init(path: String) throws(SpoolError) {
        let file = path + "/lock"
        descriptor = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .system("cannot open", path: file) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            close(descriptor)
            guard code == EWOULDBLOCK else { throw .system("cannot lock", path: file, code: code) }
            throw SpoolError(
                .locked, path: path, reason: "another process has it open",
                hint: "stop the other firn, or give this one a spool.path of its own")
        }
    }

    deinit { close(descriptor) }
}

/// Machine, file system and inode of a directory, hashed: a copy of a spool on another disk or machine has another one.
enum SpoolIdentity {
    static func of(_ path: String) throws(SpoolError) -> String {
        var status = stat()
        guard stat(path, &status) == 0 else { throw .system("cannot stat", path: path) }
        // A machine without an id is told apart by inode and birth alone.
        let machine = access("/etc/machine-id", R_OK) == 0 ? try readAll("/etc/machine-id") : []
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system("cannot open", path: path) }
        defer { close(descriptor) }
        let birth = firn_birth_nanoseconds(descriptor)
        let text = "\(hex(machine)):\(status.st_ino):\(birth)"
        return String(hex(sha256(Array(text.utf8))).prefix(32))
    }

    static func readAll(_ path: String) throws(SpoolError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system("cannot open", path: path) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count == 0 { return bytes }
            if count > 0 {
                bytes += buffer[..<count]
            } else if errno != EINTR {
                throw .system("cannot read", path: path)
            }
        }
    }
}
