import ArchiveTypes

/// `true` and `false`, and nothing else that YAML's versions disagree about.
enum Boolean {
    static func parse(_ text: String) throws(InvalidValue) -> Bool {
        switch text {
        case "true": return true
        case "false": return false
        default: throw InvalidValue("\(text.quoted) is not a truth value", hint: "write true or false")
        }
    }
}

enum WholeNumber {
    static func parse(_ text: String, _ range: ClosedRange<Int>) throws(InvalidValue) -> Int {
        guard let value = Int(text) else {
            throw InvalidValue(
                "\(text.quoted) is not a whole number",
                hint: "write one from \(range.lowerBound) to \(range.upperBound)")
        }
        guard range ~= value else {
            throw InvalidValue(
                "\(value) is out of range", hint: "write a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }
}

/// Absolute paths of directories.
package enum DirectoryPath {
    /// Without `.`, empty and trailing segments; `..` stays, since it follows symbolic links. A relative path
    /// is appended to `directory`, or refused where that is nil.
    package static func normalized(_ text: String, relativeTo directory: String?) throws(InvalidValue) -> String {
        guard !text.isEmpty else { throw InvalidValue("the path is empty") }
        guard !text.utf8.contains(0) else { throw InvalidValue("\(text.quoted) contains a zero byte") }
        guard text.hasPrefix("/") || directory != nil else {
            throw InvalidValue("\(text.quoted) is not an absolute path", hint: "begin it with /")
        }
        let absolute = text.hasPrefix("/") ? text : (directory ?? "") + "/" + text
        return "/" + absolute.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    }
}

/// Names that stand in objects, keys and messages.
package enum Names {
    /// An archive's or a store's: 1 to 63 of `[a-z0-9-]`.
    package static func plain(_ text: String) throws(InvalidValue) -> String {
        guard 1...63 ~= text.utf8.count, text.utf8.allSatisfy(\.isKeyCharacter) else {
            throw InvalidValue("\(text.quoted) is not a valid name", hint: "write 1 to 63 of a-z, 0-9 and -")
        }
        return text
    }

    /// A host's: 1 to `Limits.hostBytes` letters, digits, `.`, `-`, `_` and `:`, beginning with a letter or digit.
    package static func host(_ text: String) throws(InvalidValue) -> String {
        let allowed = text.utf8.allSatisfy { byte in
            (PercentEncoding.isUnreserved(byte) && byte != UInt8(ascii: "~")) || byte == UInt8(ascii: ":")
        }
        guard 1...Limits.hostBytes ~= text.utf8.count, allowed, let first = text.first, first.isLetter || first.isNumber
        else {
            throw InvalidValue(
                "\(text.quoted) is not a valid host",
                hint: "write letters, digits, '.', '-' and '_', at most \(Limits.hostBytes)")
        }
        return text
    }
}
