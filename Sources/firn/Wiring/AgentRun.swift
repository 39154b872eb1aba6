import ArchiveTypes
import Archiving
import ChunkFormat
import Configuration
import EventTime
import Inputs
import Logging
import Patterns
import Placement
import Spool
import Synchronization
import Threads

/// One agent under one configuration.
struct AgentRun {
    private let agent: Agent
    private let spool: Spool
    /// Serves metrics; nil where nobody wants them.
    private let server: PageServer?
    private let logger: Logger

    /// Finds out whether an agent could run under `loaded`, as far as that can be told beside one that is running.
    static func check(_ loaded: LoadedStores) throws {
        guard !loaded.configuration.inputs.isEmpty else {
            throw CommandFailure(
                sentence:
                    "there are no inputs to follow; write inputs: into the configuration, as in files: {include: [/var/log/*.log]}"
            )
        }
        _ = try AgentSettings(loaded.configuration)
        _ = try OpenStores(loaded, create: true, isReading: false, mayBeDown: true)
    }

    /// - Parameter handover: what a run before this one left.
    init(_ loaded: LoadedStores, continuing handover: ReceiverHandover, logger: Logger) throws {
        try Self.check(loaded)
        let configuration = loaded.configuration
        let opened = try OpenStores(loaded, create: true, isReading: false, mayBeDown: true)
        var options = SpoolOptions(loaded, archive: configuration.archive)
        options.merging = .init(blockBytes: configuration.roll.blockBytes, level: configuration.compression.level)
        spool = try Spool(path: configuration.spool.path, options: options)
        let archive = ArchiveWriter(
            name: configuration.archive, members: opened.members, scratch: spool.path + "/parity")
        agent = Agent(
            archive: archive, spool: spool, settings: try AgentSettings(configuration),
            receiving: try ReceivingSide(configuration, continuing: handover, logger), logger: logger,
            clock: { Clock.now() })
        server = try configuration.metrics.listen.map { [agent] address in
            let (host, port) = try Endpoint.hostAndPort(address)
            return try PageServer(
                host: host, port: UInt16(clamping: port), path: "/metrics", contentType: MetricsText.contentType
            ) { MetricsText.page(agent.status) }
        }
        self.logger = logger
        logger.info(
            "collecting",
            metadata: [
                "host": "\(configuration.host)", "stores": "\(loaded.names)",
                "spool": "\(configuration.spool.path)",
            ])
    }

    /// For the run after this one.
    var handover: ReceiverHandover { agent.handover }

    /// Runs until the task is cancelled (then nil), or until a hangup brings a configuration to go on with. A wrong one
    /// is reported and changes nothing. Lets the spool go.
    func untilStopped(
        _ hangups: HangupSignal, load: @escaping @Sendable () throws -> LoadedStores
    ) async throws -> LoadedStores? {
        let next = Mutex<LoadedStores?>(nil)
        let waiting = Task { [agent, logger, stream = hangups.stream] in
            for await _ in stream {
                do {
                    let loaded = try load()
                    try Self.check(loaded)
                    next.withLock { $0 = loaded }
                    return agent.stop(draining: false)
                } catch {
                    logger.error("the configuration stays as it was: \(error)")
                }
            }
        }
        defer {
            waiting.cancel()
            spool.close()
        }
        let serving = server.map { server in Task { await WorkerThreads.run { server.run() } } }
        let failure = await failure { try await agent.run() }
        server?.stop()
        await serving?.value
        if let failure { throw failure }
        return Task.isCancelled ? nil : next.withLock { $0 }
    }

    private func failure(_ body: () async throws -> Void) async -> (any Error)? {
        do {
            try await body()
            return nil
        } catch {
            return error
        }
    }
}

extension AgentSettings {
    fileprivate init(_ configuration: Configuration) throws {
        var groups: [Group] = []
        var followed: [FollowSettings.Group] = []
        for case .files(let files) in configuration.inputs {
            let selection = try PathSelection(include: files.include, exclude: files.exclude)
            let start: FollowSettings.Start = files.start == .beginning ? .beginning : .end
            followed.append(FollowSettings.Group(selection, start: start, ignoreOlder: files.ignoreOlder))
            let zone = try files.timezone.map { try TimeZoneRules(named: $0) } ?? .local()
            groups.append(
                Group(labels: files.labels, zone: zone, rules: try LineRules(files), format: LineFormat(files.format)))
        }
        var follow = FollowSettings(groups: followed, machine: .current())
        follow.pieceBytes = configuration.roll.blockBytes
        follow.mostOpenFiles = OpenFileLimit.share(of: OpenFileLimit.raise())
        self.init(
            host: configuration.host, follow: follow, groups: groups, blockAge: configuration.roll.blockAge,
            compression: CompressionSettings(level: configuration.compression.level))
    }
}

extension LineFormat {
    init(_ format: FilesInput.Format) {
        switch format {
        case .auto: self = .automatic
        case .plain: self = .plain
        case .cri: self = .wrapped(.cri)
        case .docker: self = .wrapped(.docker)
        }
    }
}

extension LineRules {
    fileprivate init(_ files: FilesInput) throws {
        self.init(
            drop: try files.drop.map { try LinePattern($0) },
            redact: try files.redact.map { Redaction(try LinePattern($0.pattern), mask: Array($0.mask.utf8)) })
    }
}
