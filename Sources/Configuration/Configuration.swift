package import ArchiveTypes

/// Everything that a configuration file, the environment and the defaults say together.
package struct Configuration: Sendable, Hashable {
    /// The archive's name, `[a-z0-9-]`, at most 63 characters.
    package var archive: String
    /// The host that lines are archived under.
    package var host: String
    package var spool: Spool
    package var stores: [StoreConfiguration]
    package var redundancy: Redundancy
    package var inputs: [InputConfiguration]
    package var roll: Roll
    package var compression: Compression
    package var metrics: Metrics

    /// The directory of what is not yet archived.
    package struct Spool: Sendable, Hashable {
        /// Absolute.
        package var path: String
        /// Ceiling in bytes; past it, sources wait.
        package var maxBytes: Int
    }

    /// How the stores hold a chunk; it is archived when `acknowledge` of them hold their part.
    package struct Redundancy: Sendable, Hashable {
        package enum Rule: Sendable, Hashable {
            /// Whole copies, each in a store of its own.
            case copies(Int)
            /// Reed-Solomon shards, each in a store of its own; any `data` of them suffice.
            case erasure(data: Int, parity: Int)
        }

        package var rule: Rule
        package var acknowledge: Int
        /// Two parts of a chunk may lie in stores of one failure domain.
        package var sharesDomains = false

        package init(_ rule: Rule, acknowledge: Int? = nil) {
            self.rule = rule
            self.acknowledge = acknowledge ?? rule.defaultAcknowledge
        }

        /// One store that holds everything.
        package static let single = Redundancy(.copies(1), acknowledge: 1)
    }

    /// When blocks close and chunks seal.
    package struct Roll: Sendable, Hashable {
        /// Raw bytes.
        package var blockBytes: Int
        package var blockAge: Nanoseconds
        /// Stored bytes.
        package var chunkBytes: Int
        package var chunkAge: Nanoseconds
    }

    package struct Compression: Sendable, Hashable {
        /// zstd's level, 1 to 19.
        package var level: Int
    }

    package struct Metrics: Sendable, Hashable {
        /// `HOST:PORT` to serve metrics on; nil: nowhere.
        package var listen: String?
    }
}

/// One store of the archive.
package struct StoreConfiguration: Sendable, Hashable {
    /// Unique among the stores. Where none was given, the URL without its query.
    package var name: String
    package var location: StoreLocation
    /// What fails together with other stores of the same domain: a provider, a region, a site; nil: the store by itself.
    package var domain: String?
    /// What reading a GiB costs, in any unit; nil: speed decides.
    package var price: Double?

    package init(name: String? = nil, location: StoreLocation) {
        self.name = name ?? location.shortURL
        self.location = location
    }
}

extension Configuration.Redundancy.Rule {
    /// Stores that hold a part.
    package var parts: Int {
        switch self {
        case .copies(let copies): copies
        case .erasure(let data, let parity): data + parity
        }
    }

    /// A majority of copies, and at least 2 where there are 2; one shard more than reading needs.
    package var defaultAcknowledge: Int {
        switch self {
        case .copies(let copies): max(copies / 2 + 1, min(2, copies))
        case .erasure(let data, _): data + 1
        }
    }
}

/// One source of lines.
package enum InputConfiguration: Sendable, Hashable {
    case files(FilesInput)
    case syslog(SyslogInput)
    case journal(JournalInput)
    case stdin(StandardInput)
}

/// Files that are followed.
package struct FilesInput: Sendable, Hashable {
    /// Globs of absolute paths; `**` stands for any number of directories.
    package var include: [String]
    /// Globs of what to leave out: of paths where they contain a `/`, else of names.
    package var exclude: [String]
    package var labels: Labels
    /// The zone of times that name none: an IANA name, `UTC`, or `+HH:MM`; nil: the machine's.
    package var timezone: String?
    /// Where to begin in files that are seen for the first time.
    package var start: Start
    /// Files seen for the first time that were last written longer ago than this are left out; nil: none are.
    package var ignoreOlder: Nanoseconds?
    /// Regular expressions: lines that match one are not archived.
    package var drop: [String]
    package var redact: [Redaction]

    package var format: Format

    /// How lines are wrapped by what writes the files.
    package enum Format: String, Sendable, Hashable, CaseIterable {
        /// As containers' logs where a file's path and first line are such, else as they are.
        case auto
        case plain
        case cri
        case docker
    }

    package struct Redaction: Sendable, Hashable {
        /// A regular expression.
        package var pattern: String
        /// What each match is masked with, repeated to its length.
        package var mask: String
    }

    package enum Start: String, Sendable, Hashable, CaseIterable {
        case beginning
        case end
    }
}
