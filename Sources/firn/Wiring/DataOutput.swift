import Glibc
import Retrieval

/// Where data goes: standard output, or a file that appears whole or not at all.
struct DataOutput {
    let sink: any ByteSink
    /// People read it as it comes.
    let isTerminal: Bool
    private let file: File?

    private struct File {
        var descriptor: Int32
        var path: String
        /// What is written until it is whole; nil for what cannot be replaced, such as a device.
        var partial: String?
    }

    /// - Parameter path: nil for standard output.
    init(path: String?) throws(CommandFailure) {
        guard let path else {
            file = nil
            isTerminal = isatty(STDOUT_FILENO) == 1
            sink = DescriptorSink(STDOUT_FILENO, name: "standard output")
            return
        }
        let file = try Self.open(path)
        self.file = file
        isTerminal = false
        sink = DescriptorSink(file.descriptor, name: path)
    }

    private static func open(_ path: String) throws(CommandFailure) -> File {
        var status = stat()
        let isReplaceable = stat(path, &status) != 0 || status.st_mode & S_IFMT == S_IFREG
        let partial = isReplaceable ? "\(path).partial-\(getpid())" : nil
        let flags = partial == nil ? O_WRONLY | O_CLOEXEC : O_WRONLY | O_CLOEXEC | O_CREAT | O_EXCL
        let descriptor = Glibc.open(partial ?? path, flags, 0o666)
        guard descriptor >= 0 else { throw failure("cannot be written", path) }
        return File(descriptor: descriptor, path: path, partial: partial)
    }

    /// Makes the file durable and gives it its name.
    func finish() throws(CommandFailure) {
        guard let file else { return }
        defer { close(file.descriptor) }
        guard let partial = file.partial else { return }
        guard fsync(file.descriptor) == 0, rename(partial, file.path) == 0 else {
            let failure = Self.failure("cannot be completed", file.path)
            unlink(partial)
            throw failure
        }
    }

    /// Removes what was written so far.
    func abandon() {
        guard let file else { return }
        close(file.descriptor)
        if let partial = file.partial { unlink(partial) }
    }

    private static func failure(_ reason: String, _ path: String) -> CommandFailure {
        CommandFailure(sentence: "\(path) \(reason): \(String(cString: strerror(errno)))")
    }
}
