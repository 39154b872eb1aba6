import Glibc

/// Standard output: data and nothing else.
enum StandardOutput {
    /// - Throws: a quiet end where the reader has gone, else why it cannot be written.
    static func write(_ text: String) throws(CommandFailure) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EPIPE { throw CommandFailure(status: ExitStatus.done) }
            guard count >= 0 else {
                throw CommandFailure(sentence: "standard output cannot be written: \(String(cString: strerror(errno)))")
            }
            rest = rest.dropFirst(count)
        }
    }
}
