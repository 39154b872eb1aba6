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
            if let escape = escape(byte) { output += escape } else { output.append(byte) }
        }
        output.append(UInt8(ascii: "\""))
    }

    /// One pass, 16 bytes at a time: whether all is ASCII, and whether anything must be escaped.
    private static func survey(_ line: UnsafeRawBufferPointer) -> (isASCII: Bool, needsEscape: Bool) {
        typealias Vector = SIMD16<UInt8>
        var special = SIMDMask<SIMD16<Int8>>(repeating: false)
        var bits = Vector(repeating: 0)
        var offset = 0
        while offset + 16 <= line.count {
            let bytes = line.loadUnaligned(fromByteOffset: offset, as: Vector.self)
            bits |= bytes
            special .|= (bytes .< 0x20) .| (bytes .== 0x22) .| (bytes .== 0x5C) .| (bytes .== 0x7F)
            offset += 16
        }
        var isASCII = bits.max() < 0x80
        var needsEscape = any(special)
        for byte in line[offset...] {
            isASCII = isASCII && byte < 0x80
            needsEscape = needsEscape || escape(byte) != nil
        }
        return (isASCII, needsEscape)
    }

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
        var plainFrom = 0
        for (offset, byte) in line.enumerated() {
            guard let escape = escape(byte) else { continue }
            try output.append(UnsafeRawBufferPointer(rebasing: line[plainFrom..<offset]))
            try output.append(escape)
            plainFrom = offset + 1
        }
        try output.append(UnsafeRawBufferPointer(rebasing: line[plainFrom...]))
    }

    private static func escape(_ byte: UInt8) -> [UInt8]? {
        guard byte < 0x20 || byte == 0x22 || byte == 0x5C || byte == 0x7F else { return nil }
        return escapes[Int(byte)]
    }

    /// By byte; only those that `escape` names are used.
    private static let escapes: [[UInt8]] = (0..<128).map { byte in
        switch UInt8(byte) {
        case UInt8(ascii: "\""): Array("\\\"".utf8)
        case UInt8(ascii: "\\"): Array("\\\\".utf8)
        case UInt8(ascii: "\n"): Array("\\n".utf8)
        case UInt8(ascii: "\r"): Array("\\r".utf8)
        case UInt8(ascii: "\t"): Array("\\t".utf8)
        default: Array("\\u00".utf8) + [hexDigit(UInt8(byte) >> 4), hexDigit(UInt8(byte) & 15)]
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
