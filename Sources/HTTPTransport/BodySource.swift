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
        guard case .file(let path, _, _, _) = body else { return }
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
        let wanted = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
        let got: Int
        switch body {
        case .none: got = 0
        case .bytes(let bytes): got = Self.copy(bytes, from: offset, to: wanted)
        case .file(let path, let start, let length, let ending):
            if offset >= length {
                got = Self.copy(ending, from: offset - length, to: wanted)
            } else {
                let rest = Int(min(UInt64(count), length - offset))
                got = try readFile(path, from: start + offset, UnsafeMutableRawBufferPointer(rebasing: wanted[..<rest]))
            }
        }
        offset += UInt64(got)
        return got
    }

    private static func copy(_ bytes: [UInt8], from start: UInt64, to buffer: UnsafeMutableRawBufferPointer) -> Int {
        bytes.withUnsafeBytes {
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[Int(start)..<Int(start) + buffer.count]))
        }
        return buffer.count
    }

    private func readFile(
        _ path: String, from place: UInt64, _ buffer: UnsafeMutableRawBufferPointer
    ) throws(HTTPFailure) -> Int {
        while true {
            let got = pread(descriptor, buffer.baseAddress, buffer.count, off_t(clamping: place))
            if got > 0 { return got }
            if got == 0 { throw HTTPFailure(.unreadableBody, "\(path) ends at \(place), before its length") }
            guard errno == EINTR else {
                throw HTTPFailure(.unreadableBody, "cannot read \(path): \(String(cString: strerror(errno)))")
            }
        }
    }
}
