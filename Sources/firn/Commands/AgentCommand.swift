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
        var turn = Turn(loaded: try stores.load())
        while let next = try await follow(turn, hangups, logger) { turn = next }
        logger.info("stopped")
    }

    /// A run to be begun.
    private struct Turn {
        var loaded: LoadedStores
        /// The configuration so far; nil at the start.
        var previous: LoadedStores?
        var handover = ReceiverHandover()
    }

    private func follow(_ turn: Turn, _ hangups: HangupSignal, _ logger: Logger) async throws -> Turn? {
        let (run, loaded) = try begin(turn, logger)
        let next = try await run.untilStopped(hangups) { [stores] in try stores.load() }
        return next.map { Turn(loaded: $0, previous: loaded, handover: run.handover) }
    }

    /// Under the configuration so far where the new one turns out not to work, as with an address that is taken.
    private func begin(_ turn: Turn, _ logger: Logger) throws -> (run: AgentRun, loaded: LoadedStores) {
        do {
            let run = try AgentRun(turn.loaded, continuing: turn.handover, logger: logger)
            if turn.previous != nil { logger.info("the configuration was read again") }
            return (run, turn.loaded)
        } catch {
            guard let previous = turn.previous else { throw error }
            logger.error("the configuration stays as it was: \(error)")
            return (try AgentRun(previous, continuing: turn.handover, logger: logger), previous)
        }
    }
}
