import Archiving
import ArgumentParser
import CSystem
import Configuration
import Logging

struct AgentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agent",
        abstract: "Follows the configured inputs and archives their lines until told to stop.",
        discussion: """
            Examples:
              firn agent --config /etc/firn/firn.yaml
              FIRN_INPUTS_0_FILES_INCLUDE_0='/var/log/*.log' firn agent --store /srv/logs

            SIGTERM and SIGINT drain: what was read is made durable and, as far as stores take it, archived; a second \
            signal ends at once. SIGHUP reads the configuration again. Nothing that was taken is lost in either case, nor \
            in a crash; datagrams have nobody to take them while no agent listens, also for the moment of a SIGHUP.
            """)

    @OptionGroup var stores: StoreOptions
    @OptionGroup var logging: LoggingOptions

    func run() async throws {
        firn_frugal_malloc()
        logging.start(isService: true)
        let logger = Logger(label: "agent")
        let hangups = HangupSignal()
        var loaded = try stores.load()
        while let next = try await follow(loaded, hangups, logger) { loaded = next }
        logger.info("stopped")
    }

    /// The spool is let go on return.
    private func follow(
        _ loaded: LoadedStores, _ hangups: HangupSignal, _ logger: Logger
    ) async throws -> LoadedStores? {
        let run = try AgentRun(loaded, logger: logger)
        return try await run.untilStopped(hangups) { [stores] in try stores.load() }
    }
}
