import Glibc

/// Where the bytes of a request's body come from, and how far they are read. Used on one thread.
struct BodySource {
    private var body: HTTPRequest.Body
    private var offset: UInt64 = 0
    private var descriptor: Int32 = -1

    static let none = BodySource()

    private init() { body = .none }

    init(_ body: HTTPRequest.Body) throws(HTTPFailure) {
        self.body = body
        guard case .file(let path, _) = body else { return }
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw HTTPFailure(.unreadableBody, "cannot open \(path): \(String(cString: strerror(errno)))")
        }
    }

    mutating func close() {
        if descriptor >= 0 { _ = Glibc.close(descriptor) }
        descriptor = -1
    }

    mutating func seek(_ offset: UInt64) -> Bool {
        guard offset <= body.length ?? 0 else { return false }
        self.offset = offset
        return true
    }

    /// The number of bytes read, 0 at the end.
    mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(HTTPFailure) -> Int {
        let count = Int(min(UInt64(buffer.count), (body.length ?? 0) - offset))
        guard count > 0 else { return 0 }
        let got: Int
        switch body {
        case .none: got = 0
        case .bytes(let bytes):
            bytes.withUnsafeBytes {
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[Int(offset)..<Int(offset) + count]))
            }
            got = count
        case .file(let path, _): got = try readFile(path, UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]))
        }
        offset += UInt64(got)
        return got
    }

    private func readFile(_ path: String, _ buffer: UnsafeMutableRawBufferPointer) throws(HTTPFailure) -> Int {
        while true {
            let got = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
            if got > 0 { return got }
            if got == 0 { throw HTTPFailure(.unreadableBody, "\(path) ends at \(offset), before its length") }
            guard errno == EINTR else {
                throw HTTPFailure(.unreadableBody, "cannot read \(path): \(String(cString: strerror(errno)))")
            }
        }
    }
}
