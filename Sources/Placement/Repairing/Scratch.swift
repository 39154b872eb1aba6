import Glibc

/// A folder for chunks that are being put together, removed with everything in it when this is gone.
package final class Scratch: Sendable {
    package let path: String

    private static let prefix = "firn-repair-"

    package struct Failure: Error, CustomStringConvertible {
        package var description: String
    }

    /// Also removes what processes that are no more have left.
    /// - Parameter parent: an existing folder, with room for a few chunks.
    package init(in parent: String) throws(Failure) {
        Self.removeLeftovers(in: parent)
        let path = "\(parent)/\(Self.prefix)\(getpid())-\(String(UInt64.random(in: .min ... .max), radix: 16))"
        guard mkdir(path, 0o700) == 0 else {
            throw Failure(
                description:
                    "cannot create \(path): \(String(cString: strerror(errno))); set TMPDIR to a folder with room")
        }
        self.path = path
    }

    deinit { Self.remove(path) }

    private static func remove(_ path: String) {
        for name in names(in: path) { unlink("\(path)/\(name)") }
        rmdir(path)
    }

    private static func removeLeftovers(in parent: String) {
        for name in names(in: parent) where name.hasPrefix(prefix) {
            let number = name.dropFirst(prefix.count).prefix { $0 != "-" }
            guard let process = pid_t(number), kill(process, 0) != 0, errno == ESRCH else { continue }
            remove("\(parent)/\(name)")
        }
    }

    private static func names(in path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
