import ArchiveTypes
import ArgumentParser
import Retrieval

struct CatCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cat",
        abstract: "Prints one stream exactly as its source had it: its bytes, in position order.",
        usage: "firn cat --host <host> --source <source> <options>",
        discussion: """
            Examples:
              firn cat --host web-1 --source /var/log/syslog | cmp - /var/log/syslog
              firn cat --host web-1 --source /var/log/app.log --output app.log

            A source that was rotated has several generations, printed one after the other. Exit status: 0 done, 1 failed, \
            3 bytes are missing (which is on standard error), 64 wrong usage.
            """)

    @OptionGroup var stores: StoreOptions

    @Option(help: "The host, exactly.")
    var host: String

    @Option(help: "The source, exactly: as `firn sources` lists it.")
    var source: String

    @Option(help: ArgumentHelp("One life of the source only.", valueName: "generation"))
    var generation: String?

    @Option(
        name: [.long, .customShort("o")],
        help: ArgumentHelp("Write to this file, which appears when it is whole.", valueName: "file"),
        completion: .file())
    var output: String?

    @OptionGroup var logging: LoggingOptions

    func validate() throws {
        if let generation, Generation(generation) == nil {
            throw ValidationError("--generation \(generation) is not a generation's name; it is of 0-9, a-z and -")
        }
    }

    func run() async throws {
        logging.start()
        let session = try await ReadingSession(stores)
        let output = try DataOutput(path: output)
        let stream = StreamID(host: host, source: source)
        do {
            let outcome = try await ReadingSession.showingProgress("reading", besideData: output.isTerminal) {
                progress in
                let sink = output.isTerminal ? TerminalSink(output.sink) : output.sink
                return try await session.reader.cat(
                    stream, generation: generation.flatMap { Generation($0) }, to: sink, progress: progress)
            }
            try output.finish()
            if outcome.bytes == 0, outcome.isComplete {
                StandardError.say(
                    "nothing is archived of \(HumanText.harmless("\(stream)")); `firn sources` lists what is")
            }
            try session.conclude(outcome.shortfall, warnings: outcome.warnings)
        } catch let error where !(error is CommandFailure) {
            output.abandon()
            throw error
        }
    }
}
