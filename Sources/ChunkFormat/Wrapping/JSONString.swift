import Glibc

/// Appends the text that the inside of a JSON string (RFC 8259, section 7) stands for. What is no escape is taken as it
/// is; a lone half of a surrogate pair becomes U+FFFD.
package enum JSONString {
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
        switch code {
        case UInt8(ascii: "n"): output.append(0x0A)
        case UInt8(ascii: "t"): output.append(0x09)
        case UInt8(ascii: "r"): output.append(0x0D)
        case UInt8(ascii: "b"): output.append(0x08)
        case UInt8(ascii: "f"): output.append(0x0C)
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): output.append(code)
        case UInt8(ascii: "u"):
            guard let unit = unit(string, at: at) else { fallthrough }
            return append(unit, string, at: at, to: &output)
        default: output += [UInt8(ascii: "\\"), code]
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
