import ArchiveTypes

/// What Firn needs of a syslog message: whose it is. The message itself stays as it was received.
///
/// RFC 5424 section 6: `<PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID ...`, and RFC 3164 section 4.1 as it is found:
/// `<PRI>Mmm dd hh:mm:ss HOSTNAME TAG: ...`, with a year, fractions or an RFC 3339 time in place of the old one, or
/// (from a machine's own programs) without the host.
package enum SyslogMessage {
    /// The host's own field; nil where there is none, or something that is no name of a host.
    package static func host(of message: UnsafeRawBufferPointer) -> String? {
        var scanner = Scanner(message)
        scanner.skipPriority()
        if scanner.skip(UInt8(ascii: "1"), UInt8(ascii: " ")) { return modernHost(&scanner) }
        guard scanner.skipOldTime() || scanner.skipRFC3339() else { return nil }
        return oldHost(&scanner)
    }

    private static func modernHost(_ scanner: inout Scanner) -> String? {
        guard scanner.word() != nil, let host = scanner.word() else { return nil }
        return name(host)
    }

    /// A word that ends in a colon or holds a `[` is a tag: the host was left out.
    private static func oldHost(_ scanner: inout Scanner) -> String? {
        guard let word = scanner.word(), word.last != UInt8(ascii: ":"), !word.contains(UInt8(ascii: "[")) else {
            return nil
        }
        return name(word)
    }

    /// As what a configuration accepts for `host`: letters, digits, `.`, `-`, `_` and `:`, the first a letter or digit.
    private static func name(_ word: UnsafeRawBufferPointer) -> String? {
        guard 1...Limits.hostBytes ~= word.count, let first = word.first, first.isAlphanumeric,
            word.allSatisfy({ $0.isAlphanumeric || [0x2D, 0x2E, 0x3A, 0x5F].contains($0) })
        else { return nil }
        return String(decoding: word, as: UTF8.self)
    }

    private struct Scanner {
        private var rest: UnsafeRawBufferPointer.SubSequence

        init(_ message: UnsafeRawBufferPointer) {
            // No header is longer; a message may be.
            rest = message.prefix(1024)
        }

        /// `<0>` to `<191>`; also without one.
        mutating func skipPriority() {
            guard rest.first == UInt8(ascii: "<"), let end = rest.prefix(5).firstIndex(of: UInt8(ascii: ">")) else {
                return
            }
            guard rest[rest.startIndex + 1..<end].allSatisfy(\.isDigit) else { return }
            rest = rest[(end + 1)...]
        }

        mutating func skip(_ first: UInt8, _ second: UInt8) -> Bool {
            guard rest.count > 1, rest[rest.startIndex] == first, rest[rest.startIndex + 1] == second else {
                return false
            }
            rest = rest.dropFirst(2)
            return true
        }

        /// Up to a space, which goes too; nil where there is none. Several spaces count as one.
        mutating func word() -> UnsafeRawBufferPointer? {
            rest = rest.drop { $0 == UInt8(ascii: " ") }
            guard let end = rest.firstIndex(of: UInt8(ascii: " ")), end > rest.startIndex else { return nil }
            defer { rest = rest[(end + 1)...] }
            return UnsafeRawBufferPointer(rebasing: rest[rest.startIndex..<end])
        }

        /// `Mmm dd hh:mm:ss`, also `Mmm dd yyyy hh:mm:ss`, with a fraction, and with a colon or `: ` behind it.
        mutating func skipOldTime() -> Bool {
            let start = rest
            if let month = word(), month.count == 3, month.allSatisfy(\.isAlphanumeric), let day = word(),
                1...2 ~= day.count, day.allSatisfy(\.isDigit), let time = word()
            {
                if time.isClock { return true }
                if time.count == 4, time.allSatisfy(\.isDigit), let time = word(), time.isClock { return true }
            }
            rest = start
            return false
        }

        mutating func skipRFC3339() -> Bool {
            let start = rest
            if let time = word(), time.count >= 19, time[4] == UInt8(ascii: "-"), time[7] == UInt8(ascii: "-"),
                time[10] == UInt8(ascii: "T"), time[13] == UInt8(ascii: ":")
            {
                return true
            }
            rest = start
            return false
        }
    }
}

extension UnsafeRawBufferPointer {
    /// `hh:mm:ss`, whatever follows.
    fileprivate var isClock: Bool {
        count >= 8 && self[2] == UInt8(ascii: ":") && self[5] == UInt8(ascii: ":") && self[0].isDigit && self[7].isDigit
    }
}

extension UInt8 {
    fileprivate var isDigit: Bool { 0x30...0x39 ~= self }
    fileprivate var isAlphanumeric: Bool { isDigit || 0x41...0x5A ~= self || 0x61...0x7A ~= self }
}
