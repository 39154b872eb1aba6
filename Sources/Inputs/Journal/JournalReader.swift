package import ArchiveTypes
import CSystem
import Glibc

/// Reads the journal from a cursor on, and goes on as entries come, through `journalctl -o export`: it ends with this
/// process, and is begun anew where it ends by itself.
package final class JournalReader: Sendable {
    private let source: String
    private let arguments: [String]
    private let intake: Intake
    private let clock: @Sendable () -> Nanoseconds
    private let problem: @Sendable (String) -> Void
    private let readiness: Readiness
    private let stopping = Intake()

    /// Before a program that ended is begun anew, in nanoseconds.
    private static let pause: Nanoseconds = 2 * .perSecond

    /// - Parameters:
    ///   - units: only their entries; none: all.
    ///   - directory: of the journal's files; nil: the machine's own journal.
    ///   - problem: told why the journal cannot be read.
    package init(
        source: String, units: [String], directory: String?, intake: Intake,
        clock: @escaping @Sendable () -> Nanoseconds, problem: @escaping @Sendable (String) -> Void
    ) throws(InputError) {
        self.source = source
        self.intake = intake
        self.clock = clock
        self.problem = problem
        readiness = try Readiness()
        let place = directory.map { ["--directory=\($0)"] } ?? []
        arguments =
            ["journalctl", "--output=export", "--follow", "--no-tail", "--quiet"] + place + units.map { "--unit=\($0)" }
    }

    package func stop() {
        stopping.close()
        readiness.wake()
    }

    /// Reads after `cursor`, or from the beginning, until `stop` or until the intake is closed. Blocks.
    package func run(after cursor: [UInt8]?) {
        var cursor = cursor
        while stopping.put([]) {
            guard follow(&cursor) else { return }
            // Waits for what never comes, unless it is closed.
            _ = stopping.take(atMost: Self.pause)
        }
    }

    /// One run of the program. False once the intake is closed.
    private func follow(_ cursor: inout [UInt8]?) -> Bool {
        var output: Int32 = -1
        let after = cursor.map { ["--after-cursor=\(String(decoding: $0, as: UTF8.self))"] } ?? []
        let process = Self.spawn(arguments + after, &output)
        guard process > 0 else {
            problem("journalctl cannot be run: \(String(cString: strerror(-process)))")
            return true
        }
        let isOpen = read(output, &cursor)
        close(output)
        kill(process, SIGTERM)
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        if isOpen, stopping.put([]) { problem("journalctl ended with status \(status >> 8 & 255); it is begun anew") }
        return isOpen
    }

    private func read(_ output: Int32, _ cursor: inout [UInt8]?) -> Bool {
        var parser = JournalExportParser()
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        do throws(InputError) { try readiness.add(output, token: 0) } catch {
            problem("\(error)")
            return true
        }
        while stopping.put([]) {
            guard !readiness.wait().isEmpty else { continue }
            let count = Glibc.read(output, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return true }
            guard take(buffer[..<count], &parser, &cursor) else { return false }
        }
        return true
    }

    private func take(_ bytes: ArraySlice<UInt8>, _ parser: inout JournalExportParser, _ cursor: inout [UInt8]?) -> Bool
    {
        var lines: [UInt8] = []
        bytes.withUnsafeBytes {
            parser.take($0) { entry in
                lines += entry.line
                cursor = entry.cursor
            }
        }
        guard !lines.isEmpty else { return true }
        let origin = LineOrigin(host: nil, source: source)
        return intake.put([.lines(ReceivedLines(origin: origin, bytes: lines, received: clock(), cursor: cursor))])
    }

    private static func spawn(_ arguments: [String], _ output: inout Int32) -> Int32 {
        var pointers = arguments.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        return firn_spawn_reading(&pointers, &output)
    }
}
