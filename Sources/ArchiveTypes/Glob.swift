/// A pattern over the whole of a text, as people type it for hosts and sources.
///
/// `*` (and `**`, the same here) stands for any characters, `/` too; `?` for one; `[a-z_]` for one of a set, `[!a-z]` for
/// one outside of it; `\` takes the next character as it is. A `[` that is never closed stands for itself.
/// Characters are Unicode scalars; nothing is folded or normalized.
package struct Glob: Sendable, Hashable, CustomStringConvertible {
    package let description: String
    /// The text that the pattern stands for, where it stands for only one.
    package let literal: String?
    /// What every match begins with, as UTF-8.
    package let prefix: [UInt8]
    private let tokens: [Token]

    private enum Token: Sendable, Hashable {
        case any
        case one
        case exactly(Unicode.Scalar)
        case among([ClosedRange<Unicode.Scalar>], negated: Bool)
    }

    package init(_ pattern: String) {
        description = pattern
        tokens = Self.parse(Array(pattern.unicodeScalars))
        let start = tokens.prefix { if case .exactly = $0 { true } else { false } }
        var text = String.UnicodeScalarView()
        for case .exactly(let scalar) in start { text.append(scalar) }
        prefix = Array(String(text).utf8)
        literal = start.count == tokens.count ? String(text) : nil
    }

    package func matches(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { matches(UnsafeRawBufferPointer($0)) }
    }

    /// Whether the UTF-8 text `bytes` matches. A byte that belongs to no scalar counts as a U+FFFD of its own.
    package func matches(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard begins(bytes) else { return false }
        return literal == nil ? run(bytes) : bytes.count == prefix.count
    }

    private func begins(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.count >= prefix.count && bytes.prefix(prefix.count).elementsEqual(prefix)
    }

    /// On a mismatch only the last star takes one more character: time is at most pattern times text.
    private func run(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var (token, position) = (0, 0)
        var retry: (token: Int, position: Int)?
        while true {
            if token < tokens.count, tokens[token] == .any {
                token += 1
                retry = (token, position)
            } else if position < bytes.count, token < tokens.count, let next = step(tokens[token], bytes, position) {
                token += 1
                position = next
            } else if position == bytes.count, token == tokens.count {
                return true
            } else {
                guard let last = retry, last.position < bytes.count else { return false }
                position = scalar(bytes, last.position).end
                token = last.token
                retry = (token, position)
            }
        }
    }

    /// Where the text goes on after one character that `token` stands for; nil where it stands for another.
    private func step(_ token: Token, _ bytes: UnsafeRawBufferPointer, _ position: Int) -> Int? {
        let (value, end) = scalar(bytes, position)
        switch token {
        case .any: return nil
        case .one: return end
        case .exactly(let wanted): return value == wanted ? end : nil
        case .among(let ranges, let negated): return ranges.contains { $0.contains(value) } != negated ? end : nil
        }
    }

    private func scalar(_ bytes: UnsafeRawBufferPointer, _ position: Int) -> (value: Unicode.Scalar, end: Int) {
        let first = bytes[position]
        if first < 0x80 { return (Unicode.Scalar(first), position + 1) }
        var decoder = UTF8()
        var rest = bytes[position...].prefix(4).makeIterator()
        guard case .scalarValue(let value) = decoder.decode(&rest) else { return ("\u{FFFD}", position + 1) }
        return (value, position + UTF8.width(value))
    }
}

extension Glob {
    private static func parse(_ pattern: [Unicode.Scalar]) -> [Token] {
        var tokens: [Token] = []
        var index = 0
        while index < pattern.count {
            switch pattern[index] {
            case "*":
                if tokens.last != .any { tokens.append(.any) }
            case "?":
                tokens.append(.one)
            case "\\" where index + 1 < pattern.count:
                index += 1
                tokens.append(.exactly(pattern[index]))
            case "[":
                guard let (set, end) = parseSet(pattern, from: index + 1) else { fallthrough }
                tokens.append(set)
                index = end
            default:
                tokens.append(.exactly(pattern[index]))
            }
            index += 1
        }
        return tokens
    }

    /// The set that begins after a `[`, and the index of its `]`. A `]` that stands first belongs to the set.
    private static func parseSet(_ pattern: [Unicode.Scalar], from start: Int) -> (Token, end: Int)? {
        var index = start
        let negated = index < pattern.count && (pattern[index] == "!" || pattern[index] == "^")
        if negated { index += 1 }
        let first = index
        var ranges: [ClosedRange<Unicode.Scalar>] = []
        while index < pattern.count, pattern[index] != "]" || index == first {
            let low = pattern[index]
            var high = low
            if index + 2 < pattern.count, pattern[index + 1] == "-", pattern[index + 2] != "]" {
                high = pattern[index + 2]
                index += 2
            }
            if low <= high { ranges.append(low...high) }
            index += 1
        }
        return index < pattern.count ? (.among(ranges, negated: negated), index) : nil
    }
}
