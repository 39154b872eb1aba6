package import ArchiveTypes
import Glibc

/// Reads standard input as it comes. What was read is logged; what was not stays in the pipe, and its writer waits.
package final class StandardInputReader: Sendable {
    private let source: String
    private let intake: Intake
    private let clock: @Sendable () -> Nanoseconds
    private let ends: (read: Int32, write: Int32)

    package init(source: String, intake: Intake, clock: @escaping @Sendable () -> Nanoseconds) throws(InputError) {
        self.source = source
        self.intake = intake
        self.clock = clock
        var pair: [Int32] = [-1, -1]
        guard pipe(&pair) == 0 else { throw InputError(errno: errno, path: "-", doing: "watch") }
        ends = (pair[0], pair[1])
    }

    deinit {
        close(ends.read)
        close(ends.write)
    }

    package func stop() {
        var byte: UInt8 = 0
        _ = write(ends.write, &byte, 1)
    }

    /// Reads until the end of the input, `stop`, or until the intake is closed. Blocks.
    package func run() {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while waitForInput() {
            let count = Glibc.read(STDIN_FILENO, &buffer, buffer.count)
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            guard count > 0 else { return }
            let lines = ReceivedLines(
                origin: LineOrigin(host: nil, source: source), bytes: Array(buffer[..<count]), received: clock())
            guard intake.put([.lines(lines)]) else { return }
        }
    }

    private func waitForInput() -> Bool {
        var wanted = [
            pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
            pollfd(fd: ends.read, events: Int16(POLLIN), revents: 0),
        ]
        while poll(&wanted, 2, -1) < 0, errno == EINTR {}
        return wanted[1].revents == 0
    }
}
