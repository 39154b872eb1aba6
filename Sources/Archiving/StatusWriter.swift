import ArchiveTypes
import Glibc
import Inputs
import Logging
import Spool

/// Writes `status.json`: when something has changed, at most every other second, and as a sign of life.
struct StatusWriter {
    private let spool: Spool
    private let logger: Logger
    /// When it was last put together, and what was last written and when.
    private var last: Nanoseconds?
    private var written: (status: AgentStatus, time: Nanoseconds)?
    private let received: @Sendable () -> ReceivedFigures?
    /// Given every status.
    private let told: @Sendable (AgentStatus) -> Void

    private static let interval: Nanoseconds = 2 * .perSecond
    private static let signOfLife: Nanoseconds = 30 * .perSecond
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
        guard isLast || Self.isOver(Self.interval, since: last, now) else { return }
        last = now
        let status = status(reader, stores, now: now)
        told(status)
        guard isLast || Self.isOver(Self.signOfLife, since: written?.time, now) || hasChanged(status) else { return }
        written = (status, now)
        do { try status.write(spool: spool.path) } catch { logger.debug("cannot write the status: \(error)") }
    }

    /// Also where the clock was set back.
    private static func isOver(_ pause: Nanoseconds, since time: Nanoseconds?, _ now: Nanoseconds) -> Bool {
        time.map { now - $0 >= pause || now < $0 } ?? true
    }

    private func hasChanged(_ status: AgentStatus) -> Bool {
        var before = written?.status
        before?.updated = status.updated
        return before != status
    }

    private func status<View>(
        _ reader: borrowing AgentReader<View>, _ stores: [AgentStatus.Store], now: Nanoseconds
    ) -> AgentStatus {
        let progress = reader.progress(atMost: Self.mostStreams)
        let backlog = spool.backlog()
        let losses = reader.losses
        return AgentStatus(
            process: getpid(), writer: spool.writer.description, updated: CivilTime.rfc3339(now),
            backlogBytes: backlog.bytes, backlogChunks: backlog.chunks, maxBytes: spool.maxBytes,
            isHeldUp: reader.queue.isHeldUp, files: progress.files,
            unreadBytes: progress.behind, appended: reader.queue.totals, byInput: reader.readByGroup,
            received: received(), lost: losses.total,
            lostBySource: losses.bySource,
            streams: progress.shown.map {
                AgentStatus.Stream(source: $0.source, position: $0.position, size: $0.size)
            },
            stores: stores)
    }
}
