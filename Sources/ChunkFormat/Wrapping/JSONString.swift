import Glibc

/// Appends the text that the inside of a JSON string (RFC 8259, section 7) stands for. What is no escape is taken as it
/// is; a lone half of a surrogate pair becomes U+FFFD.
package enum JSONString {
    /// Writes to `target`, which may be the string's own memory or lie before it in that, and takes at most as many bytes.
    /// - Returns: the number of bytes written.
    @inline(__always)
    package static func unescape(_ string: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer) -> Int {
        guard let base = string.baseAddress else { return 0 }
        guard memchr(base, Int32(UInt8(ascii: "\\")), string.count) != nil else {
            memmove(target, base, string.count)
            return string.count
        }
        return unescapeEach(string, base, to: target)
    }

    private static func unescapeEach(
        _ string: UnsafeRawBufferPointer, _ base: UnsafeRawPointer, to target: UnsafeMutableRawPointer
    ) -> Int {
        var (next, written) = (0, 0)
        while next < string.count {
            let rest = string.count - next
            let found = memchr(base + next, Int32(UInt8(ascii: "\\")), rest).map { UnsafeRawPointer($0) - base - next }
            let plain = found ?? rest
            memmove(target + written, base + next, plain)
            (next, written) = (next + plain, written + plain)
            guard next < string.count else { break }
            let single = next + 1 < string.count ? simpleEscape(string[next + 1]) : 0
            if single != 0 {
                target.storeBytes(of: single, toByteOffset: written, as: UInt8.self)
                (next, written) = (next + 2, written + 1)
            } else {
                var bytes: [UInt8] = []
                next = appendEscape(string, at: next, to: &bytes)
                bytes.withUnsafeBytes {
                    (target + written).copyMemory(from: $0.baseAddress ?? base, byteCount: $0.count)
                }
                written += bytes.count
            }
        }
        return written
    }

    /// What stands for one byte; 0 for everything else.
    @inline(__always)
    private static func simpleEscape(_ code: UInt8) -> UInt8 {
        switch code {
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "t"): 0x09
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): code
        default: 0
        }
    }

    package static func append(_ string: UnsafeRawBufferPointer, to output: inout [UInt8]) {
        guard let base = string.baseAddress else { return }
        var next = 0
        while next < string.count {
            guard let found = memchr(base + next, Int32(UInt8(ascii: "\\")), string.count - next) else {
                output.append(contentsOf: UnsafeRawBufferPointer(rebasing: string[next...]))
                return
            }
            let at = UnsafeRawPointer(found) - base
            output.append(contentsOf: UnsafeRawBufferPointer(rebasing: string[next..<at]))
            next = appendEscape(string, at: at, to: &output)
        }
    }

    /// Returns the offset after the escape.
    private static func appendEscape(_ string: UnsafeRawBufferPointer, at: Int, to output: inout [UInt8]) -> Int {
        guard at + 1 < string.count else {
            output.append(UInt8(ascii: "\\"))
            return at + 1
        }
        let code = string[at + 1]
        let single = simpleEscape(code)
        if single != 0 {
            output.append(single)
        } else if let unit = unit(string, at: at) {
            return append(unit, string, at: at, to: &output)
        } else {
            output += [UInt8(ascii: "\\"), code]
        }
        return at + 2
    }

    private static func append(
        _ unit: UInt32, _ string: UnsafeRawBufferPointer, at: Int, to output: inout [UInt8]
    ) -> Int {
        var (value, next) = (unit, at + 6)
        if 0xD800...0xDBFF ~= unit, let low = self.unit(string, at: next), 0xDC00...0xDFFF ~= low {
            value = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
            next += 6
        }
        output.append(contentsOf: String(Unicode.Scalar(value) ?? "\u{FFFD}").utf8)
        return next
    }

    /// The UTF-16 unit of `\uXXXX` at `at`.
    private static func unit(_ string: UnsafeRawBufferPointer, at: Int) -> UInt32? {
        guard at + 6 <= string.count, string[at] == UInt8(ascii: "\\"), string[at + 1] == UInt8(ascii: "u") else {
            return nil
        }
        var value: UInt32 = 0
        for offset in at + 2..<at + 6 {
            guard let digit = Character(Unicode.Scalar(string[offset])).hexDigitValue else { return nil }
            value = value << 4 | UInt32(digit)
        }
        return value
    }
}
