import ArchiveTypes
import Inputs
import TestSupport

/// Senders that keep nothing once it is acknowledged, and a journal that is read again from a cursor.
final class SourceSenders: @unchecked Sendable {
    private struct Sent {
        var line: [UInt8]
        var isAcknowledged = false
    }

    private var sent: [String: [Sent]] = [:]
    private(set) var journal: [[UInt8]] = []

    func send(using random: inout SeededGenerator, now: Nanoseconds) -> Received {
        let host = "web-\(Int.random(in: 1...3, using: &random))"
        let first = sent[host]?.count ?? 0
        // Now and then more than a block holds.
        let most = Int.random(in: 0..<6, using: &random) == 0 ? 25 : 5
        let lines = (0..<Int.random(in: 1...most, using: &random)).map { index in
            SourceLine.make(
                host, first + index, String(repeating: "y", count: Int.random(in: 0...60, using: &random)))
        }
        sent[host, default: []] += lines.map { Sent(line: $0) }
        let range = first..<(first + lines.count)
        return .lines(
            ReceivedLines(
                origin: LineOrigin(host: host, source: "syslog", relay: "10.0.0.1"), bytes: Array(lines.joined()),
                received: now,
                durable: { [self] in for index in range { sent[host]?[index].isAcknowledged = true } }))
    }

    func log(using random: inout SeededGenerator) {
        let payload = String(repeating: "z", count: Int.random(in: 0...60, using: &random))
        journal.append(SourceLine.make("journal", journal.count, payload))
    }

    /// Entries `range` of the journal, as its reader brings them.
    func entries(_ range: Range<Int>, now: Nanoseconds) -> [Received] {
        range.map { index in
            .lines(
                ReceivedLines(
                    origin: LineOrigin(host: nil, source: "journal"), bytes: journal[index], received: now,
                    cursor: Array(String(index + 1).utf8)))
        }
    }

    /// How many entries lie before a cursor.
    static func count(before cursor: [UInt8]?) -> Int {
        cursor.flatMap { Int(String(decoding: $0, as: UTF8.self)) } ?? 0
    }

    var expected: [StreamID: ExpectedStream] {
        var streams: [StreamID: ExpectedStream] = [:]
        for (host, lines) in sent {
            let optional = lines.indices.filter { !lines[$0].isAcknowledged }
            streams[StreamID(host: host, source: "syslog")] = ExpectedStream(
                lines: lines.map(\.line), optional: Set(optional))
        }
        if !journal.isEmpty { streams[StreamID(host: "h", source: "journal")] = ExpectedStream(lines: journal) }
        return streams
    }
}
