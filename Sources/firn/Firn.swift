import ArgumentParser
import Glibc

@main
struct Firn: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "firn",
        abstract: "Archives logs in object storage and gives them back by time and host.",
        discussion: """
            Examples:
              firn archive --store file:///srv/archive --host web-1 /var/log/syslog
              firn get --store file:///srv/archive --last 2h --host 'web-*' --match error

            Stores are given by --store, or by a configuration file: --config, $FIRN_CONFIG, ./firn.yaml, \
            $XDG_CONFIG_HOME/firn/firn.yaml or /etc/firn/firn.yaml, the first that exists.

            Exit status: 0 done, 1 failed, 3 the answer is incomplete, 4 verify found something or repair left something, 64 wrong usage.
            """,
        version: version,
        groupedSubcommands: [
            CommandGroup(
                name: "Archiving",
                subcommands: [ArchiveCommand.self, AgentCommand.self, StatusCommand.self, IndexCommand.self]),
            CommandGroup(
                name: "Reading",
                subcommands: [
                    GetCommand.self, CatCommand.self, HostsCommand.self, SourcesCommand.self, ChunksCommand.self,
                    HistogramCommand.self,
                ]),
            CommandGroup(name: "Maintenance", subcommands: [VerifyCommand.self, RepairCommand.self]),
            CommandGroup(name: "Settings", subcommands: [ConfigCommand.self]),
        ])

    static func main() async {
        // A reader that has gone is reported by write(2), and ends the program quietly.
        signal(SIGPIPE, SIG_IGN)
        let work = Task { await runToTheEnd() }
        let interruption = Interruption { work.cancel() }
        let status = await work.value
        Glibc.exit(interruption.status(status))
    }

    private static func runToTheEnd() async -> Int32 {
        do {
            let arguments = DashedValues.joined(Array(CommandLine.arguments.dropFirst()))
            var command = try await asyncParseAsRoot(arguments)
            if var asyncCommand = command as? any AsyncParsableCommand {
                try await asyncCommand.run()
            } else {
                try command.run()
            }
            return ExitStatus.done
        } catch {
            return Ending.report(error)
        }
    }
}
