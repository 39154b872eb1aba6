import Glibc

/// Gathers an answer's bytes and hands them to a sink in large pieces. Storage of its own, since appending a line to an
/// array costs more than copying it.
struct OutputBuffer: ~Copyable {
    /// Pipes and files take pieces of this size about as fast as any larger.
    static let pieceLength = 256 << 10

    private let sink: any ByteSink
    private var storage: UnsafeMutableRawBufferPointer
    private var count = 0
    /// All bytes that were given, whether the sink has them already or not.
    private(set) var total: UInt64 = 0

    init(_ sink: any ByteSink) {
        self.sink = sink
        storage = .allocate(byteCount: Self.pieceLength + (4 << 10), alignment: 16)
    }

    deinit { storage.deallocate() }

    @inline(__always)
    mutating func append(_ bytes: UnsafeRawBufferPointer) throws(SinkError) {
        if bytes.count > storage.count - count {
            try appendLarge(bytes)
        } else if let source = bytes.baseAddress, let base = storage.baseAddress {
            memcpy(base + count, source, bytes.count)
            count += bytes.count
        }
        total += UInt64(bytes.count)
    }

    mutating func append(_ bytes: [UInt8]) throws(SinkError) {
        try bytes.withBytes { (bytes) throws(SinkError) in try append(bytes) }
    }

    @inline(__always)
    mutating func append(_ byte: UInt8) throws(SinkError) {
        if count == storage.count { try flush() }
        storage[count] = byte
        count += 1
        total += 1
    }

    /// Room for `count` bytes (at most `pieceLength`), of which `fill` says how many it wrote from the beginning on.
    @inline(__always)
    mutating func write(
        atMost count: Int, _ fill: (UnsafeMutablePointer<UInt8>) -> Int
    ) throws(SinkError) {
        precondition(count <= Self.pieceLength, "more room is wanted than the buffer has")
        if count > storage.count - self.count { try flush() }
        guard let base = storage.baseAddress else { return }
        let written = fill((base + self.count).assumingMemoryBound(to: UInt8.self))
        self.count += written
        total += UInt64(written)
    }

    /// What does not fit: the sink takes it from where it is, without a copy.
    @inline(never)
    private mutating func appendLarge(_ bytes: UnsafeRawBufferPointer) throws(SinkError) {
        try flush()
        if bytes.count >= Self.pieceLength / 2 { return try sink.write(bytes) }
        storage.copyMemory(from: bytes)
        count = bytes.count
    }

    mutating func flush() throws(SinkError) {
        guard count > 0 else { return }
        let piece = UnsafeRawBufferPointer(rebasing: storage[..<count])
        count = 0
        try sink.write(piece)
    }
}
