import Archiving
import ArgumentParser
import Configuration

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Shows the local agent: its backlog, how far it is behind, and its stores' state.",
        discussion: """
            Examples:
              firn status
              firn status --config /etc/firn/firn.yaml --format json

            Reads what the agent last wrote into its spool. Exit status: 0 it runs, 1 it does not.
            """)

    @OptionGroup var configuration: ConfigurationOptions

    @Option(help: "As a table, or one JSON object.")
    var format: ListingFormat = .table

    func run() throws {
        let spool = try configuration.load().spool.path
        guard let status = try AgentStatus.read(spool: spool) else {
            throw CommandFailure(sentence: "no agent has run with the spool \(spool); check spool.path")
        }
        try StandardOutput.write(format == .json ? status.json() + "\n" : Self.table(status))
        guard AgentStatus.isRunning(spool: spool) else {
            throw CommandFailure(sentence: "the agent does not run; this is what it wrote at \(status.updated)")
        }
    }

    private static func text(_ received: ReceivedFigures) -> String {
        var text =
            "write-ahead log: \(HumanText.bytes(received.logBytes)) of \(HumanText.bytes(received.maxLogBytes))\n"
        for (source, input) in received.inputs.sorted(by: { $0.key < $1.key }) {
            text += "\(source): \(HumanText.count(input.lines, "line")), \(HumanText.bytes(input.bytes)) received"
            let lost = input.lost.values.reduce(0, +)
            text += lost > 0 ? ", \(HumanText.count(lost, "message")) lost\n" : "\n"
        }
        for listener in received.listeners {
            let oddities = [
                (listener.refusedConnections, "connection", "refused"), (listener.splits, "line", "split off"),
                (listener.cut, "datagram", "cut"), (listener.overruns, "datagram", "dropped by the kernel"),
            ]
            let told = oddities.filter { $0.0 > 0 }.map { "\(HumanText.count($0.0, $0.1)) \($0.2)" }
            text += "listener of \(listener.source): \(HumanText.count(listener.messages, "message"))"
            text += ", \(HumanText.count(UInt64(listener.connections), "connection")) open"
            text += told.map { ", " + $0 }.joined() + "\n"
        }
        return text
    }

    private static func table(_ status: AgentStatus) -> String {
        let backlog = "\(HumanText.bytes(status.backlogBytes)) of \(HumanText.bytes(status.maxBytes))"
        var text = "agent \(status.writer), process \(status.process), at \(status.updated)\n"
        text += "backlog: \(backlog), \(HumanText.count(UInt64(status.backlogChunks), "sealed chunk"))\n"
        if status.isHeldUp { text += "reading waits: there is no room in the spool\n" }
        text +=
            "following \(HumanText.count(UInt64(status.files), "file")), \(HumanText.bytes(status.unreadBytes)) behind\n"
        if status.lost.gaps > 0 {
            text +=
                "lost since it began: \(HumanText.count(status.lost.gaps, "gap")), of \(HumanText.bytes(status.lost.bytes)) "
            text += "or more, in \(HumanText.count(UInt64(status.lostBySource.count), "source"))\n"
        }
        if let received = status.received { text += Self.text(received) }
        for store in status.stores {
            let last = store.lastArchived.map { "last archived at \($0)" } ?? "nothing archived since the agent began"
            text += "store \(store.name): \(last)\n"
            if store.owedChunks > 0 {
                let chunks = HumanText.count(UInt64(store.owedChunks), "chunk")
                text += "  lacks \(chunks) that are archived elsewhere, \(HumanText.bytes(store.owedBytes))\n"
            }
            if let failure = store.failure { text += "  failing since \(store.failedAt ?? "?"): \(failure)\n" }
        }
        var table = Table([
            .init(title: "SOURCE"), .init(title: "READ", alignment: .right), .init(title: "BEHIND", alignment: .right),
        ])
        for stream in status.streams.sorted(by: { $0.behind > $1.behind }) {
            table.append([stream.source, HumanText.bytes(stream.position), HumanText.bytes(stream.behind)])
        }
        return text + (table.isEmpty ? "" : table.text(isColoured: Screen.ofStandardOutput().isColoured))
    }
}
