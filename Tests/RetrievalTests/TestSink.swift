import Retrieval
import Synchronization

/// Keeps what is written; the reader goes away after `limit` bytes.
final class TestSink: ByteSink {
    private let written = Mutex<[UInt8]>([])
    private let limit: Int

    init(limit: Int = .max) { self.limit = limit }

    var bytes: [UInt8] { written.withLock { $0 } }
    var text: String { String(decoding: bytes, as: UTF8.self) }

    func write(_ bytes: UnsafeRawBufferPointer) throws(SinkError) {
        let isOpen = written.withLock { written in
            written.append(contentsOf: bytes)
            return written.count <= limit
        }
        if !isOpen { throw .closed }
    }
}
