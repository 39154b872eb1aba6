import ArchiveTypes
import ArgumentParser
import Configuration
import Retrieval

struct HistogramCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "histogram",
        abstract: "Draws the number of selected lines over time.",
        discussion: """
            Examples:
              firn histogram --host web-1 --last 24h
              firn histogram --match error --last 7d --width 1h --format json

            Without texts most is counted from the index, without reading lines.
            """)

    @OptionGroup var stores: StoreOptions
    @OptionGroup var selection: SelectionOptions

    @Option(
        help: ArgumentHelp(
            "Time of one bar, such as 5m; bars begin at its multiples (default: one that makes about 24 bars).",
            valueName: "duration"))
    var width: String?

    @Flag(help: "Count from the index alone: blocks that span several bars are spread evenly over them.")
    var approximate = false

    @Option(help: "table, or json (one object a line, times in UTC).")
    var format: ListingFormat = .table

    @OptionGroup var logging: LoggingOptions

    func validate() throws { _ = try givenWidth() }

    func run() async throws {
        logging.start()
        let session = try await ReadingSession(stores)
        let selected = try selection.selection(now: Clock.now())
        let (histogram, outcome) = try await ReadingSession.showingProgress("counting", besideData: false) { progress in
            try await session.reader.histogram(
                selected, width: try givenWidth(), count: 24, zone: selection.times.zone, isApproximate: approximate,
                progress: progress)
        }
        if let histogram {
            try show(histogram)
        } else if format == .table, outcome.isComplete {
            ReadingSession.tellOfNothing()
        }
        try session.conclude(outcome.shortfall, warnings: outcome.warnings)
    }

    private func givenWidth() throws -> Nanoseconds? {
        guard let width else { return nil }
        let duration = try OptionValue.parse("--width", width, DurationText.parse)
        guard duration > 0 else { throw ValidationError("--width is 0; write a duration such as 5m") }
        return duration
    }

    private func show(_ histogram: Histogram) throws {
        let steps = histogram.buckets.enumerated().map { index, bucket in
            (time: histogram.start + Nanoseconds(index) * histogram.width, bucket: bucket)
        }
        switch format {
        case .json:
            try StandardOutput.write(steps.map { line($0.time, histogram.width, $0.bucket).text }.joined())
        case .table:
            let digits = histogram.width < 10 * .perSecond ? 3 : 0
            let drawing = HistogramDrawing(screen: .ofStandardOutput())
            let bars = steps.map { time, bucket in
                let offset = selection.times.utcOffset(at: time)
                return HistogramDrawing.Step(
                    title: CivilTime.rfc3339(time, fractionDigits: digits, offset: offset), count: bucket.lines)
            }
            try StandardOutput.write(drawing.text(bars))
        }
    }

    private func line(_ time: Nanoseconds, _ width: Nanoseconds, _ bucket: Histogram.Bucket) -> JSONLine {
        var line = JSONLine()
        line.add("from", CivilTime.rfc3339(time))
        line.add("to", CivilTime.rfc3339(time + width))
        line.add("lines", bucket.lines)
        line.add("bytes", bucket.bytes)
        return line
    }
}
