import Glibc

/// The spool's directory and the calls on names in it. Paths that are given are absolute.
struct SpoolDirectory: Sendable {
    let path: String
    let calls: any FileCalls

    /// With all folders above it.
    func createFolder(_ path: String) throws(SpoolError) {
        var partial = ""
        for (index, part) in path.split(separator: "/", omittingEmptySubsequences: false).enumerated() {
            partial += index == 0 ? String(part) : "/\(part)"
            if part.isEmpty { continue }
            do throws(Errno) { try calls.createFolder(partial) } catch {
                guard error.code == EEXIST else { throw .system("cannot create", path: partial, code: error.code) }
            }
        }
    }

    func create(_ path: String) throws(SpoolError) -> SpoolFile { try SpoolFile(creating: path, calls) }

    func open(_ path: String) throws(SpoolError) -> SpoolFile { try SpoolFile(opening: path, calls) }

    func readAll(_ path: String) throws(SpoolError) -> [UInt8] { try SpoolFile(reading: path, calls).readAll() }

    /// Makes the names in a folder durable.
    func synchronize(_ path: String) throws(SpoolError) {
        let descriptor = try told("cannot open", path) { () throws(Errno) in
            try calls.open(path, O_RDONLY | O_DIRECTORY)
        }
        defer { calls.close(descriptor) }
        do throws(Errno) { try calls.synchronize(descriptor) } catch {
            throw SpoolError(
                .io, path: path, reason: "cannot sync the directory: \(String(cString: strerror(error.code)))")
        }
    }

    func rename(_ from: String, to target: String) throws(SpoolError) {
        try told("cannot rename to \(target)", from) { () throws(Errno) in try calls.rename(from, to: target) }
    }

    /// Gives a file another name.
    func link(_ from: String, to target: String) throws(SpoolError) {
        try told("cannot link to \(target)", from) { () throws(Errno) in try calls.link(from, to: target) }
    }

    /// A name that is not there is no error.
    func remove(_ path: String) throws(SpoolError) {
        do throws(Errno) { try calls.unlink(path) } catch {
            guard error.code == ENOENT else { throw .system("cannot remove", path: path, code: error.code) }
        }
    }

    func contains(_ path: String) -> Bool { calls.canAccess(path, F_OK) }

    /// Names in a folder, sorted.
    func names(_ path: String) throws(SpoolError) -> [String] {
        try told("cannot read", path) { () throws(Errno) in try calls.names(path) }
            .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}
