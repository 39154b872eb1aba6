import ArchiveIndex
import ArgumentParser
import Configuration
import Logging

struct IndexCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "index",
        abstract: "Brings the archive's indexes up to date, once or for as long as it runs.",
        usage: "firn index <options>",
        discussion: """
            Examples:
              firn index --store file:///srv/archive
              firn index --watch --every 1m

            Queries see what is archived but not yet indexed; they are faster where it is. Any number of indexers may run \
            at once. Exit status: 0 done, 1 failed, 3 something could not be read and is not indexed.
            """)

    @OptionGroup var stores: StoreOptions

    @Flag(help: "Keep the indexes up to date until told to stop.")
    var watch = false

    @Option(help: ArgumentHelp("Time between two looks of --watch.", valueName: "duration"))
    var every = "30s"

    @Flag(help: "Start from the manifests, and from the chunks where those are missing.")
    var rebuild = false

    @OptionGroup var logging: LoggingOptions

    func validate() throws {
        guard !(watch && rebuild) else { throw ValidationError("--rebuild is done once; leave out --watch") }
        _ = try interval()
    }

    func run() async throws {
        logging.start()
        let archive = try await OpenArchive.forIndexing(try stores.load())
        let indexer = Indexer(store: archive.store, logger: Logger(label: "index"))
        if watch {
            await indexer.watch(every: try interval()) { Self.tell($0) }
            return
        }
        let report = rebuild ? try await indexer.rebuild(fromChunks: true) : try await indexer.update()
        Self.tell(report, always: true)
        guard report.isComplete else { throw CommandFailure(status: ExitStatus.incomplete) }
    }

    private func interval() throws -> Duration {
        let nanoseconds = try OptionValue.parse("--every", every, DurationText.parse)
        guard nanoseconds >= 1_000_000_000 else {
            throw ValidationError("--every \(every) is too short; write at least 1s")
        }
        return .nanoseconds(nanoseconds)
    }

    private static func tell(_ result: Result<IndexReport, any Error>) {
        switch result {
        case .success(let report): tell(report, always: false)
        case .failure(let error): StandardError.say("\(error); trying again")
        }
    }

    private static func tell(_ report: IndexReport, always: Bool) {
        for problem in report.problems { StandardError.say("\(problem)") }
        for chunk in report.adopted { StandardError.say("\(chunk) had no readable manifest and got one") }
        if report.objects.isEmpty {
            if always { StandardError.write("the indexes are up to date\n") }
            return
        }
        let manifests = HumanText.count(UInt64(report.manifestsRead), "manifest")
        let objects = HumanText.count(UInt64(report.objects.count), "object")
        StandardError.write("indexed \(manifests) into \(objects) of \(HumanText.bytes(report.bytes))\n")
    }
}
