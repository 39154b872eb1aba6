package import ArchiveTypes

/// The forms of single values in rows of the index. Each value has one form only, and readers refuse every other.
package enum IndexText {
    package static let tab = UInt8(ascii: "\t")
    package static let newline = UInt8(ascii: "\n")
    /// `YYYY-MM-DDTHH:MM:SS.NNNNNNNNNZ`.
    package static let timeLength = 30
    package static let positionDigits = 20
    private static let backslash = UInt8(ascii: "\\")
    private static let hexDigits = Array("0123456789abcdef".utf8)

    /// `width`: least number of digits, filled up by zeros.
    package static func appendNumber(_ value: UInt64, width: Int = 1, to output: inout [UInt8]) {
        withUnsafeTemporaryAllocation(byteCount: positionDigits, alignment: 1) { digits in
            var (rest, start) = (value, positionDigits)
            repeat {
                start -= 1
                digits[start] = UInt8(truncatingIfNeeded: rest % 10) + UInt8(ascii: "0")
                rest /= 10
            } while rest > 0 || start > positionDigits - width
            output.append(contentsOf: UnsafeRawBufferPointer(rebasing: digits[start...]))
        }
    }

    package static func appendHex(_ value: UInt64, to output: inout [UInt8]) {
        for shift in stride(from: 60, through: 0, by: -4) { output.append(hexDigits[Int(value >> UInt64(shift) & 15)]) }
    }

    package static func appendTime(_ time: Nanoseconds, to output: inout [UInt8]) {
        let civil = CivilTime(time)
        func part(_ value: Int, _ width: Int, _ mark: Unicode.Scalar) {
            appendNumber(UInt64(value), width: width, to: &output)
            output.append(UInt8(ascii: mark))
        }
        part(civil.year, 4, "-")
        part(civil.month, 2, "-")
        part(civil.day, 2, "T")
        part(civil.hour, 2, ":")
        part(civil.minute, 2, ":")
        part(civil.second, 2, ".")
        part(civil.nanosecond, 9, "Z")
    }

    /// `alsoEscaped`: characters that take a backslash beside those of every text.
    package static func appendText(_ text: String, alsoEscaped: [UInt8] = [], to output: inout [UInt8]) {
        for byte in text.utf8 { appendEscaped(byte, alsoEscaped, to: &output) }
    }

    private static func appendEscaped(_ byte: UInt8, _ alsoEscaped: [UInt8], to output: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "\t"): output.append(contentsOf: [backslash, UInt8(ascii: "t")])
        case UInt8(ascii: "\n"): output.append(contentsOf: [backslash, UInt8(ascii: "n")])
        case UInt8(ascii: "\r"): output.append(contentsOf: [backslash, UInt8(ascii: "r")])
        case backslash: output.append(contentsOf: [backslash, backslash])
        case 0..<0x20, 0x7F:
            output.append(contentsOf: [
                backslash, UInt8(ascii: "x"), hexDigits[Int(byte >> 4)], hexDigits[Int(byte & 15)],
            ])
        default:
            if alsoEscaped.contains(byte) { output.append(backslash) }
            output.append(byte)
        }
    }

    private static let labelMarks = [UInt8(ascii: ","), UInt8(ascii: "=")]

    package static func appendLabels(_ labels: Labels, to output: inout [UInt8]) {
        for (index, pair) in labels.pairs.enumerated() {
            if index > 0 { output.append(labelMarks[0]) }
            appendText(pair.key, alsoEscaped: labelMarks, to: &output)
            output.append(labelMarks[1])
            appendText(pair.value, alsoEscaped: labelMarks, to: &output)
        }
    }
}

extension IndexText {
    package static func number(_ bytes: UnsafeRawBufferPointer) -> UInt64? {
        guard bytes.count == 1 || (bytes.count > 1 && bytes[0] != UInt8(ascii: "0")) else { return nil }
        return digits(bytes)
    }

    package static func digits(_ bytes: UnsafeRawBufferPointer) -> UInt64? {
        guard 1...positionDigits ~= bytes.count else { return nil }
        var value: UInt64 = 0
        for byte in bytes {
            guard 0x30...0x39 ~= byte else { return nil }
            let (product, tooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflow) = product.addingReportingOverflow(UInt64(byte - 0x30))
            guard !tooLarge, !overflow else { return nil }
            value = sum
        }
        return value
    }

    package static func hex(_ bytes: UnsafeRawBufferPointer) -> UInt64? {
        guard bytes.count == 16 else { return nil }
        var value: UInt64 = 0
        for byte in bytes {
            switch byte {
            case 0x30...0x39: value = value << 4 | UInt64(byte - 0x30)
            case 0x61...0x66: value = value << 4 | UInt64(byte - 0x61 + 10)
            default: return nil
            }
        }
        return value
    }

    package static func time(_ bytes: UnsafeRawBufferPointer) -> Nanoseconds? {
        guard bytes.count == timeLength else { return nil }
        func value(_ range: Range<Int>, before mark: Unicode.Scalar) -> Int? {
            guard bytes[range.upperBound] == UInt8(ascii: mark) else { return nil }
            return digits(UnsafeRawBufferPointer(rebasing: bytes[range])).map { Int($0) }
        }
        guard let year = value(0..<4, before: "-"), let month = value(5..<7, before: "-"),
            let day = value(8..<10, before: "T"), let hour = value(11..<13, before: ":"),
            let minute = value(14..<16, before: ":"), let second = value(17..<19, before: "."),
            let nanosecond = value(20..<29, before: "Z"), 1677...2262 ~= year, 1...12 ~= month, 1...31 ~= day,
            hour < 24, minute < 60, second < 60
        else { return nil }
        let days = CivilTime.day(ofYear: year, month: month, day: day)
        guard CivilTime.date(ofDay: days) == (year, month, day) else { return nil }
        return nanoseconds(ofSecond: Int64(days * 86400 + hour * 3600 + minute * 60 + second), Int64(nanosecond))
    }

    /// Nil where 64 bits do not reach. Below 0 the second after is taken and the rest subtracted, so that the least of
    /// all times does not overflow on the way.
    private static func nanoseconds(ofSecond second: Int64, _ nanosecond: Int64) -> Nanoseconds? {
        let isBefore = second < 0
        let (whole, tooLarge) = (isBefore ? second + 1 : second).multipliedReportingOverflow(by: .perSecond)
        let (sum, overflow) = whole.addingReportingOverflow(isBefore ? nanosecond - .perSecond : nanosecond)
        return tooLarge || overflow ? nil : sum
    }

    /// Text of at most `limit` bytes of UTF-8.
    package static func text(_ bytes: UnsafeRawBufferPointer, limit: Int) -> String? {
        unescaped(bytes, marks: []).flatMap { $0.count <= limit ? String(validating: $0, as: UTF8.self) : nil }
    }

    /// Takes escapes back; nil where a byte stands in another form than `appendText` gives it.
    package static func unescaped(_ bytes: UnsafeRawBufferPointer, marks: [UInt8]) -> [UInt8]? {
        var plain: [UInt8] = []
        plain.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            guard byte >= 0x20, byte != 0x7F, !marks.contains(byte) else { return nil }
            if byte == backslash {
                guard let (value, length) = escape(bytes, index + 1, marks) else { return nil }
                plain.append(value)
                index += length
            } else {
                plain.append(byte)
            }
            index += 1
        }
        return plain
    }

    /// The byte that an escape stands for, and how many bytes follow its backslash.
    private static func escape(_ bytes: UnsafeRawBufferPointer, _ index: Int, _ marks: [UInt8]) -> (UInt8, Int)? {
        guard index < bytes.count else { return nil }
        switch bytes[index] {
        case UInt8(ascii: "t"): return (UInt8(ascii: "\t"), 1)
        case UInt8(ascii: "n"): return (UInt8(ascii: "\n"), 1)
        case UInt8(ascii: "r"): return (UInt8(ascii: "\r"), 1)
        case backslash: return (backslash, 1)
        case UInt8(ascii: "x"):
            guard index + 2 < bytes.count, let high = hexDigits.firstIndex(of: bytes[index + 1]),
                let low = hexDigits.firstIndex(of: bytes[index + 2])
            else { return nil }
            let value = UInt8(high << 4 | low)
            let hasOwnEscape = [UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r")].contains(value)
            return (value < 0x20 || value == 0x7F) && !hasOwnEscape ? (value, 3) : nil
        case let mark: return marks.contains(mark) ? (mark, 1) : nil
        }
    }

    package static func labels(_ bytes: UnsafeRawBufferPointer) -> Labels? {
        guard !bytes.isEmpty else { return Labels.none }
        var pairs: [(key: String, value: String)] = []
        for piece in split(bytes, at: labelMarks[0]) {
            let sides = split(piece, at: labelMarks[1])
            guard pairs.count < Limits.labels, sides.count == 2, let key = labelText(sides[0]),
                let value = labelText(sides[1]), pairs.last.map({ $0.key.isBefore(key) }) ?? true
            else { return nil }
            pairs.append((key, value))
        }
        return Labels(pairs)
    }

    private static func labelText(_ bytes: UnsafeRawBufferPointer) -> String? {
        unescaped(bytes, marks: labelMarks).flatMap { String(validating: $0, as: UTF8.self) }
    }

    /// Pieces between marks that no backslash precedes.
    private static func split(_ bytes: UnsafeRawBufferPointer, at mark: UInt8) -> [UnsafeRawBufferPointer] {
        var pieces: [UnsafeRawBufferPointer] = []
        var (start, index) = (0, 0)
        while index < bytes.count {
            if bytes[index] == backslash {
                index += 1
            } else if bytes[index] == mark {
                pieces.append(UnsafeRawBufferPointer(rebasing: bytes[start..<index]))
                start = index + 1
            }
            index += 1
        }
        pieces.append(UnsafeRawBufferPointer(rebasing: bytes[start...]))
        return pieces
    }
}
