package import ArchiveTypes
package import ChunkFormat
package import EventTime
package import Inputs

/// What an agent follows and how it rolls. Times are in nanoseconds.
package struct AgentSettings: Sendable {
    /// What belongs to one group of `follow`, by its index.
    package struct Group: Sendable {
        package var labels: Labels
        package var zone: TimeZoneRules
        package var rules: LineRules
        package var format: LineFormat

        package init(
            labels: Labels, zone: TimeZoneRules, rules: LineRules = .none, format: LineFormat = .automatic
        ) {
            self.format = format
            self.labels = labels
            self.zone = zone
            self.rules = rules
        }
    }

    package var host: String
    package var follow: FollowSettings
    package var groups: [Group]
    /// Age at which a block is closed.
    package var blockAge: Nanoseconds
    package var compression: CompressionSettings
    /// Memory of all open blocks together: beyond it the largest is closed.
    package var openBlockBytes = 12 << 20
    /// Between two looks at the files.
    package var pollInterval: Nanoseconds = 250_000_000
    /// The same where the system tells what changes: what happens often is taken together.
    package var leastPause: Nanoseconds = 20_000_000
    /// What one turn reads at most, in bytes and in time, before it is synced and files are looked at again.
    package var turnBytes = 32 << 20
    package var turnTime: Nanoseconds = 200_000_000
    /// Chunks are merged on a thread of their own.
    package var mergesInBackground = true
    /// How long stopping may take for what is still to be archived; the rest stays in the spool.
    package var drainTimeout: Nanoseconds = 30 * .perSecond

    package init(
        host: String, follow: FollowSettings, groups: [Group], blockAge: Nanoseconds, compression: CompressionSettings
    ) {
        self.host = host
        self.follow = follow
        self.groups = groups
        self.blockAge = blockAge
        self.compression = compression
    }
}
