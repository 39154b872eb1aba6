import Glibc

/// Bytes on their way to a file descriptor, written in large pieces.
struct Output: ~Copyable {
    private static let flushAt = 1 << 20
    /// Room above `flushAt` for the longest record: nothing is checked while one is written.
    private static let slack = 1 << 16

    private let descriptor: Int32
    private let base: UnsafeMutablePointer<UInt8>
    private var used = 0
    private(set) var flushed = 0

    var written: Int { flushed + used }

    init(descriptor: Int32) {
        self.descriptor = descriptor
        base = .allocate(capacity: Output.flushAt + Output.slack)
    }

    deinit { base.deallocate() }

    mutating func append(_ byte: UInt8) {
        base[used] = byte
        used += 1
    }

    mutating func append(_ bytes: UnsafePointer<UInt8>, _ count: Int) {
        (base + used).update(from: bytes, count: count)
        used += count
    }

    mutating func append(decimal value: UInt64) {
        var digits = 1
        var bound: UInt64 = 10
        while digits < 19, value >= bound {
            digits += 1
            bound *= 10
        }
        append(decimal: value, digits: digits)
    }

    /// The last `digits` decimal digits of `value`, with leading zeros.
    mutating func append(decimal value: UInt64, digits: Int) {
        var rest = value
        var index = used + digits - 1
        while index >= used {
            base[index] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
            index -= 1
        }
        used += digits
    }

    /// The lowest `digits` hexadecimal digits of `value`.
    mutating func append(hex value: UInt64, digits: Int) {
        for index in 0..<digits {
            let digit = UInt8(truncatingIfNeeded: value >> UInt64(4 * (digits - 1 - index))) & 15
            base[used + index] = digit < 10 ? 0x30 + digit : 0x57 + digit
        }
        used += digits
    }

    /// To be called after each record.
    mutating func flushIfLarge() {
        if used >= Output.flushAt { flush() }
    }

    mutating func flush() {
        var done = 0
        while done < used {
            let count = write(descriptor, base + done, used - done)
            if count < 0 {
                if errno == EINTR { continue }
                if errno == EPIPE { exit(0) }
                fail("cannot write: \(String(cString: strerror(errno)))")
            }
            done += count
        }
        flushed += used
        used = 0
    }
}

func fail(_ message: String) -> Never {
    let line = "loggen: \(message)\n"
    _ = line.withCString { write(2, $0, strlen($0)) }
    exit(64)
}
