import ArchiveTypes
import ArgumentParser
import Retrieval

struct SourcesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sources",
        abstract: "Lists the sources of the archive's hosts: first and last time, lines, bytes.",
        usage: "firn sources <options>",
        discussion: """
            Examples:
              firn sources --host web-1
              firn sources --source '/var/log/nginx/*' --last 7d --format json

            From the index alone: blocks that overlap the range of time count whole.
            """)

    @OptionGroup var listing: ListingOptions

    func run() async throws {
        try await listing.list(
            { reader, selection in try await reader.sources(selection) },
            table: [.init(title: "HOST")] + Listing.columns + [.init(title: "SOURCE")],
            row: { item, listing in [item.stream.host] + listing.cells(item.summary) + [item.stream.source] },
            json: { item in
                var line = JSONLine()
                line.add("host", item.stream.host)
                line.add("source", item.stream.source)
                line.add("generations", item.generations)
                line.add(item.summary)
                return line
            })
    }
}
