import ArgumentParser
import Retrieval

struct ChunksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chunks",
        abstract: "Lists the chunks that hold the selected streams and times.",
        usage: "firn chunks <options>",
        discussion: """
            Examples:
              firn chunks --host web-1 --last 24h
              firn chunks --format json | jq -r .chunk

            A chunk is a zstd file of the store: `zstd -dc` prints its lines. Figures are of the selected blocks.
            """)

    @OptionGroup var listing: ListingOptions

    func run() async throws {
        try await listing.list(
            { reader, selection in try await reader.chunks(selection) },
            table: [.init(title: "STREAMS", alignment: .right)] + Listing.columns + [.init(title: "CHUNK")],
            row: { item, listing in ["\(item.streams)"] + listing.cells(item.summary) + [item.chunk] },
            json: { item in
                var line = JSONLine()
                line.add("chunk", item.chunk)
                line.add("streams", item.streams)
                line.add(item.summary)
                return line
            })
    }
}
