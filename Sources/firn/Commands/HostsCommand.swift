import ArgumentParser
import Retrieval

struct HostsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hosts",
        abstract: "Lists the hosts of the archive: first and last time, lines, bytes.",
        usage: "firn hosts <options>",
        discussion: """
            Examples:
              firn hosts --store file:///srv/archive
              firn hosts --last 24h --label env=prod --format json

            From the index alone: blocks that overlap the range of time count whole.
            """)

    @OptionGroup var listing: ListingOptions

    func run() async throws {
        try await listing.list(
            { reader, selection in try await reader.hosts(selection) },
            table: [.init(title: "HOST"), .init(title: "SOURCES", alignment: .right)] + Listing.columns,
            row: { item, listing in [item.host, "\(item.sources)"] + listing.cells(item.summary) },
            json: { item in
                var line = JSONLine()
                line.add("host", item.host)
                line.add("sources", item.sources)
                line.add(item.summary)
                return line
            })
    }
}
