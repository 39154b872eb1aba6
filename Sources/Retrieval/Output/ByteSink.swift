import Glibc

/// Where answers go: whole buffers, in order, from one thread at a time.
package protocol ByteSink: AnyObject, Sendable {
    /// Takes all of `bytes`, waiting as long as that needs. The bytes are the caller's again on return.
    func write(_ bytes: UnsafeRawBufferPointer) throws(SinkError)
}

package enum SinkError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Whoever read the answer has gone (`| head`): there is nothing more to do, and nothing to say.
    case closed
    /// `errno` of the failed write.
    case failed(name: String, errno: Int32)

    package var description: String {
        switch self {
        case .closed: "the reader of the output has gone"
        case .failed(let name, let code): "writing to \(name) failed: \(String(cString: strerror(code)))"
        }
    }
}

/// Writes to a file descriptor that somebody else opened and closes. SIGPIPE must be ignored in the process.
package final class DescriptorSink: ByteSink {
    private let descriptor: Int32
    private let name: String

    /// `name` is for messages: a path, or `standard output`.
    package init(_ descriptor: Int32, name: String) {
        self.descriptor = descriptor
        self.name = name
    }

    package func write(_ bytes: UnsafeRawBufferPointer) throws(SinkError) {
        var rest = bytes
        while let start = rest.baseAddress, !rest.isEmpty {
            let written = Glibc.write(descriptor, start, rest.count)
            if written >= 0 {
                rest = UnsafeRawBufferPointer(rebasing: rest[written...])
            } else {
                try recover(from: errno)
            }
        }
    }

    /// Waits where the descriptor does not block; throws what cannot be mended.
    private func recover(from code: Int32) throws(SinkError) {
        switch code {
        case EINTR: return
        case EAGAIN:
            var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            poll(&poller, 1, -1)
        case EPIPE: throw .closed
        default: throw .failed(name: name, errno: code)
        }
    }
}
