import ArchiveTypes
import Archiving
import ArgumentParser
import ChunkFormat
import Configuration
import EventTime
import Inputs
import Logging
import Spool
import Synchronization
import Threads

struct ArchiveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "archive",
        abstract: "Archives files or standard input, and returns when every line is archived.",
        usage: "firn archive <options> <path> ...",
        discussion: """
            Examples:
              firn archive --store /srv/archive --host web-1 --label env=prod /var/log/*.log
              journalctl -o short-iso-precise | firn archive --source journal -

            Files may be plain or compressed (.gz, .zst, .xz, .bz2: told by their content). A file that is archived again, \
            or that has grown since, is shown once. A directory store is created when missing.
            """)

    @OptionGroup var stores: StoreOptions

    @Option(
        help: ArgumentHelp("The host whose lines these are (default: the configuration's, else this machine's name)."))
    var host: String?

    @Option(help: ArgumentHelp("What to call the source (default: the file's absolute path; 'stdin' for -)."))
    var source: String?

    @Option(
        name: .customLong("label"),
        help: ArgumentHelp("An attribute of the lines, as in env=prod; repeatable.", valueName: "k=v"))
    var labels: [LabelArgument] = []

    @Option(
        help: ArgumentHelp(
            "The zone of times that name none: Europe/Paris, UTC, +01:00 (default: the machine's).", valueName: "zone"))
    var timezone: String?

    @Option(help: ArgumentHelp("How lines are wrapped: auto (by the path of a container's log), plain, cri or docker."))
    var format: FilesInput.Format = .auto

    @Option(help: ArgumentHelp("Threads that read and compress (default: one a processor).", valueName: "n"))
    var workers: Int?

    @Argument(help: ArgumentHelp("Files, or - for standard input.", valueName: "path"))
    var paths: [PathArgument]

    @OptionGroup var logging: LoggingOptions

    func validate() throws {
        if let host { _ = try OptionValue.parse("--host", host, Names.host) }
        if let source, !(1...Limits.sourceBytes ~= source.utf8.count) {
            throw ValidationError("--source is empty or longer than \(Limits.sourceBytes) bytes")
        }
        if source != nil, paths.count > 1 {
            throw ValidationError("--source names one stream; give one path, or leave it out")
        }
        if paths.count(where: { $0.text == "-" }) > 1 {
            throw ValidationError("standard input (-) can be read once only")
        }
        if let workers, !(1...256 ~= workers) {
            throw ValidationError("--workers \(workers) is out of range; write 1 to 256")
        }
        _ = try labelSet()
        _ = try zone()
    }

    func run() async throws {
        logging.start()
        let loaded = try stores.load()
        let opened = try await OpenArchive.forWriting(loaded)
        let spool = try ArchiveSpool.open(loaded, archive: opened.name)
        let archive = ArchiveWriter(
            name: opened.name, members: opened.stores.members, scratch: spool.path + "/parity")
        try await archive.prepare()
        for finding in spool.findings { StandardError.say(finding) }
        try await Self.finishInterrupted(spool, archive)
        let archiver = FileArchiver(
            archive: archive, spool: spool,
            compression: CompressionSettings(level: loaded.configuration.compression.level),
            workers: workers ?? WorkerThreads.processorCount)
        let began = ContinuousClock.now
        let summary = try await run(archiver, try sources(loaded.configuration))
        tell(summary, took: ContinuousClock.now - began)
        guard summary.failures.isEmpty else { throw CommandFailure() }
    }

    /// Archives what an earlier run had sealed before something ended it.
    private static func finishInterrupted(_ spool: Spool, _ archive: ArchiveWriter) async throws {
        let left = spool.recovered()
        for chunk in left { try spool.remove(try await archive.archive(try spool.load(chunk))) }
        guard !left.isEmpty else { return }
        let chunks = HumanText.count(UInt64(left.count), "chunk")
        StandardError.write("archived \(chunks) that an interrupted run had left\n")
    }

    private func run(_ archiver: FileArchiver, _ sources: [ArchiveSource]) async throws -> ArchiveSummary {
        let done = ByteCounter()
        let total = plainBytes()
        let bar = ProgressBar("archiving") {
            let bytes = done.value
            return Progress(bytes: bytes, share: total.flatMap { $0 > 0 ? Double(bytes) / Double($0) : nil })
        }
        defer { bar?.finish() }
        return try await archiver.run(sources) { done.add($0) }
    }

    private func sources(_ configuration: Configuration) throws -> [ArchiveSource] {
        let settings = SourceSettings(
            host: host ?? configuration.host, labels: try labelSet(), zone: try zone(),
            blockBytes: configuration.roll.blockBytes, machine: .current(),
            format: LineFormat(format))
        return try paths.map { argument in
            argument.text == "-"
                ? .standardInput(source: source ?? "stdin", settings)
                : try .file(argument.path, source: source, settings)
        }
    }

    private func labelSet() throws -> Labels {
        guard let set = Labels(labels.map { (key: $0.pair.key, value: $0.pair.value) }) else {
            throw ValidationError(
                "--label: a key stands twice, or there are too many or too long ones;"
                    + " at most \(Limits.labels), of \(Limits.labelBytes) bytes a key or value")
        }
        return set
    }

    private func zone() throws -> TimeZoneRules {
        guard let timezone else { return .local() }
        do {
            return try TimeZoneRules(named: timezone)
        } catch {
            throw ValidationError("--timezone: \(error)")
        }
    }

    /// Bytes to read where all files are plain: what a bar can be a share of.
    private func plainBytes() -> UInt64? {
        var total: UInt64 = 0
        for path in paths {
            guard let size = FileSize.ofPlainFile(path.path) else { return nil }
            total += size
        }
        return total
    }

    private func tell(_ summary: ArchiveSummary, took duration: Duration) {
        for failure in summary.failures { StandardError.say(failure.reason) }
        for (store, chunks) in summary.owing.sorted(by: { $0.key < $1.key }) {
            let reason = summary.storeFailures[store].map { " (\($0))" } ?? ""
            StandardError.say(
                "warning: store \(store) lacks \(HumanText.count(UInt64(chunks), "chunk"))\(reason);"
                    + " the others hold what the rule asks for; firn repair brings it up to date")
        }
        let (raw, stored) = (summary.blocks.rawBytes, summary.storedBytes)
        let ratio = stored > 0 && raw > 0 ? " (\(HumanText.decimal(Double(raw) / Double(stored), digits: 2)):1)" : ""
        StandardError.write(
            "archived \(HumanText.count(summary.blocks.lines, "line")), \(HumanText.bytes(raw)) raw,"
                + " \(HumanText.bytes(stored)) stored\(ratio) in \(HumanText.count(UInt64(summary.chunks), "chunk")),"
                + " \(HumanText.decimal(duration / .seconds(1), digits: 2)) s\n")
    }
}

/// Counted on any thread.
final class ByteCounter: Sendable {
    private let count = Atomic<Int>(0)

    func add(_ bytes: Int) { count.add(bytes, ordering: .relaxed) }

    var value: UInt64 { UInt64(count.load(ordering: .relaxed)) }
}

extension FilesInput.Format: ExpressibleByArgument {}
