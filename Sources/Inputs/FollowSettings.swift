package import ArchiveTypes

/// What to follow, and within which bounds.
package struct FollowSettings: Sendable {
    /// The files of one input of the configuration.
    package struct Group: Sendable {
        package var selection: PathSelection
        package var start: Start
        /// Files seen for the first time that were last modified longer ago than this are left alone until they are
        /// written again; then they are read from where `start` says.
        package var ignoreOlder: Nanoseconds?

        package init(_ selection: PathSelection, start: Start = .beginning, ignoreOlder: Nanoseconds? = nil) {
            self.selection = selection
            self.start = start
            self.ignoreOlder = ignoreOlder
        }
    }

    /// Where to begin in files that are there when following begins. Files that come later are read from their
    /// beginning.
    package enum Start: Sendable, Hashable { case beginning, end }

    /// A file that several groups select belongs to the first of them.
    package var groups: [Group]
    package var machine: MachineID
    /// The most that one piece holds: a block's raw bytes.
    package var pieceBytes = 1 << 20
    /// Descriptors held at once. With fewer than files, a file that is deleted while closed is lost unread.
    package var mostOpenFiles = 1024
    /// A last line without a newline is delivered after it stood unchanged this long.
    package var unterminatedAfter: Nanoseconds = 5 * .perSecond
    /// A file that was renamed out of the patterns is let go after it stood unchanged this long: its writer may take a
    /// while to open the new one.
    package var rotatedGrace: Nanoseconds = 5 * .perMinute
    /// The same for a deleted one, which takes up space as long as it is held.
    package var deletedGrace: Nanoseconds = 5 * .perSecond
    /// A compressed file is read once it stood unchanged this long: what writes it has finished then.
    package var compressedQuiet: Nanoseconds = 2 * .perSecond
    /// A file that looks like the copy that precedes a truncation is followed like any other after it stood unchanged
    /// this long.
    package var copyGrace: Nanoseconds = .perMinute
    /// Renamed files of one stream that are remembered after they were read to their end: when rotation compresses them
    /// later, the compressed file is told from new content.
    package var rotatedKept = 2
    package var decompression = DecompressionLimits()
    package var walk = WalkLimits()

    package init(groups: [Group], machine: MachineID) {
        self.groups = groups
        self.machine = machine
    }
}
