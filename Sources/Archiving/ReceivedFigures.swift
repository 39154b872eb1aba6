import Inputs
import Synchronization

/// What the receiving inputs of an agent brought, and where the write-ahead log stands: for people and metrics.
package struct ReceivedFigures: Codable, Sendable, Hashable {
    package struct Input: Codable, Sendable, Hashable {
        package var lines: UInt64 = 0
        package var bytes: UInt64 = 0
        /// Messages that were lost before they could be received, by reason.
        package var lost: [String: UInt64] = [:]
    }

    package struct Listener: Codable, Sendable, Hashable {
        package var source: String
        package var messages: UInt64
        package var bytes: UInt64
        /// Open now.
        package var connections: Int
        package var refusedConnections: UInt64
        /// Lines beyond the first that messages over the limit became.
        package var splits: UInt64
        /// Datagrams whose end was cut off.
        package var cut: UInt64
        /// Datagrams that the kernel dropped.
        package var overruns: UInt64

        init(_ counts: ListenerCounts) {
            (source, messages, bytes) = (counts.source, counts.messages, counts.bytes)
            (connections, refusedConnections) = (counts.connections, counts.refusedConnections)
            (splits, cut, overruns) = (counts.splits, counts.cut, counts.overruns)
        }
    }

    /// By source.
    package var inputs: [String: Input] = [:]
    package var listeners: [Listener] = []
    /// Bytes of the write-ahead log, and its ceiling.
    package var logBytes: UInt64 = 0
    package var maxLogBytes: UInt64 = 0

    package init() {}

    mutating func note(_ received: [Received]) {
        for each in received {
            switch each {
            case .lines(let lines):
                let count = lines.bytes.withUnsafeBytes { $0.reduce(0) { $0 + ($1 == 0x0A ? 1 : 0) } }
                inputs[lines.origin.source, default: Input()].lines += UInt64(count)
                inputs[lines.origin.source, default: Input()].bytes += UInt64(lines.bytes.count)
            case .loss(let loss):
                inputs[loss.source, default: Input()].lost[loss.reason, default: 0] += loss.messages
            }
        }
    }
}
