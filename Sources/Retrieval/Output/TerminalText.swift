/// Makes bytes of the archive harmless to a terminal: control characters (C0 but the tab, DEL, C1) and bytes that are
/// not UTF-8 become `\xNN`.
enum TerminalText {
    static func append(_ line: UnsafeRawBufferPointer, to output: inout OutputBuffer) throws(SinkError) {
        var plainFrom = 0
        var offset = 0
        while offset < line.count {
            let length = harmlessLength(line, at: offset)
            if length > 0 {
                offset += length
                continue
            }
            try output.append(UnsafeRawBufferPointer(rebasing: line[plainFrom..<offset]))
            try output.append(escape(line[offset]))
            offset += 1
            plainFrom = offset
        }
        try output.append(UnsafeRawBufferPointer(rebasing: line[plainFrom...]))
    }

    static func escaped(_ text: String) -> String {
        var result: [UInt8] = []
        Array(text.utf8).withUnsafeBytes { bytes in
            var offset = 0
            while offset < bytes.count {
                let length = harmlessLength(bytes, at: offset)
                result += length > 0 ? Array(bytes[offset..<offset + length]) : escape(bytes[offset])
                offset += max(1, length)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Bytes of the character at `offset` where it may be shown, else 0.
    private static func harmlessLength(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Int {
        let first = bytes[offset]
        if first < 0x80 { return first >= 0x20 && first != 0x7F || first == UInt8(ascii: "\t") ? 1 : 0 }
        let length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2
        guard first >= 0xC2, first <= 0xF4, offset + length <= bytes.count else { return 0 }
        if first == 0xC2, bytes[offset + 1] < 0xA0 { return 0 }
        return JSONText.isUTF8(UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + length])) ? length : 0
    }

    private static func escape(_ byte: UInt8) -> [UInt8] {
        [UInt8(ascii: "\\"), UInt8(ascii: "x"), hexDigit(byte >> 4), hexDigit(byte & 15)]
    }
}

/// Passes bytes on to a terminal, made harmless; newlines stay. A character that is cut by the end of a buffer stands
/// escaped.
package final class TerminalSink: ByteSink {
    private let terminal: any ByteSink

    package init(_ terminal: any ByteSink) { self.terminal = terminal }

    package func write(_ bytes: UnsafeRawBufferPointer) throws(SinkError) {
        var output = OutputBuffer(terminal)
        var rest = bytes
        while let newline = rest.firstIndex(of: UInt8(ascii: "\n")) {
            try TerminalText.append(UnsafeRawBufferPointer(rebasing: rest[..<newline]), to: &output)
            try output.append(UInt8(ascii: "\n"))
            rest = UnsafeRawBufferPointer(rebasing: rest[(newline + 1)...])
        }
        try TerminalText.append(rest, to: &output)
        try output.flush()
    }
}
