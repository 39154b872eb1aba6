import ArchiveTypes
import Archiving
import ChunkFormat
import Configuration
import EventTime
import Inputs
import Logging

extension ReceivingSide {
    /// Binds all listeners; nil where the configuration has no input that receives.
    convenience init?(_ configuration: Configuration, continuing handover: ReceiverHandover, _ logger: Logger) throws {
        let intake = Intake()
        var inputs: [Input] = []
        var listeners: [ListenerSettings] = []
        var sources: [String: ReceiverSettings.Source] = [:]
        for input in configuration.inputs {
            switch input {
            case .files: break
            case .syslog(let syslog):
                listeners.append(ListenerSettings(syslog))
                sources[syslog.source] = try .init(syslog.labels, syslog.timezone)
            case .journal(let journal):
                let reader = try JournalReader(
                    source: journal.source, units: journal.units, directory: journal.directory, intake: intake,
                    clock: { Clock.now() }, problem: { logger.error("\($0)") })
                inputs.append(.journal(reader, source: journal.source))
                sources[journal.source] = try .init(journal.labels, "UTC")
            case .stdin(let input):
                let reader = try StandardInputReader(source: input.source, intake: intake, clock: { Clock.now() })
                inputs.append(.standardInput(reader))
                sources[input.source] = try .init(input.labels, input.timezone, isNewEachRun: true)
            }
        }
        Self.limit(&listeners, logger)
        let listener =
            listeners.isEmpty ? nil : try SyslogListener(listeners, intake: intake, clock: { Clock.now() })
        if let listener { inputs.append(.syslog(listener)) }
        guard !inputs.isEmpty else { return nil }
        var settings = ReceiverSettings(configuration, sources)
        settings.handover = handover
        self.init(
            inputs, intake: intake, settings: settings,
            listeners: { listener?.counts ?? [] })
    }

    /// All listeners together leave descriptors for the rest of the agent.
    private static func limit(_ listeners: inout [ListenerSettings], _ logger: Logger) {
        let connected = listeners.count { !$0.address.isDatagram }
        guard connected > 0 else { return }
        let most = max(1, OpenFileLimit.connections(of: OpenFileLimit.raise()) / connected)
        for index in listeners.indices where !listeners[index].address.isDatagram && listeners[index].connections > most
        {
            logger.warning(
                "\(listeners[index].address): at most \(most) connections, since the limit of open files (ulimit -n) is low"
            )
            listeners[index].connections = most
        }
    }
}

extension ReceiverSettings {
    /// Of the spool's ceiling, how much may be the log's.
    fileprivate init(_ configuration: Configuration, _ sources: [String: Source]) {
        let share = UInt64(configuration.spool.maxBytes) / 8
        self.init(
            host: configuration.host, sources: sources, blockBytes: configuration.roll.blockBytes,
            blockAge: configuration.roll.blockAge,
            compression: CompressionSettings(level: configuration.compression.level),
            logBytes: min(max(share, 16 << 20), 256 << 20))
    }
}

extension ReceiverSettings.Source {
    fileprivate init(_ labels: Labels, _ timezone: String?, isNewEachRun: Bool = false) throws {
        let zone = try timezone.map { try TimeZoneRules(named: $0) } ?? .local()
        self.init(labels: labels, zone: zone, isNewEachRun: isNewEachRun)
    }
}

extension ListenerSettings {
    fileprivate init(_ input: SyslogInput) {
        self.init(address: ListenAddress(input.listen), source: input.source)
        messageBytes = input.messageBytes
        connections = input.maxConnections
        if let chain = input.certificate, let key = input.key {
            certificate = TLSCertificate(chainPath: chain, keyPath: key, clientAuthoritiesPath: input.clientCA)
        }
    }
}

extension ListenAddress {
    fileprivate init(_ address: SyslogAddress) {
        self =
            switch address {
            case .tcp(let host, let port): .tcp(host: host, port: UInt16(clamping: port))
            case .udp(let host, let port): .udp(host: host, port: UInt16(clamping: port))
            case .tls(let host, let port): .tls(host: host, port: UInt16(clamping: port))
            case .unix(let path): .unixDatagram(path: path)
            case .unixStream(let path): .unixStream(path: path)
            }
    }
}
