import ChunkFormat
import Glibc

/// The bytes of a local file that does not change, as memory.
final class MappedFile {
    let bytes: UnsafeRawBufferPointer

    init(_ path: String) throws(FormatError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        var status = stat()
        defer { if descriptor >= 0 { close(descriptor) } }
        guard descriptor >= 0, fstat(descriptor, &status) == 0 else { throw Self.failure(path) }
        guard status.st_size > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        let memory = mmap(nil, Int(status.st_size), PROT_READ, MAP_PRIVATE, descriptor, 0)
        guard let memory, memory != MAP_FAILED else { throw Self.failure(path) }
        bytes = UnsafeRawBufferPointer(start: memory, count: Int(status.st_size))
    }

    deinit {
        if let memory = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: memory), bytes.count) }
    }

    private static func failure(_ path: String) -> FormatError {
        FormatError(.damaged, at: 0, "cannot read \(path): \(String(cString: strerror(errno)))")
    }
}
