package import ArchiveTypes

/// Where received lines come from: what their stream is made of.
package struct LineOrigin: Sendable, Hashable {
    /// The host that the lines name; nil where they name none, or their input is this machine's own.
    package var host: String?
    /// The input that received them.
    package var source: String
    /// The address that they were received from; nil on sockets of this machine.
    package var relay: String?

    package init(host: String?, source: String, relay: String? = nil) {
        self.host = host
        self.source = source
        self.relay = relay
    }
}

/// Whole lines of one origin, in the order in which they were received.
package struct ReceivedLines: Sendable {
    package var origin: LineOrigin
    package var bytes: [UInt8]
    /// When the last of them was received.
    package var received: Nanoseconds
    /// For an input that can be read again: what it needs to go on after these lines. Such lines are not logged.
    package var cursor: [UInt8]?
    /// Called once when logged lines are durable, on the receiver's thread: the moment to acknowledge them.
    package var durable: (@Sendable () -> Void)?

    /// What lines take besides their bytes, in memory and in the write-ahead log: about so much.
    static let overhead = 256

    package init(
        origin: LineOrigin, bytes: [UInt8], received: Nanoseconds, cursor: [UInt8]? = nil,
        durable: (@Sendable () -> Void)? = nil
    ) {
        self.origin = origin
        self.bytes = bytes
        self.received = received
        self.cursor = cursor
        self.durable = durable
    }
}

/// Messages that were lost before they could be received.
package struct ReceivedLoss: Sendable, Hashable {
    package var source: String
    package var messages: UInt64
    /// A clause for people.
    package var reason: String

    package init(source: String, messages: UInt64, reason: String) {
        self.source = source
        self.messages = messages
        self.reason = reason
    }
}

/// What goes from inputs to the one who logs it.
package enum Received: Sendable {
    case lines(ReceivedLines)
    case loss(ReceivedLoss)

    /// In bytes.
    package var cost: Int {
        switch self {
        case .lines(let lines): lines.bytes.count + ReceivedLines.overhead
        case .loss: 0
        }
    }
}
