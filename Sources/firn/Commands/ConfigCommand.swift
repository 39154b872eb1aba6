import ArgumentParser
import Configuration

struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Checks the configuration, or shows what is in force.",
        discussion: """
            Examples:
              firn config check --config /etc/firn/firn.yaml
              FIRN_SPOOL_MAX_BYTES=1GiB firn config show

            Every scalar of the file can be overridden by an environment variable: its path in upper case, joined by \
            underscores, after FIRN_, as in FIRN_ROLL_CHUNK_AGE or FIRN_STORES_0_URL.
            """,
        subcommands: [ConfigCheckCommand.self, ConfigShowCommand.self])
}

struct ConfigCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Reports all errors of the configuration with file, line and the nearest known key.",
        discussion: """
            Examples:
              firn config check --config ./firn.yaml
              firn config check && sudo systemctl reload firn-agent

            Exit status: 0 when the configuration is right, 1 when it is not.
            """)

    @OptionGroup var configuration: ConfigurationOptions

    func run() throws {
        let surroundings = Surroundings.ofThisProcess()
        let file = try ConfigurationFile.find(named: configuration.path, surroundings: surroundings)
        let effective = try ConfigurationOptions.parse(file, surroundings)
        if effective.stores.isEmpty { StandardError.say("warning: there are no stores; agents need one") }
        guard let file else {
            let places = surroundings.searchPaths.joined(separator: ", ")
            StandardError.say("there is no configuration file (\(places)); environment and defaults are right")
            return
        }
        StandardError.say("\(file.path): the configuration is right")
    }
}

struct ConfigShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Prints the configuration in force as YAML, defaults filled in.",
        discussion: """
            Examples:
              firn config show
              firn config show --config ./firn.yaml > effective.yaml

            What is printed is a valid configuration file. It never contains secrets: those do not belong in one.
            """)

    @OptionGroup var configuration: ConfigurationOptions

    func run() throws {
        try StandardOutput.write(try configuration.load().yaml)
    }
}
