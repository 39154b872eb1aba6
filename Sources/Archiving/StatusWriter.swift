import ArchiveTypes
import Glibc
import Inputs
import Logging
import Spool

/// Writes `status.json`, at most every other second.
struct StatusWriter {
    private let spool: Spool
    private let logger: Logger
    private let received: @Sendable () -> ReceivedFigures?
    /// Given every status that is written.
    private let told: @Sendable (AgentStatus) -> Void
    private var last: Nanoseconds = .min

    private static let interval: Nanoseconds = 2 * .perSecond
    /// Files that are shown: those furthest behind.
    private static let mostStreams = 256

    init(
        spool: Spool, logger: Logger, received: @escaping @Sendable () -> ReceivedFigures?,
        told: @escaping @Sendable (AgentStatus) -> Void
    ) {
        self.received = received
        self.told = told
        self.spool = spool
        self.logger = logger
    }

    mutating func write<View>(
        _ reader: borrowing AgentReader<View>, _ stores: [AgentStatus.Store], now: Nanoseconds, isLast: Bool = false
    ) {
        guard last == .min || now - last >= Self.interval || now < last || isLast else { return }
        last = now
        let status = status(reader, stores, now: now)
        told(status)
        do { try status.write(spool: spool.path) } catch {
            logger.debug("cannot write the status: \(error)")
        }
    }

    private func status<View>(
        _ reader: borrowing AgentReader<View>, _ stores: [AgentStatus.Store], now: Nanoseconds
    ) -> AgentStatus {
        let followed = reader.followed
        let backlog = spool.backlog()
        let shown =
            followed.count <= Self.mostStreams
            ? followed[...] : followed.sorted { $0.behind > $1.behind }.prefix(Self.mostStreams)
        let losses = reader.losses
        return AgentStatus(
            process: getpid(), writer: spool.writer.description, updated: CivilTime.rfc3339(now),
            backlogBytes: backlog.bytes, backlogChunks: backlog.chunks, maxBytes: spool.maxBytes,
            isHeldUp: reader.queue.isHeldUp, files: followed.count,
            unreadBytes: followed.reduce(0) { $0 + $1.behind }, appended: reader.queue.totals,
            byInput: reader.readByGroup,
            received: received(), lost: losses.total,
            lostBySource: losses.bySource,
            streams: shown.map {
                AgentStatus.Stream(source: $0.checkpoint.source, position: $0.checkpoint.position, size: $0.size)
            },
            stores: stores)
    }
}

extension FollowedFile {
    /// Bytes that were seen and not read.
    fileprivate var behind: UInt64 { size - min(size, checkpoint.position) }
}
