import ArgumentParser
import Placement
import Retrieval

struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Finds what is missing, altered or not indexed.",
        usage: "firn verify <options>",
        discussion: """
            Examples:
              firn verify --store file:///srv/archive
              firn verify --deep --sample 3/100

            Reads every manifest and compares it with what is there, in every store; --deep reads every byte of every \
            copy and shard. A finding is one line on standard output. Exit status: 0 all is well, 1 failed, 4 something was found.
            """)

    @OptionGroup var stores: StoreOptions

    @Flag(help: "Read every byte of every object.")
    var deep = false

    @Option(
        help: ArgumentHelp(
            "Of the chunks, read share N of M only: a job a day goes through all in M days.", valueName: "n/m"))
    var sample: String?

    @OptionGroup var logging: LoggingOptions

    func validate() throws { _ = try options() }

    func run() async throws {
        logging.start()
        let loaded = try stores.load()
        let options = try options()
        let report = try await ReadingSession.showingProgress("verifying", of: "objects", besideData: false) {
            progress in
            if loaded.stores.count > 1 { return try await Self.verify(loaded, options, progress) }
            let store = try await OpenArchive.forVerifying(loaded).store
            return try await Verifier(store: store, options: options, progress: progress).run()
        }
        for finding in report.findings { try StandardOutput.write(HumanText.harmless(finding.description) + "\n") }
        if !report.stores.isEmpty { StandardError.write(Self.table(report) + Self.verdicts(report) + "\n") }
        StandardError.write(Self.summary(report) + "\n")
        guard report.problems.isEmpty else { throw CommandFailure(status: ExitStatus.findings) }
    }

    private static func verify(
        _ loaded: LoadedStores, _ options: VerifyOptions, _ progress: ReadProgress
    ) async throws -> VerifyReport {
        let opened = try OpenStores(loaded, create: false, isReading: true)
        let united = RedundantStore(
            opened.members, rule: opened.rule, archive: loaded.archiveName, isStrict: false)
        return try await ArchiveVerifier(
            opened.members, united: united, archive: loaded.archiveName, options: options,
            scratch: try Scratch(in: ScratchFolder.path), progress: progress
        ).run()
    }

    private static func table(_ report: VerifyReport) -> String {
        var table = Table([
            Table.Column(title: "store"), Table.Column(title: "state"),
            Table.Column(title: "objects", alignment: .right), Table.Column(title: "bytes", alignment: .right),
            Table.Column(title: "missing", alignment: .right), Table.Column(title: "damaged", alignment: .right),
            Table.Column(title: "misplaced", alignment: .right),
        ])
        for store in report.stores {
            table.append(
                [store.name, store.isUp ? "up" : "down"]
                    + (store.isUp
                        ? [HumanText.count(UInt64(store.objects)), HumanText.bytes(store.bytes)] : ["-", "-"])
                    + [store.missing, store.damaged, store.misplaced].map { HumanText.count(UInt64($0)) })
        }
        return table.text(isColoured: StandardError.isTerminal)
    }

    private static func verdicts(_ report: VerifyReport) -> String {
        let words: [(ChunkStanding.Verdict, String)] = [
            (.whole, "whole"), (.misplaced, "misplaced"), (.belowRule, "below the rule but readable"),
            (.unseen, "perhaps in a store that is down"), (.beyondRepair, "beyond repair"),
        ]
        let counts = words.compactMap { verdict, word in
            report.verdicts[verdict].map { "\(HumanText.count(UInt64($0))) \(word)" }
        }
        return "chunks: " + (counts.isEmpty ? "none" : counts.joined(separator: ", "))
    }

    private func options() throws -> VerifyOptions {
        guard let sample else { return VerifyOptions(isDeep: deep) }
        let parts = sample.split(separator: "/", omittingEmptySubsequences: false).map { UInt64($0) }
        guard parts.count == 2, let share = parts[0], let of = parts[1],
            let chosen = VerifyOptions.Sample(share: share, of: of)
        else { throw ValidationError("--sample \(sample): write N/M with N from 1 to M, as in 3/100") }
        return VerifyOptions(isDeep: deep, sample: chosen)
    }

    private static func summary(_ report: VerifyReport) -> String {
        let objects = [
            HumanText.count(UInt64(report.chunks), "chunk"), HumanText.count(UInt64(report.manifests), "manifest"),
            HumanText.count(UInt64(report.indexObjects), "index object"),
        ]
        let read =
            report.chunksRead == 0
            ? "no data read (--deep reads it)"
            : "\(HumanText.bytes(report.bytesRead)) of \(HumanText.count(UInt64(report.chunksRead), "chunk")) read"
        let problems = report.problems.count
        let verdict = problems == 0 ? "all is well" : HumanText.count(UInt64(problems), "finding")
        return "verified \(objects.joined(separator: ", ")), \(read): \(verdict)"
    }
}
