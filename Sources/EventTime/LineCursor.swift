import Glibc

/// Goes from line to line of a block.
struct LineCursor {
    private let base: Bytes
    /// Past the block's last byte.
    let end: Bytes
    private(set) var start: Bytes
    /// Past the line's last byte, without its newline.
    private(set) var stop: Bytes
    private var next: Bytes

    init(_ lines: UnsafeRawBufferPointer) {
        // An empty buffer may have no address; any other stands for it then, and is never read.
        let nothing: StaticString = ""
        base = lines.baseAddress?.assumingMemoryBound(to: UInt8.self) ?? nothing.utf8Start
        (end, start, stop, next) = (base + lines.count, base, base, base)
    }

    /// Whether there is a next line; moves to it.
    @inline(__always)
    mutating func advance() -> Bool {
        guard next < end else { return false }
        start = next
        if let newline = memchr(next, 0x0A, end - next) {
            stop = Bytes(newline.assumingMemoryBound(to: UInt8.self))
            next = stop + 1
        } else {
            stop = end
            next = end
        }
        return true
    }

    /// Bytes of the block before the line, and up to its end with its newline.
    @inline(__always)
    var startOffset: Int { start - base }
    @inline(__always)
    var endOffset: UInt32 { UInt32(truncatingIfNeeded: next - base) }
}
