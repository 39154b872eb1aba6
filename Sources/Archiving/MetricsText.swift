import ArchiveTypes
import Glibc

/// The figures of an agent in the text format of Prometheus, version 0.0.4
/// (https://prometheus.io/docs/instrumenting/exposition_formats/), with names as OpenMetrics wants them: units in
/// the names, `_total` at the end of what only rises until the agent ends.
package struct MetricsText {
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    private enum Kind: String { case counter, gauge }
    private typealias Sample = (labels: [(String, String)], value: Double)

    private var text = ""

    /// - Parameter status: nil before the agent has any.
    package static func page(_ status: AgentStatus?) -> String {
        var page = MetricsText()
        page.add("firn_up", .gauge, "Whether the agent has figures.", [([], status == nil ? 0 : 1)])
        guard let status else { return page.text }
        page.addInputs(status)
        page.addLosses(status)
        page.addSpool(status)
        page.addStores(status.stores)
        if let received = status.received { page.addReceived(received) }
        return page.text
    }

    private mutating func addInputs(_ status: AgentStatus) {
        let groups = status.byInput.enumerated().map { ("files[\($0.offset)]", $0.element.lines, $0.element.rawBytes) }
        let received = (status.received?.inputs ?? [:]).sorted { $0.key < $1.key }
            .map { ($0.key, $0.value.lines, $0.value.bytes) }
        let inputs = groups + received
        add(
            "firn_input_lines_total", .counter, "Lines read, by input.",
            inputs.map { ([("input", $0.0)], Double($0.1)) })
        add(
            "firn_input_bytes_total", .counter, "Bytes of lines read, by input.",
            inputs.map { ([("input", $0.0)], Double($0.2)) })
        add("firn_followed_files", .gauge, "Files that are followed.", [([], Double(status.files))])
        add(
            "firn_unread_bytes", .gauge, "Bytes of followed files that were seen and are not read yet.",
            [([], Double(status.unreadBytes))])
        add(
            "firn_stream_unread_bytes", .gauge, "The same for the streams furthest behind, 32 at most.",
            status.streams.filter { $0.behind > 0 }.sorted { $0.behind > $1.behind }.prefix(32)
                .map { ([("source", $0.source)], Double($0.behind)) })
        add("firn_blocks_total", .counter, "Blocks of lines spooled.", [([], Double(status.appended.blocks))])
        add("firn_heartbeats_total", .counter, "Heartbeats spooled.", [([], Double(status.appended.heartbeats))])
    }

    private mutating func addLosses(_ status: AgentStatus) {
        let sources = status.lostBySource.sorted { $0.key < $1.key }
        let byReason = sources.flatMap { source, count in
            count.reasons.sorted { $0.key < $1.key }.map { ([("source", source), ("reason", $0.key)], $0.value) }
        }
        let received = (status.received?.inputs ?? [:]).sorted { $0.key < $1.key }.flatMap { source, input in
            input.lost.sorted { $0.key < $1.key }.map {
                (labels: [("source", source), ("reason", $0.key)], value: Double($0.value))
            }
        }
        add(
            "firn_lost_gaps_total", .counter, "Places of streams where something was lost, by stream and reason.",
            byReason.map { ($0.0, Double($0.1.gaps)) })
        add(
            "firn_lost_bytes_total", .counter, "Bytes lost, as far as it is known how many.",
            byReason.map { ($0.0, Double($0.1.bytes)) })
        add("firn_lost_messages_total", .counter, "Messages lost before they could be received.", received)
        add(
            "firn_dropped_lines_total", .counter, "Lines that rules left out.",
            sources.filter { $0.value.droppedLines > 0 }.map { ([("source", $0.key)], Double($0.value.droppedLines)) })
        add(
            "firn_dropped_bytes_total", .counter, "Bytes that rules left out.",
            sources.filter { $0.value.droppedLines > 0 }.map { ([("source", $0.key)], Double($0.value.droppedBytes)) })
        add(
            "firn_redacted_lines_total", .counter, "Lines that rules masked something in.",
            sources.filter { $0.value.redactedLines > 0 }.map { ([("source", $0.key)], Double($0.value.redactedLines)) }
        )
    }

    private mutating func addSpool(_ status: AgentStatus) {
        add("firn_spool_bytes", .gauge, "Bytes that are not archived yet.", [([], Double(status.backlogBytes))])
        add("firn_spool_max_bytes", .gauge, "The spool's ceiling.", [([], Double(status.maxBytes))])
        add(
            "firn_spool_sealed_chunks", .gauge, "Sealed chunks that are not archived yet.",
            [([], Double(status.backlogChunks))])
        add(
            "firn_spool_waiting", .gauge, "1 while reading waits for room in the spool.",
            [([], status.isHeldUp ? 1 : 0)])
    }

    private mutating func addStores(_ stores: [AgentStatus.Store]) {
        func samples(_ value: (AgentStatus.Store) -> Double?) -> [Sample] {
            stores.compactMap { store in value(store).map { ([("store", store.name)], $0) } }
        }
        add("firn_store_up", .gauge, "0 while a store fails.", samples { $0.failure == nil ? 1 : 0 })
        add(
            "firn_store_chunks_total", .counter, "Chunks that a store took.", samples { Double($0.archivedChunks) })
        add("firn_store_failures_total", .counter, "Puts that a store failed.", samples { Double($0.failures) })
        add(
            "firn_store_owed_chunks", .gauge, "Archived chunks that a store still lacks.",
            samples { Double($0.owedChunks) })
        add("firn_store_owed_bytes", .gauge, "Their bytes.", samples { Double($0.owedBytes) })
        add(
            "firn_store_last_archived_timestamp_seconds", .gauge, "When a store last took a chunk, Unix time.",
            samples { $0.lastArchivedAt.map { Double($0) / 1e9 } })
    }

    private mutating func addReceived(_ received: ReceivedFigures) {
        add("firn_wal_bytes", .gauge, "Bytes of the write-ahead log.", [([], Double(received.logBytes))])
        add("firn_wal_max_bytes", .gauge, "Its ceiling.", [([], Double(received.maxLogBytes))])
        func samples(_ value: (ReceivedFigures.Listener) -> Double) -> [Sample] {
            received.listeners.enumerated().map { index, listener in
                ([("listener", "\(index)"), ("source", listener.source)], value(listener))
            }
        }
        add(
            "firn_listener_messages_total", .counter, "Messages received, by listener.",
            samples { Double($0.messages) })
        add("firn_listener_bytes_total", .counter, "Bytes of messages received.", samples { Double($0.bytes) })
        add("firn_listener_connections", .gauge, "Open connections.", samples { Double($0.connections) })
        add(
            "firn_listener_refused_connections_total", .counter,
            "Connections closed at once, since there were too many.",
            samples { Double($0.refusedConnections) })
        add(
            "firn_listener_split_lines_total", .counter, "Lines beyond the first that messages over the limit became.",
            samples { Double($0.splits) })
        add(
            "firn_listener_cut_datagrams_total", .counter, "Datagrams whose end was cut off.",
            samples { Double($0.cut) })
        add(
            "firn_listener_overrun_datagrams_total", .counter, "Datagrams that the kernel dropped.",
            samples { Double($0.overruns) })
    }

    /// One family. Without samples there is none.
    private mutating func add(_ name: String, _ kind: Kind, _ help: String, _ samples: [Sample]) {
        guard !samples.isEmpty else { return }
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
        for sample in samples {
            let labels = sample.labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: ",")
            text += name + (labels.isEmpty ? "" : "{\(labels)}") + " \(Self.number(sample.value))\n"
        }
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && value.magnitude < 9e15 ? "\(Int64(value))" : "\(value)"
    }

    private static func escaped(_ value: String) -> String {
        var text = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }
}
