import ArchiveTypes
package import Inputs
import Logging
import Spool
import Threads

/// The threads of an agent that receive: inputs, each on a thread of its own, and one that makes durable what they bring.
package final class ReceivingSide: Sendable {
    /// An input that puts what it receives into an intake.
    package struct Input: Sendable {
        /// For messages.
        package var name: String
        /// Receives until it is stopped, its source has ended or the intake is closed. Blocks.
        package var run: @Sendable (_ cursor: [UInt8]?) -> Void
        /// Makes `run` return soon.
        package var stop: @Sendable () -> Void
        /// What streams of an input are called that can be read again: `run` is given the cursor where to go on.
        package var replayedSource: String?

        package init(
            name: String, replayedSource: String? = nil, run: @escaping @Sendable (_ cursor: [UInt8]?) -> Void,
            stop: @escaping @Sendable () -> Void
        ) {
            self.name = name
            self.replayedSource = replayedSource
            self.run = run
            self.stop = stop
        }
    }

    private let intake: Intake
    private let inputs: [Input]
    private let settings: ReceiverSettings
    private let isStopping = Monitor(false)
    private let running = Monitor(0)
    private let noted = Monitor(ReceivedFigures())
    private let left = Monitor(ReceiverHandover())
    private let listeners: @Sendable () -> [ListenerCounts]

    /// How long the receiver waits for lines before it looks whether blocks are due.
    private static let turn: Nanoseconds = 100_000_000

    package init(
        _ inputs: [Input], intake: Intake, settings: ReceiverSettings,
        listeners: @escaping @Sendable () -> [ListenerCounts] = { [] }
    ) {
        self.listeners = listeners
        self.inputs = inputs
        self.intake = intake
        self.settings = settings
    }

    /// Makes `run` return once what was received is durable.
    package func stop() { isStopping.update { $0 = true } }

    /// What was received since it began.
    package var figures: ReceivedFigures {
        var figures = noted.read { $0 }
        figures.listeners = listeners().map { ReceivedFigures.Listener($0) }
        return figures
    }

    /// For a receiving side that goes on in the same process. After `run`.
    package var handover: ReceiverHandover { left.read { $0 } }

    private func note(_ received: [Received], _ receiver: borrowing Receiver) {
        let length = receiver.log.length
        noted.update { figures in
            figures.note(received)
            figures.logBytes = length
            figures.maxLogBytes = settings.logBytes
        }
    }

    /// Receives until `stop`, or until all inputs have ended. Blocks.
    /// - Parameter deadline: until when, in ticks, what finds no room in the spool may then wait for some; asked again and
    ///   again.
    func run(
        spool: Spool, logger: Logger, clock: @escaping @Sendable () -> Nanoseconds,
        ticks: @escaping @Sendable () -> Nanoseconds, deadline: () -> Nanoseconds,
        sealed: @escaping @Sendable (SealedChunk) -> Void
    ) throws {
        var receiver = try Receiver(
            spool: spool, log: try LogDirectory(spool: spool.path), settings: settings, logger: logger,
            clock: clock, ticks: ticks, sealed: sealed)
        defer { stopInputs() }
        try receiver.replay()
        for input in inputs { start(input, cursor: input.replayedSource.flatMap { receiver.cursor(of: $0) }) }
        while !isStopping.read({ $0 }), running.read({ $0 > 0 }) {
            if receiver.canTake {
                let received = intake.take(atMost: Self.turn)
                try receiver.turn(received)
                note(received, receiver)
            } else {
                _ = isStopping.wait(atMost: Self.turn) { $0 ? true : nil }
                try receiver.turn([])
            }
        }
        try drain(&receiver)
        while let needed = try receiver.spoolAll(), ticks() < deadline() {
            try makeRoom(for: needed, spool, sealed)
        }
        try receiver.finish()
        let handover = receiver.handover
        left.update { $0 = handover }
    }

    /// Waits a little for room in the spool, or on its disk.
    private func makeRoom(for bytes: Int, _ spool: Spool, _ sealed: (SealedChunk) -> Void) throws {
        do throws(SpoolError) {
            // Nobody else does it any more.
            if let chunk = try spool.seal() { sealed(chunk) }
        } catch {
            guard error.kind == .full else { throw error }
        }
        if spool.hasRoom(for: bytes) {
            // It is the disk that is full, and nobody tells when it is not.
            _ = running.wait(atMost: Self.turn) { _ -> Void? in nil }
        } else {
            spool.waitForRoom(for: bytes, atMost: Self.turn)
        }
    }

    /// What the inputs have read is taken as far as there is room for it, and counted as lost beyond that.
    private func drain(_ receiver: inout Receiver) throws {
        for input in inputs { input.stop() }
        while true {
            let hasEnded = running.read { $0 == 0 }
            let received = intake.take(atMost: hasEnded ? 0 : Self.turn)
            note(try receiver.takeLast(received), receiver)
            if hasEnded, received.isEmpty { break }
        }
    }

    private func start(_ input: Input, cursor: [UInt8]?) {
        running.update { $0 += 1 }
        WorkerThreads.start { [running] in
            input.run(cursor)
            running.update { $0 -= 1 }
        }
    }

    /// Returns when no input uses its sockets any more: another configuration may want them.
    private func stopInputs() {
        intake.close()
        for input in inputs { input.stop() }
        running.wait { $0 == 0 ? () : nil }
    }
}

extension ReceivingSide.Input {
    /// Syslog at any number of addresses.
    package static func syslog(_ listener: SyslogListener) -> Self {
        Self(name: "syslog", run: { _ in listener.run() }, stop: { listener.stop() })
    }
}

extension ReceivingSide.Input {
    /// A journal.
    package static func journal(_ reader: JournalReader, source: String) -> Self {
        Self(
            name: "journal", replayedSource: source, run: { reader.run(after: $0) }, stop: { reader.stop() })
    }

    package static func standardInput(_ reader: StandardInputReader) -> Self {
        Self(name: "standard input", run: { _ in reader.run() }, stop: { reader.stop() })
    }
}
