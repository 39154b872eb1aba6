import ArgumentParser
import Configuration
import Glibc
import Placement
import Retrieval

struct RepairCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "repair",
        abstract: "Restores in each store what it should hold, from what the others have.",
        usage: "firn repair <options>",
        discussion: """
            Examples:
              firn repair --deep --bandwidth 20MiB
              firn repair --watch --every 10m

            Finds what is missing or has the wrong size; --deep reads every byte to find what is damaged. All that is \
            written was checked against its digest in the same run. It may be interrupted, run again, and run beside \
            agents. What could not be restored is one line each on standard output. Exit status: 0 all is whole, \
            1 failed, 4 something is left.
            """)

    @OptionGroup var stores: StoreOptions

    @Flag(help: "Read every byte of every object first.")
    var deep = false

    @Flag(help: "Say what would be done, and do nothing.")
    var dryRun = false

    @Flag(help: "Bring chunks of other rules under the configuration's; nothing is deleted.")
    var toCurrentRule = false

    @Option(help: ArgumentHelp("Bytes a second, read and written together (default: no bound).", valueName: "size"))
    var bandwidth: String?

    @Flag(help: "Go on until told to stop.")
    var watch = false

    @Option(help: ArgumentHelp("Time between two looks of --watch.", valueName: "duration"))
    var every = "10m"

    @OptionGroup var logging: LoggingOptions

    func validate() throws {
        guard !(watch && dryRun) else { throw ValidationError("--dry-run is done once; leave out --watch") }
        _ = try interval()
        _ = try bytesPerSecond()
    }

    func run() async throws {
        logging.start()
        let loaded = try stores.load()
        let scratch = try Scratch(in: ScratchFolder.path)
        let budget = Bandwidth(try bytesPerSecond())
        guard watch else {
            let report = try await once(loaded, scratch, budget)
            try tell(report, always: true)
            guard report.problems.isEmpty else { throw CommandFailure(status: ExitStatus.findings) }
            return
        }
        var told: Set<String> = []
        while true {
            do {
                let report = try await once(loaded, scratch, budget)
                // What was left the last time need not be told again.
                try tell(report, always: false, but: told)
                told = Set(report.left.map(\.description))
            } catch {
                try Task.checkCancellation()
                StandardError.say("\(error); trying again")
            }
            try await Task.sleep(for: try interval())
        }
    }

    private func once(_ loaded: LoadedStores, _ scratch: Scratch, _ budget: Bandwidth) async throws -> RepairReport {
        let opened = try OpenStores(loaded, create: !dryRun, isReading: false)
        var settings = Repairer.Settings()
        settings.isDeep = deep
        settings.isDryRun = dryRun
        settings.rule = toCurrentRule ? opened.rule : nil
        settings.archive = loaded.archiveName
        return try await ReadingSession.showingProgress("repairing", of: "objects", besideData: false) { progress in
            try await Repairer(
                opened.members, settings: settings, scratch: scratch, bandwidth: budget, progress: progress.ofWork
            ).run()
        }
    }

    private func tell(_ report: RepairReport, always: Bool, but told: Set<String> = []) throws {
        for line in report.plan { try StandardOutput.write(HumanText.harmless(line) + "\n") }
        for finding in report.left where !told.contains(finding.description) {
            try StandardOutput.write(HumanText.harmless(finding.description) + "\n")
        }
        guard always || report.objects > 0 else { return }
        StandardError.write(summary(report) + "\n")
    }

    private func summary(_ report: RepairReport) -> String {
        let verb = dryRun ? "would restore" : "restored"
        var parts: [String] = []
        if report.objects == 0 {
            parts.append("nothing \(dryRun ? "would be" : "was") restored")
        } else {
            let each = report.restored.sorted { $0.key < $1.key }.map {
                "\($0.key) \(HumanText.count(UInt64($0.value.objects)))"
            }
            parts.append(
                "\(verb) \(HumanText.count(UInt64(report.objects), "object")) of \(HumanText.bytes(report.bytes)) (\(each.joined(separator: ", ")))"
            )
        }
        if report.converted > 0 {
            let chunks = HumanText.count(UInt64(report.converted), "chunk")
            parts.append("\(dryRun ? "would bring" : "brought") \(chunks) under the current rule")
        }
        let left = report.problems.count
        parts.append(left == 0 ? "all is whole" : "\(HumanText.count(UInt64(left), "finding")) left")
        return parts.joined(separator: ", ")
    }

    private func interval() throws -> Duration {
        let nanoseconds = try OptionValue.parse("--every", every, DurationText.parse)
        guard nanoseconds >= 1_000_000_000 else {
            throw ValidationError("--every \(every) is too short; write at least 1s")
        }
        return .nanoseconds(nanoseconds)
    }

    private func bytesPerSecond() throws -> UInt64? {
        guard let bandwidth else { return nil }
        let bytes = try OptionValue.parse("--bandwidth", bandwidth, ByteSize.parse)
        guard bytes > 0 else { throw ValidationError("--bandwidth \(bandwidth): write at least 1B") }
        return UInt64(bytes)
    }
}

/// Where chunks are put together: a folder on a disk, with room for a few of them.
enum ScratchFolder {
    static var path: String {
        guard let folder = getenv("TMPDIR").map({ String(cString: $0) }), !folder.isEmpty else { return "/var/tmp" }
        return folder
    }
}
