import Dispatch
import Glibc
import Synchronization

/// A server that a test has started: it ends with this object, and at the latest with the test's process
/// (Tests/Support/s3double/guard.py).
package final class GuardedProcess: Sendable {
    package struct Failure: Error, CustomStringConvertible {
        package var description: String

        package init(description: String) { self.description = description }
    }

    package let ports: [Int]
    /// The other end is the guard's standard input and output: when this one is closed, the server ends.
    private let lifeline: Int32
    private let guardian: pid_t

    private init(ports: [Int], lifeline: Int32, guardian: pid_t) {
        self.ports = ports
        self.lifeline = lifeline
        self.guardian = guardian
    }

    deinit {
        close(lifeline)
        var status: Int32 = 0
        while waitpid(guardian, &status, 0) < 0, errno == EINTR {}
    }

    /// Starts `command` and returns when all `readyURLs` answer with 200. `{port1}`... and `{directory}` are filled in.
    /// - Parameter directory: removed at the end.
    package static func start(
        _ command: [String], ports: Int, directory: String, readyURLs: [String], deadline: Int = 90
    ) async throws(Failure) -> GuardedProcess {
        let result: Result<GuardedProcess, Failure> = await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                let arguments =
                    ["python3", TestPaths.supportFile("s3double/guard.py"), "--ports", String(ports)]
                    + ["--directory", directory, "--deadline", String(deadline)]
                    + readyURLs.flatMap { ["--ready", $0] } + ["--"] + command
                continuation.resume(returning: Result { () throws(Failure) in try launch(arguments) })
            }
        }
        return try result.get()
    }

    private static func launch(_ arguments: [String]) throws(Failure) -> GuardedProcess {
        // Closed on exec: another server that is started meanwhile must not hold this one's lifeline.
        var ends: [Int32] = [0, 0]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw Failure(description: "socketpair: \(String(cString: strerror(errno)))")
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        var words = arguments.map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var guardian: pid_t = 0
        let code = posix_spawnp(&guardian, "python3", &actions, nil, &words, environ())
        close(ends[1])
        guard code == 0 else {
            close(ends[0])
            throw Failure(description: "cannot start python3: \(String(cString: strerror(code)))")
        }
        let line = readLine(ends[0])
        let answer = line.split(separator: " ")
        let ports = answer.dropFirst().compactMap { Int($0) }
        let process = GuardedProcess(ports: ports, lifeline: ends[0], guardian: guardian)
        guard answer.first == "ready" else { throw Failure(description: line.isEmpty ? "the guard ended" : line) }
        return process
    }

    private static func readLine(_ descriptor: Int32) -> String {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while read(descriptor, &byte, 1) == 1, byte != UInt8(ascii: "\n") { line.append(byte) }
        return String(decoding: line, as: UTF8.self)
    }

    /// Glibc's `environ` is a variable that Swift 6 will not touch.
    private static func environ() -> UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? {
        guard let symbol = dlsym(nil, "environ") else { return nil }
        return symbol.assumingMemoryBound(to: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?.self).pointee
    }
}
