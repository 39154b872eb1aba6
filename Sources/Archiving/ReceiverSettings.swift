package import ArchiveTypes
package import ChunkFormat
package import EventTime

/// How received lines become blocks.
package struct ReceiverSettings: Sendable {
    /// What belongs to the lines of one source.
    package struct Source: Sendable {
        package var labels: Labels
        package var zone: TimeZoneRules
        /// A restart begins a new generation: what comes then is not the continuation of what came before.
        package var isNewEachRun: Bool

        package init(labels: Labels, zone: TimeZoneRules, isNewEachRun: Bool = false) {
            self.labels = labels
            self.zone = zone
            self.isNewEachRun = isNewEachRun
        }
    }

    /// The host of lines that name none.
    package var host: String
    package var sources: [String: Source]
    /// Raw bytes and age at which a block is closed.
    package var blockBytes: Int
    package var blockAge: Nanoseconds
    package var compression: CompressionSettings
    /// Raw bytes of all open blocks, and of closed ones that the spool has no room for: beyond it nothing is taken.
    package var openBlockBytes = 8 << 20
    /// Streams at once. Lines of further hosts go to this host's stream of their source.
    package var streams = 4096
    /// A stream from which nothing came for so long is forgotten: its next line begins a new generation.
    package var idleTime: Nanoseconds = .perHour
    /// At most so often a gap block says what was lost.
    package var lossInterval: Nanoseconds = 10 * .perSecond
    /// Bytes of the write-ahead log.
    package var logBytes: UInt64
    package var logSegmentBytes: UInt64 = 4 << 20
    /// What a receiver before this one left, in this process.
    package var handover = ReceiverHandover()

    package init(
        host: String, sources: [String: Source], blockBytes: Int, blockAge: Nanoseconds,
        compression: CompressionSettings, logBytes: UInt64
    ) {
        self.host = host
        self.sources = sources
        self.blockBytes = blockBytes
        self.blockAge = blockAge
        self.compression = compression
        self.logBytes = logBytes
    }

    /// The labels of a source's lines with their relay.
    func labels(of source: String, relay: String?) -> Labels {
        let configured = sources[source]?.labels ?? .none
        guard let relay, configured[LoggedLabel.relay] == nil else { return configured }
        let pairs = configured.pairs.map { (key: $0.key, value: $0.value) } + [(LoggedLabel.relay, relay)]
        return Labels(pairs) ?? configured
    }
}

/// What a receiver leaves to another one in the same process: streams that end with the process go on.
package struct ReceiverHandover: Sendable {
    struct Run {
        /// Where the lines that went to blocks end.
        var end: UInt64
        /// Whether the last of them is still to be ended.
        var isInsideLine: Bool
    }

    /// By the streams' numbers in the log.
    var runs: [UInt64: Run] = [:]

    package init() {}
}

enum LoggedLabel {
    /// The address that lines were received from.
    static let relay = "relay"
}
