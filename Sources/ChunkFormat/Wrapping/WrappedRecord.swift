import Glibc

/// One record of a container's log, taken apart. Offsets count from the record's first byte.
package struct WrappedRecord: Hashable {
    package var stream: ContainerStream
    /// The line goes on in the stream's next record.
    package var isPartial: Bool
    /// The content: as it is (CRI), or escaped as in a JSON string, the escaped newline at its end left out (Docker).
    package var content: Range<Int>
}

extension LineWrapping {
    /// - Parameter line: without its newline.
    /// - Returns: nil where the line is no record.
    @inline(__always)
    package func record(_ line: UnsafeRawBufferPointer) -> WrappedRecord? {
        self == .cri ? Self.criRecord(line) : Self.dockerRecord(line)
    }

    /// Bytes of the longest time that a runtime writes, with room.
    private static let longestTime = 48
    private static let stdout = word("stdout F")
    private static let stderr = word("stderr F")
    private static let log = word("{\"log\":\"")

    private static func word(_ text: StaticString) -> UInt64 {
        UnsafeRawPointer(text.utf8Start).loadUnaligned(as: UInt64.self)
    }

    @inline(__always)
    private static func criRecord(_ line: UnsafeRawBufferPointer) -> WrappedRecord? {
        // The shortest is `2006-01-02T15:04:05Z stdout F`.
        guard line.count >= 29, line[4] == UInt8(ascii: "-"), line[10] == UInt8(ascii: "T") else { return nil }
        var space = 20
        // containerd trims zeros, so the usual place comes first.
        if line.count > 39, line[30] == UInt8(ascii: " ") {
            space = 30
        } else {
            let end = min(line.count - 9, longestTime)
            while space < end, line[space] != UInt8(ascii: " ") { space += 1 }
            guard line[space] == UInt8(ascii: " ") else { return nil }
        }
        let word = line.loadUnaligned(fromByteOffset: space + 1, as: UInt64.self)
        let tag = line[space + 8]
        // The tag in the place of `F`: on little-endian machines the word's highest byte.
        let full = word & 0x00FF_FFFF_FFFF_FFFF | UInt64(UInt8(ascii: "F")) << 56
        guard full == stdout || full == stderr, tag == UInt8(ascii: "F") || tag == UInt8(ascii: "P") else { return nil }
        var next = space + 9
        if next < line.count, line[next] == UInt8(ascii: ":") {
            while next < line.count, line[next] != UInt8(ascii: " ") { next += 1 }
        }
        guard next == line.count || line[next] == UInt8(ascii: " ") else { return nil }
        return WrappedRecord(
            stream: full == stdout ? .stdout : .stderr, isPartial: tag == UInt8(ascii: "P"),
            content: min(next + 1, line.count)..<line.count)
    }

    @inline(__always)
    private static func dockerRecord(_ line: UnsafeRawBufferPointer) -> WrappedRecord? {
        guard line.count >= 30, let base = line.baseAddress,
            line.loadUnaligned(as: UInt64.self) == log, line[line.count - 1] == UInt8(ascii: "}")
        else { return nil }
        // The content's end: the first quote with an even number of backslashes before it.
        var end = 8
        while true {
            guard let quote = memchr(base + end, Int32(UInt8(ascii: "\"")), line.count - end) else { return nil }
            end = UnsafeRawPointer(quote) - base
            var first = end
            while first > 8, line[first - 1] == UInt8(ascii: "\\") { first -= 1 }
            if (end - first) % 2 == 0 { break }
            end += 1
        }
        let after = end + 1
        guard line.count - after >= 19, memcmp(base + after, ",\"stream\":\"std", 14) == 0,
            line[after + 17] == UInt8(ascii: "\"")
        else { return nil }
        let stream: ContainerStream
        switch (line[after + 14], line[after + 15], line[after + 16]) {
        case (UInt8(ascii: "o"), UInt8(ascii: "u"), UInt8(ascii: "t")): stream = .stdout
        case (UInt8(ascii: "e"), UInt8(ascii: "r"), UInt8(ascii: "r")): stream = .stderr
        default: return nil
        }
        let isWhole = endsInNewline(line, end)
        return WrappedRecord(stream: stream, isPartial: !isWhole, content: 8..<(isWhole ? end - 2 : end))
    }

    /// Whether the string that ends at `end` ends in `\n`, whose backslash no other one escapes.
    @inline(__always)
    private static func endsInNewline(_ line: UnsafeRawBufferPointer, _ end: Int) -> Bool {
        guard end >= 10, line[end - 1] == UInt8(ascii: "n") else { return false }
        var first = end - 1
        while first > 8, line[first - 1] == UInt8(ascii: "\\") { first -= 1 }
        return (end - 1 - first) % 2 == 1
    }
}
