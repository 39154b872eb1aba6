import CSystem
import Glibc

/// The bytes of a file, a pipe or standard input as they are. Closes its descriptor unless that is standard input.
package final class FileSource: ByteSource {
    package let name: String
    let descriptor: Int32
    /// Bytes read ahead, and how many of them were delivered.
    private var peeked: [UInt8] = []
    private var peekedUsed = 0
    /// How many bytes the descriptor has given so far.
    private var offset: UInt64 = 0
    private var failure: InputError?

    /// Opens a file for reading from its beginning. Directories are refused; pipes wait for their writer.
    package init(path: RawPath) throws(InputError) {
        name = path.description
        descriptor = path.withCString { open($0, O_RDONLY | O_CLOEXEC | O_NOCTTY) }
        guard descriptor >= 0 else { throw InputError(errno: errno, path: path.description, doing: "open") }
        if try status().mode & S_IFMT == S_IFDIR {
            throw InputError(errno: EISDIR, path: name, doing: "read")
        }
        // Advice: a refusal changes nothing.
        _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
    }

    private init(standardInput: Int32) {
        name = "-"
        descriptor = standardInput
    }

    /// Standard input, as it is; not closed at the end.
    package static func standardInput() -> FileSource { FileSource(standardInput: STDIN_FILENO) }

    deinit { if descriptor > STDERR_FILENO { close(descriptor) } }

    func status() throws(InputError) -> firn_status {
        var status = firn_status()
        let code = firn_read_status(descriptor, "", &status)
        guard code == 0 else { throw InputError(errno: code, path: name, doing: "inspect") }
        return status
    }

    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(InputError) -> Int {
        guard peekedUsed == peeked.count else { return takePeeked(into: buffer) }
        return try readDescriptor(into: buffer)
    }

    /// The first bytes, at most `count`, fewer only where the input ends before; `read` delivers them all the same.
    /// Only before the first `read`.
    func peek(_ count: Int) throws(InputError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let got = try bytes.withUnsafeMutableBufferPointer { (buffer) throws(InputError) -> Int in
                try readDescriptor(
                    into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...]))
            }
            if got == 0 { break }
            filled += got
        }
        peeked = Array(bytes.prefix(filled))
        return peeked
    }

    private func takePeeked(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, peeked.count - peekedUsed)
        buffer.copyBytes(from: peeked[peekedUsed..<peekedUsed + count])
        peekedUsed += count
        return count
    }

    private func readDescriptor(into buffer: UnsafeMutableRawBufferPointer) throws(InputError) -> Int {
        if let failure { throw failure }
        while true {
            let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            if count >= 0 {
                offset += UInt64(count)
                return count
            }
            switch errno {
            case EINTR: continue
            case EAGAIN: waitUntilReadable()
            default:
                let error = InputError(errno: errno, path: name, offset: offset, doing: "read")
                failure = error
                throw error
            }
        }
    }

    /// Standard input may have been made non-blocking by whoever shares it.
    private func waitUntilReadable() {
        var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        poll(&wanted, 1, -1)
    }
}
