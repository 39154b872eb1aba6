import ArchiveTypes
import ArgumentParser
import Retrieval

/// Which lines of which streams and times.
struct SelectionOptions: ParsableArguments {
    @OptionGroup(title: "Times") var times: TimeOptions
    @OptionGroup(title: "Streams") var streams: StreamOptions
    @OptionGroup(title: "Texts") var text: TextOptions

    func selection(now: Nanoseconds) throws -> Selection {
        var selection = try streams.selection(times.range(now: now))
        selection.text = try text.condition()
        selection.wholeRecords = text.records
        return selection
    }
}

extension StreamOptions {
    func selection(_ range: TimeRange) -> Selection {
        Selection(
            range: range, hosts: hosts.map { Glob($0) }, sources: sources.map { Glob($0) }, labels: labels.map(\.pair))
    }
}
