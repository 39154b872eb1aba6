import Glibc

/// Standard error: sentences, warnings, summaries. Data never goes there.
enum StandardError {
    static let isTerminal = isatty(STDERR_FILENO) == 1

    /// `firn: ` and a sentence without a full stop: what went wrong, and after a semicolon what to do.
    static func say(_ sentence: String) { write("firn: \(sentence)\n") }

    /// In one write(2), so that lines of several processes do not mix; whoever closed standard error misses it.
    static func write(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while let start = rest.baseAddress, !rest.isEmpty {
                let count = Glibc.write(STDERR_FILENO, start, rest.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
        }
    }
}
