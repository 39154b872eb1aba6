import ArchiveTypes

/// Names that S3 and its relatives accept.
enum S3Names {
    /// S3's rules, and capitals and underscores, which older buckets and other servers have.
    static func bucket(_ text: String) throws(InvalidValue) -> String {
        let allowed = text.utf8.allSatisfy { PercentEncoding.isUnreserved($0) && $0 != UInt8(ascii: "~") }
        let ends = [text.utf8.first, text.utf8.last].allSatisfy { end in end.map(isAlphanumeric) ?? false }
        guard 3...63 ~= text.utf8.count, allowed, ends, !text.contains("..") else {
            throw InvalidValue(
                "\(text.quoted) is not a bucket's name",
                hint: "3 to 63 of a-z, 0-9, - and ., beginning and ending with a letter or digit")
        }
        return text
    }

    /// Without slashes at either end.
    static func prefix(_ text: String) throws(InvalidValue) -> String {
        guard let decoded = PercentEncoding.decoded(text[...]) else {
            throw InvalidValue("\(text.quoted) has a wrong percent-encoding", hint: "write %25 for a %")
        }
        var prefix = decoded[...]
        while prefix.first == "/" { prefix.removeFirst() }
        while prefix.last == "/" { prefix.removeLast() }
        let segments = prefix.split(separator: "/", omittingEmptySubsequences: false)
        let isPlain = segments.allSatisfy { segment in
            !segment.isEmpty && segment != "." && segment != ".." && segment.utf8.count <= Limits.keySegmentBytes
                && segment.utf8.allSatisfy(PercentEncoding.isUnreserved)
        }
        guard prefix.isEmpty || isPlain, prefix.utf8.count <= Limits.keyBytes / 2 else {
            throw InvalidValue(
                "\(text.quoted) is not a usable prefix",
                hint: "use letters, digits, and -_.~ between single slashes")
        }
        return String(prefix)
    }

    static func region(_ text: String) throws(InvalidValue) -> String {
        guard 1...63 ~= text.utf8.count, text.utf8.allSatisfy({ $0.isKeyCharacter || $0 == UInt8(ascii: "_") }) else {
            throw InvalidValue("\(text.quoted) is not a region", hint: "write one like us-east-1")
        }
        return text
    }

    static func profile(_ text: String) throws(InvalidValue) -> String {
        guard 1...128 ~= text.utf8.count, text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }),
            !text.contains("]"), text.first != " ", text.last != " "
        else { throw InvalidValue("\(text.quoted) is not a profile's name") }
        return text
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        PercentEncoding.isUnreserved(byte) && !"-._~".utf8.contains(byte)
    }

}
