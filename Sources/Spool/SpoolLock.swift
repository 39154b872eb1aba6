import ArchiveTypes
import Checksums
import Glibc
import Threads

/// The right to use a spool, held by one process at a time with flock(2): it ends with the process.
final class SpoolLock: Sendable {
    private let calls: any FileCalls
    /// nil: let go.
    private let descriptor: Monitor<Int32?>

    init(_ directory: SpoolDirectory) throws(SpoolError) {
        let file = directory.path + "/lock"
        let calls = directory.calls
        let descriptor = try told("cannot open", file) { () throws(Errno) in try calls.open(file, O_RDWR | O_CREAT) }
        self.calls = calls
        self.descriptor = Monitor(descriptor)
        do throws(Errno) { try calls.lock(descriptor) } catch {
            // What was opened is closed with `self`.
            guard error.code == EWOULDBLOCK else { throw .system("cannot lock", path: file, code: error.code) }
            throw SpoolError(
                .locked, path: directory.path, reason: "another process has it open",
                hint: "stop the other firn, or give this one a spool.path of its own")
        }
    }

    deinit { release() }

    func release() {
        descriptor.update { descriptor in
            if let held = descriptor { calls.close(held) }
            descriptor = nil
        }
    }
}

/// Machine, file system and inode of a directory, hashed: a copy of a spool on another disk or machine has another one.
enum SpoolIdentity {
    static func of(_ directory: SpoolDirectory) throws(SpoolError) -> String {
        let (path, calls) = (directory.path, directory.calls)
        let inode = try told("cannot stat", path) { () throws(Errno) in try calls.status(path).inode }
        // A machine without an id is told apart by inode and birth alone.
        let machine = calls.canAccess(machineID, R_OK) ? try SpoolFile(reading: machineID, calls).readAll() : []
        let descriptor = try told("cannot open", path) { () throws(Errno) in
            try calls.open(path, O_RDONLY | O_DIRECTORY)
        }
        defer { calls.close(descriptor) }
        let text = "\(hex(machine)):\(inode):\(calls.birth(descriptor))"
        return String(hex(sha256(Array(text.utf8))).prefix(32))
    }

    private static let machineID = "/etc/machine-id"
}
