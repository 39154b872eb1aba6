/// Which files are meant: those that an `include` matches and no `exclude`. Excluding patterns without a slash go by
/// the file's name alone.
package struct PathSelection: Sendable, Hashable {
    package let include: [PathGlob]
    package let exclude: [PathGlob]

    /// Throws where a pattern is malformed or one to include is not absolute.
    package init(include: [String], exclude: [String] = []) throws(InputError) {
        self.include = try include.map { (pattern) throws(InputError) in
            let glob = try PathGlob(pattern)
            guard glob.isAbsolute else {
                throw InputError(
                    .pattern, path: pattern, "this pattern does not begin with a slash", hint: "write the whole path")
            }
            return glob
        }
        self.exclude = try exclude.map { (pattern) throws(InputError) in try PathGlob(pattern) }
    }

    package func contains(_ path: RawPath) -> Bool { include.contains { $0.matches(path) } && !excludes(path) }

    /// Whether files that are meant may lie in or below `folder`.
    func reaches(_ folder: RawPath) -> Bool {
        include.contains { $0.reaches(folder) } && !excludesAllBelow(folder)
    }

    func excludes(_ path: RawPath) -> Bool { exclude.contains { $0.matches(path, hidden: true) } }
    func excludesAllBelow(_ folder: RawPath) -> Bool { exclude.contains { $0.matchesAllBelow(folder) } }
}

/// The files that a selection meant at one moment.
package struct FoundFiles: Sendable {
    package struct Found: Sendable, Hashable {
        package var path: RawPath
        package var status: FileStatus
        /// A link, or reached through one.
        package var isLinked: Bool
    }

    /// By path, real ones before those that are reached through links, each path once.
    package var files: [Found] = []
    /// All folders that were looked into: what comes to be found comes there.
    package var folders: [RawPath: FolderInterest] = [:]
    /// Folders and links that could not be read, and bounds that were reached.
    package var problems: [InputError] = []

    package init() {}
}

/// What one walk may look at.
package struct WalkLimits: Sendable, Hashable {
    package var entries = 2_000_000
    package var files = 200_000
    /// Linux resolves no path above 4096 bytes; this stops before.
    package var depth = 128

    package init() {}
}
