/// Writes JSON strings (RFC 8259, section 7) from bytes.
enum JSONText {
    /// `"line":"..."`, or where the bytes are not UTF-8 `"line_base64":"..."` (RFC 4648, section 4).
    static func appendLine(_ line: UnsafeRawBufferPointer, to output: inout OutputBuffer) throws(SinkError) {
        let (isASCII, needsEscape) = survey(line)
        if !isASCII, !isUTF8(line) {
            try output.append(lineBase64)
            try appendBase64(line, to: &output)
        } else {
            try output.append(lineKey)
            if needsEscape { try appendEscaped(line, to: &output) } else { try output.append(line) }
        }
        try output.append(UInt8(ascii: "\""))
    }

    private static let lineKey = Array("\"line\":\"".utf8)
    private static let lineBase64 = Array("\"line_base64\":\"".utf8)

    static func append(string: String, to output: inout [UInt8]) {
        output.append(UInt8(ascii: "\""))
        for byte in string.utf8 {
            let code = escapeCode(byte)
            if code == 0 {
                output.append(byte)
            } else if code == UInt8(ascii: "u") {
                output += Array("\\u00".utf8) + [hexDigit(byte >> 4), hexDigit(byte & 15)]
            } else {
                output += [UInt8(ascii: "\\"), code]
            }
        }
        output.append(UInt8(ascii: "\""))
    }

    /// One pass, 8 bytes at a time: whether all is ASCII, and whether anything must be escaped.
    private static func survey(_ line: UnsafeRawBufferPointer) -> (isASCII: Bool, needsEscape: Bool) {
        var bits: UInt64 = 0
        var special: UInt64 = 0
        var offset = 0
        while offset + 8 <= line.count {
            let word = line.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            bits |= word
            special |= (word &- blanks) & ~word
            special |= zeroes(word ^ quotes)
            special |= zeroes(word ^ backslashes)
            special |= zeroes(word ^ deletes)
            offset += 8
        }
        var isASCII = bits & highBits == 0
        var needsEscape = special & highBits != 0
        while offset < line.count {
            isASCII = isASCII && line[offset] < 0x80
            needsEscape = needsEscape || escapeCode(line[offset]) != 0
            offset += 1
        }
        return (isASCII, needsEscape)
    }

    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let blanks: UInt64 = 0x2020_2020_2020_2020
    private static let quotes: UInt64 = 0x2222_2222_2222_2222
    private static let backslashes: UInt64 = 0x5C5C_5C5C_5C5C_5C5C
    private static let deletes: UInt64 = 0x7F7F_7F7F_7F7F_7F7F
    private static let highBits: UInt64 = 0x8080_8080_8080_8080

    /// The high bit of each byte that is 0, and perhaps of bytes above one (Hacker's Delight, section 6-1).
    @inline(__always)
    private static func zeroes(_ word: UInt64) -> UInt64 { (word &- ones) & ~word }

    static func isUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.withMemoryRebound(to: UInt8.self) { bytes in
            do {
                _ = try UTF8Span(validating: bytes.span)
                return true
            } catch {
                return false
            }
        }
    }

    private static func appendEscaped(_ line: UnsafeRawBufferPointer, to output: inout OutputBuffer) throws(SinkError) {
        var rest = line
        while !rest.isEmpty {
            let slice = UnsafeRawBufferPointer(rebasing: rest.prefix(sliceLength))
            rest = UnsafeRawBufferPointer(rebasing: rest[slice.count...])
            try output.write(atMost: slice.count * greatestEscape) { escape(slice, into: $0) }
        }
    }

    private static let sliceLength = 8 << 10
    /// `\u00xx`
    private static let greatestEscape = 6

    /// Returns how many bytes were written, at most `greatestEscape` times as many as there are.
    private static func escape(_ bytes: UnsafeRawBufferPointer, into output: UnsafeMutablePointer<UInt8>) -> Int {
        var next = output
        for index in 0..<bytes.count {
            let byte = bytes[index]
            let code = escapeCode(byte)
            if code == 0 {
                next[0] = byte
                next += 1
            } else {
                next[0] = UInt8(ascii: "\\")
                next[1] = code
                next += 2
                guard code == UInt8(ascii: "u") else { continue }
                (next[0], next[1]) = (UInt8(ascii: "0"), UInt8(ascii: "0"))
                (next[2], next[3]) = (hexDigit(byte >> 4), hexDigit(byte & 15))
                next += 4
            }
        }
        return next - output
    }

    /// What stands after the backslash in place of a byte; 0 where it stands for itself.
    @inline(__always)
    private static func escapeCode(_ byte: UInt8) -> UInt8 {
        if byte > 0x5C { return byte == 0x7F ? UInt8(ascii: "u") : 0 }
        if byte >= 0x20 { return byte == 0x22 || byte == 0x5C ? byte : 0 }
        switch byte {
        case 0x0A: return UInt8(ascii: "n")
        case 0x0D: return UInt8(ascii: "r")
        case 0x09: return UInt8(ascii: "t")
        default: return UInt8(ascii: "u")
        }
    }

    private static func appendBase64(_ bytes: UnsafeRawBufferPointer, to output: inout OutputBuffer) throws(SinkError) {
        let letters = base64Letters
        for offset in stride(from: 0, to: bytes.count, by: 3) {
            let rest = bytes.count - offset
            let second = rest > 1 ? bytes[offset + 1] : 0
            let third = rest > 2 ? bytes[offset + 2] : 0
            try output.append(letters[Int(bytes[offset] >> 2)])
            try output.append(letters[Int((bytes[offset] & 3) << 4 | second >> 4)])
            try output.append(rest > 1 ? letters[Int((second & 15) << 2 | third >> 6)] : UInt8(ascii: "="))
            try output.append(rest > 2 ? letters[Int(third & 63)] : UInt8(ascii: "="))
        }
    }

    private static let base64Letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
}

/// Lower-case hexadecimal digit of a value below 16.
func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10 }
