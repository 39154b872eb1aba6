import ArchiveTypes
import Glibc

/// A store's directory, by blocking calls: object `a/b/c` is the file `c` in the folder `a/b`.
///
///     ROOT/.firn-tmp/        files that are being written: no objects
///     ROOT/a/b/c             an object: its bytes are all there, and durable, before it has its name
///
/// The root is opened by its path for each call, so that a file system can be unmounted between calls, and what is
/// mounted later is used. Below the root, symbolic links are not followed, but by those who read an object of a known
/// key in a folder that is one.
struct DirectoryTree: Sendable {
    static let temporaries = ".firn-tmp"
    /// Nobody takes a day to write one object.
    static let temporaryLifetimeSeconds = 86400

    let path: String
    /// Folders whose names in their parents are known to be durable.
    let durable = Guarded<Set<String>>([])

    init(path: String) { self.path = path }

    func openRoot() throws(LocalFailure) -> Descriptor {
        do throws(LocalFailure) { return try Descriptor.directory(at: path) } catch {
            switch error.code {
            case ENOENT:
                throw LocalFailure(
                    .configuration, "there is no directory \(path)", hint: "check the path, or mount what belongs there"
                )
            case ENOTDIR: throw LocalFailure(.configuration, "\(path) is not a directory", hint: "check the path")
            default: throw error
            }
        }
    }

    /// The folder that holds the object `key`. Below the root it is made durably where `creating`; else what is missing
    /// is a failure with code ENOENT.
    func openFolder(of segments: [Substring], creating: Bool) throws(LocalFailure) -> Descriptor {
        var folder = try openRoot()
        var path = ""
        for segment in segments.dropLast() {
            let name = String(segment)
            path += name + "/"
            if creating { try makeDurably(name, in: folder, path) }
            folder = try openFolder(name, in: folder, creating ? .writing : .reading)
        }
        return folder
    }

    private func openFolder(
        _ name: String, in parent: borrowing Descriptor, _ access: LocalFailure.Access
    ) throws(LocalFailure) -> Descriptor {
        do throws(LocalFailure) { return try parent.directory(name, access) } catch  where error.code == ENOTDIR {
            // Linux says that of a symbolic link too, which differs in what a person can do about it.
            guard let status = try parent.status(of: name), !status.isRegular else { throw error }
            throw LocalFailure("cannot open directory \(name)", ELOOP, access)
        }
    }

    /// A folder that another process has just made may not be durable yet, so the first use of each is synced here too.
    private func makeDurably(
        _ name: String, in parent: borrowing Descriptor, _ path: String
    ) throws(LocalFailure) {
        let isNew = try parent.makeDirectory(name)
        guard isNew || !durable.withLock({ $0.contains(path) }) else { return }
        try parent.syncNames()
        durable.withLock { known in
            // Bounded: forgetting costs one fsync each.
            if known.count >= 10_000 { known.removeAll() }
            known.insert(path)
        }
    }
}

// MARK: Opening

extension DirectoryTree {
    /// Makes the root with all its parents, durably, and removes what writers who died have left.
    func create() throws(LocalFailure) {
        try Self.makeRoot(path)
        let root = try openRoot()
        _ = try root.makeDirectory(Self.temporaries)
        try removeStaleTemporaries(in: try root.directory(Self.temporaries))
    }

    private static func makeRoot(_ path: String) throws(LocalFailure) {
        do throws(LocalFailure) { try makeDirectory(path) } catch  where error.code == EEXIST {
            return
        } catch  where error.code == ENOENT {
            guard let parent = parent(of: path) else { throw error }
            try makeRoot(parent)
            do throws(LocalFailure) { try makeDirectory(path) } catch  where error.code == EEXIST { return }
        }
    }

    private static func makeDirectory(_ path: String) throws(LocalFailure) {
        try systemCall("cannot make directory \(path)", .writing) { mkdir(path, 0o750) }
        try Descriptor.directory(at: parent(of: path) ?? ".").syncNames()
    }

    /// Nil where a path has no parent in its text: `/`, `name`.
    private static func parent(of path: String) -> String? {
        let trimmed = path.utf8.reversed().drop { $0 == UInt8(ascii: "/") }
        let parent = trimmed.drop { $0 != UInt8(ascii: "/") }
        guard !trimmed.isEmpty, !parent.isEmpty else { return nil }
        return String(decoding: parent.reversed(), as: UTF8.self)
    }

    private func removeStaleTemporaries(in folder: borrowing Descriptor) throws(LocalFailure) {
        let now = time(nil)
        try folder.forEachName { name, _ throws(LocalFailure) in
            let name = String(decoding: name, as: UTF8.self)
            guard let status = try folder.status(of: name), status.isRegular,
                status.modified < now - Self.temporaryLifetimeSeconds
            else { return }
            do throws(LocalFailure) { try folder.unlink(name) } catch  where error.code == ENOENT {
                // Another process cleans up too.
            }
        }
    }
}

// MARK: Reading and removing

extension DirectoryTree {
    func get(_ key: String, _ range: ObjectRange) throws(LocalFailure) -> ObjectData {
        let root = try openRoot()
        let file = try root.file(key)
        let status = try file.status()
        guard status.isRegular else { throw LocalFailure(.notFound, "not an object") }
        let (offset, count) = try range.resolve(objectSize: status.size)
        guard count <= Limits.objectBytes else {
            throw LocalFailure(.rejected, "\(count) bytes are more than any object of an archive has")
        }
        return ObjectData(bytes: try file.read(count, at: offset), objectSize: status.size)
    }

    func size(_ key: String) throws(LocalFailure) -> UInt64 {
        guard let status = try openRoot().status(of: key), status.isRegular else {
            throw LocalFailure(.notFound, "no such object")
        }
        return status.size
    }

    /// Not synced: a removal that a power cut undoes is asked for again by whoever wants it.
    func delete(_ key: String) throws(LocalFailure) {
        let segments = key.split(separator: "/")
        do throws(LocalFailure) {
            let folder = try openFolder(of: segments, creating: false)
            guard let name = segments.last.map(String.init), let status = try folder.status(of: name),
                !status.isDirectory
            else { return }
            try folder.unlink(name)
        } catch  where error.code == ENOENT || error.code == ENOTDIR {
            return
        }
    }
}
