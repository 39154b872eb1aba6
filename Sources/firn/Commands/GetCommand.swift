import ArchiveIndex
import ArchiveTypes
import ArgumentParser
import Glibc
import Retrieval

struct GetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "Prints the selected lines, merged by event time.",
        discussion: """
            Examples:
              firn get --host 'web-*' --from '2026-11-22 18:00' --to '2026-11-22 18:05'
              firn get --last 2h --match timeout --exclude healthz --format json | jq .

            Only data goes to standard output. Exit status: 0 done (also when nothing matched), 1 failed, 3 the answer \
            is incomplete (what is missing is on standard error), 64 wrong usage.
            """)

    enum Format: String, ExpressibleByArgument, CaseIterable { case raw, prefixed, json }

    @OptionGroup var stores: StoreOptions
    @OptionGroup var selection: SelectionOptions

    @Option(
        help: ArgumentHelp(
            "raw (the lines' bytes), prefixed (time, host and source before them), or json (default: prefixed on a terminal, else raw)."
        ))
    var format: Format?

    @Option(help: ArgumentHelp("At most this many lines.", valueName: "n"))
    var limit: UInt64?

    @Flag(help: "Newest first; the lines of a record keep their order.")
    var reverse = false

    @Flag(help: "Print the number of lines instead of the lines.")
    var count = false

    @Option(
        name: [.long, .customShort("o")],
        help: ArgumentHelp("Write to this file, which appears when it is whole.", valueName: "file"),
        completion: .file())
    var output: String?

    @Flag(help: "Print what the answer would cost (blocks, bytes, requests) instead of the answer.")
    var explain = false

    @Flag(help: "Go on with what is archived from now on, until told to stop.")
    var follow = false

    @Flag(help: "Say on standard error how many bytes and requests the answer took.")
    var stats = false

    @OptionGroup var logging: LoggingOptions

    /// Between two looks of --follow.
    private static let pause = Duration.seconds(2)

    func validate() throws {
        if follow, count || explain || reverse || output != nil || limit != nil {
            throw ValidationError("--follow goes with neither --count, --explain, --reverse, --limit nor --output")
        }
        if output != nil, count || explain {
            throw ValidationError("--output is for lines; redirect standard output instead")
        }
    }

    func run() async throws {
        logging.start()
        let session = try await ReadingSession(stores)
        let selected = try selection.selection(now: Clock.now())
        defer { if stats { session.tellStatistics() } }
        if follow { return try await follow(session, selected) }
        if explain { return try await explain(session, selected) }
        if count { return try await count(session, selected) }
        let output = try DataOutput(path: output)
        do {
            let outcome = try await ReadingSession.showingProgress("reading", besideData: output.isTerminal) {
                progress in
                try await session.reader.get(request(selected, output), to: output.sink, progress: progress)
            }
            try output.finish()
            if output.isTerminal, outcome.lines == 0, outcome.isComplete { ReadingSession.tellOfNothing() }
            try session.conclude(outcome.shortfall, warnings: outcome.warnings)
        } catch let error where !(error is CommandFailure) {
            output.abandon()
            throw error
        }
    }

    private func follow(_ session: ReadingSession, _ selected: Selection) async throws {
        let output = try DataOutput(path: nil)
        try await session.reader.follow(request(selected, output), to: output.sink) {
            try await Task.sleep(for: Self.pause)
        } told: { outcome in
            ReadingSession.tell(outcome.shortfall, warnings: outcome.warnings)
        }
    }

    private func request(_ selected: Selection, _ output: DataOutput) -> GetRequest {
        let options = OutputOptions(format: outputFormat(output), escapesControls: output.isTerminal)
        return GetRequest(selected, output: options, limit: limit, isReversed: reverse)
    }

    private func outputFormat(_ output: DataOutput) -> OutputFormat {
        switch format ?? (output.isTerminal ? .prefixed : .raw) {
        case .raw: .raw
        case .json: .json
        case .prefixed:
            .prefixed(
                PrefixStyle(
                    isColoured: output.isTerminal && Screen.ofStandardOutput().isColoured,
                    zone: selection.times.zone))
        }
    }

    private func count(_ session: ReadingSession, _ selected: Selection) async throws {
        let request = GetRequest(selected, limit: limit, countsOnly: true)
        let nowhere = DescriptorSink(STDOUT_FILENO, name: "standard output")
        let outcome = try await ReadingSession.showingProgress("counting", besideData: false) { progress in
            try await session.reader.get(request, to: nowhere, progress: progress)
        }
        try StandardOutput.write("\(outcome.lines)\n")
        try session.conclude(outcome.shortfall, warnings: outcome.warnings)
    }

    private func explain(_ session: ReadingSession, _ selected: Selection) async throws {
        let request = GetRequest(selected, limit: limit, isReversed: reverse, countsOnly: count)
        let explanation = try await session.reader.explain(request)
        try StandardOutput.write(explanation.text)
        try session.conclude(explanation.shortfall, warnings: explanation.warnings)
    }
}

extension Explanation {
    fileprivate var text: String {
        let index = steps.indexObjects.count
        var rows = [
            "index: \(HumanText.count(UInt64(index), "object")), \(steps.framesRead) of \(steps.frames) frames read",
            "manifests that no index covers: \(steps.manifestsRead)",
            "blocks to fetch: \(blocks) of \(HumanText.count(UInt64(chunks), "chunk")), \(HumanText.bytes(bytes))"
                + " in \(HumanText.count(UInt64(requests), "request"))",
            "lines in them: \(HumanText.count(lines)), \(HumanText.bytes(rawBytes))",
        ]
        if countedBlocks > 0 { rows.append("blocks counted without fetching: \(countedBlocks)") }
        if duplicates > 0 { rows.append("blocks archived twice, to be shown once: \(duplicates)") }
        if contested > 0 { rows.append("blocks to compare with others: \(contested)") }
        if windowedBlocks > 0 { rows.append("blocks opened more than once, for want of memory: \(windowedBlocks)") }
        if steps.restarts > 0 {
            rows.append("plans begun again, since index objects could not be used: \(steps.restarts)")
        }
        return rows.joined(separator: "\n") + "\n"
    }
}
