/// The folder of a spool that holds its write-ahead log. Names are those of files in it. For one thread.
package final class LogDirectory {
    private let directory: SpoolDirectory
    private let folder: String
    private let quarantine: String

    /// Creates the folder `log` of the spool at `path` where it is missing.
    package init(spool path: String, calls: any FileCalls = PosixFileCalls()) throws(SpoolError) {
        directory = SpoolDirectory(path: path, calls: calls)
        folder = path + "/log"
        quarantine = path + "/quarantine"
        try directory.createFolder(folder)
        try directory.synchronize(path)
    }

    package func names() throws(SpoolError) -> [String] { try directory.names(folder) }

    /// The whole content.
    package func read(_ name: String) throws(SpoolError) -> [UInt8] {
        try directory.open(path(name)).withMapping { bytes, _ in Array(bytes) }
    }

    /// An empty file, in place of whatever bore the name.
    func create(_ name: String) throws(SpoolError) -> SpoolFile {
        try directory.remove(path(name))
        return try directory.create(path(name))
    }

    /// Replaces what bears the new name. Durable after `synchronize()`.
    func rename(_ name: String, to newName: String) throws(SpoolError) {
        try directory.rename(path(name), to: path(newName))
    }

    /// A name that is not there is no error.
    func remove(_ name: String) throws(SpoolError) { try directory.remove(path(name)) }

    /// Moves a damaged file to where people find it.
    func keepAside(_ name: String) throws(SpoolError) {
        try directory.createFolder(quarantine)
        try directory.rename(path(name), to: "\(quarantine)/log-\(name)")
    }

    /// Makes names durable.
    func synchronize() throws(SpoolError) { try directory.synchronize(folder) }

    private func path(_ name: String) -> String { "\(folder)/\(name)" }
}
