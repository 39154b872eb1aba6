import Glibc

/// The log's files in a directory of the spool.
package final class DirectoryLogStorage: LogStorage {
    private let directory: String
    private let quarantine: String

    /// Creates the folder `log` of the spool at `path` where it is missing.
    package init(spool path: String) throws(SpoolError) {
        directory = path + "/log"
        quarantine = path + "/quarantine"
        try SpoolDirectory.create(directory)
        try SpoolDirectory.synchronize(path)
    }

    package func names() throws(SpoolError) -> [String] { try SpoolDirectory.names(directory) }

    package func read(_ name: String) throws(SpoolError) -> [UInt8] {
        try SpoolFile(opening: path(name)).withMapping { Array($0) }
    }

    package func create(_ name: String) throws(SpoolError) -> any LogFile {
        try SpoolDirectory.remove(path(name))
        return try SpoolFile(creating: path(name))
    }

    package func rename(_ name: String, to newName: String) throws(SpoolError) {
        try SpoolDirectory.rename(path(name), to: path(newName))
    }

    package func remove(_ name: String) throws(SpoolError) { try SpoolDirectory.remove(path(name)) }

    package func keepAside(_ name: String) throws(SpoolError) {
        try SpoolDirectory.create(quarantine)
        try SpoolDirectory.rename(path(name), to: "\(quarantine)/log-\(name)")
    }

    package func synchronize() throws(SpoolError) { try SpoolDirectory.synchronize(directory) }

    private func path(_ name: String) -> String { "\(directory)/\(name)" }
}

extension SpoolFile: LogFile {}
