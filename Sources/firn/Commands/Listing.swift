import ArchiveTypes
import ArgumentParser
import Retrieval

enum ListingFormat: String, ExpressibleByArgument, CaseIterable { case table, json }

/// What `hosts`, `sources` and `chunks` have in common.
struct ListingOptions: ParsableArguments {
    @OptionGroup var stores: StoreOptions
    @OptionGroup(title: "Times") var times: TimeOptions
    @OptionGroup(title: "Streams") var streams: StreamOptions

    @Option(help: "table, or json (one object a line, times in UTC).")
    var format: ListingFormat = .table

    @OptionGroup var logging: LoggingOptions

    /// Asks the archive and prints the answer.
    func list<Item>(
        _ ask: (ArchiveReader, Selection) async throws -> Summaries<Item>, table columns: [Table.Column],
        row: (Item, Listing) -> [String], json: (Item) -> JSONLine
    ) async throws {
        logging.start()
        let session = try await ReadingSession(stores)
        let selection = streams.selection(try times.range(now: Clock.now()))
        let found = try await ask(session.reader, selection)
        switch format {
        case .json: try StandardOutput.write(found.items.map { json($0).text }.joined())
        case .table: try show(found, columns, row)
        }
        try session.conclude(found.shortfall, warnings: found.warnings)
    }

    /// Times are brief where a terminal is too narrow for them.
    private func show<Item>(
        _ found: Summaries<Item>, _ columns: [Table.Column], _ row: (Item, Listing) -> [String]
    ) throws {
        guard !found.items.isEmpty else {
            if found.shortfall.isEmpty { ReadingSession.tellOfNothing() }
            return
        }
        let screen = Screen.ofStandardOutput()
        func table(_ listing: Listing) -> Table {
            var table = Table(columns)
            for item in found.items { table.append(row(item, listing)) }
            return table
        }
        let full = table(Listing(times: times))
        let fits = !screen.isTerminal || full.width <= screen.width
        let chosen = fits ? full : table(Listing(times: times, isBrief: true))
        try StandardOutput.write(chosen.text(isColoured: screen.isColoured))
    }
}

/// Cells that all listings share.
struct Listing {
    var times: TimeOptions
    /// Times to the minute, without the zone, as `--from` reads them.
    var isBrief = false

    static let columns = [
        Table.Column(title: "FIRST"), Table.Column(title: "LAST"), Table.Column(title: "LINES", alignment: .right),
        Table.Column(title: "BYTES", alignment: .right), Table.Column(title: "STORED", alignment: .right),
    ]

    func cells(_ summary: Summary) -> [String] {
        [
            summary.times.map { time($0.lowerBound) } ?? "-", summary.times.map { time($0.upperBound) } ?? "-",
            HumanText.count(summary.lines), HumanText.bytes(summary.rawBytes), HumanText.bytes(summary.storedBytes),
        ]
    }

    /// To the second, in the local zone or UTC.
    func time(_ time: Nanoseconds) -> String {
        let text = CivilTime.rfc3339(time, fractionDigits: 0, offset: times.utcOffset(at: time))
        return isBrief ? "\(text.prefix(10)) \(text.dropFirst(11).prefix(5))" : text
    }
}

extension JSONLine {
    mutating func add(_ summary: Summary) {
        if let times = summary.times {
            add("first", CivilTime.rfc3339(times.lowerBound))
            add("last", CivilTime.rfc3339(times.upperBound))
        }
        add("received", CivilTime.rfc3339(summary.received))
        add("lines", summary.lines)
        add("bytes", summary.rawBytes)
        add("stored", summary.storedBytes)
        add("blocks", summary.blocks)
        add("gaps", summary.gaps)
    }
}
