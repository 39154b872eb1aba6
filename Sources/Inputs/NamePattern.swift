/// A pattern for one name of a path: `*` any run of characters, `?` any character, `[a-z]` and `[!a-z]` sets, `\` takes
/// the next character as it is. Characters are UTF-8 scalars; a byte that is not UTF-8 counts as a character.
struct NamePattern: Sendable, Hashable {
    fileprivate enum Token: Sendable, Hashable {
        case star
        case any
        case one(UInt32)
        case set([ClosedRange<UInt32>], negated: Bool)
    }

    private var tokens: [Token] = []
    /// The name itself, where the pattern matches no other.
    private(set) var literal: [UInt8]? = []

    /// `text` holds no slash. Throws what is wrong with it, as a clause.
    init(_ text: ArraySlice<UInt8>) throws(PatternFailure) {
        var rest = Characters(text)
        while let character = rest.next() {
            switch character {
            case .asterisk: appendStar()
            case .questionMark: append(.any)
            case .openingBracket: append(try Self.set(&rest))
            case .backslash:
                guard let escaped = rest.next() else { throw PatternFailure("ends in a backslash") }
                append(.one(escaped))
            default: append(.one(character))
            }
        }
        literal = tokens.allSatisfy(\.isOne) ? Array(text.unescaped) : nil
    }

    /// Whether this is `*`.
    var isAnyName: Bool { tokens == [.star] }

    /// `hidden`: whether a name that begins with a dot can match without a dot in the pattern.
    func matches(_ name: ArraySlice<UInt8>, hidden: Bool) -> Bool {
        if let literal { return name.elementsEqual(literal) }
        if !hidden, name.first == UInt8(ascii: "."), tokens.first != .one(.dot) { return false }
        return matchesTokens(name)
    }

    /// Greedy with one way back, to the last star: linear for one star, at worst name times pattern.
    private func matchesTokens(_ name: ArraySlice<UInt8>) -> Bool {
        var rest = Characters(name)
        var token = 0
        var retry: (token: Int, rest: Characters)?
        while true {
            if token < tokens.count, tokens[token] == .star {
                token += 1
                retry = (token, rest)
                continue
            }
            let atEnd = rest.isAtEnd
            if atEnd, token == tokens.count { return true }
            if !atEnd, token < tokens.count, let character = rest.next(), tokens[token].accepts(character) {
                token += 1
                continue
            }
            // Let the last star take one character more.
            guard let from = retry?.token, var tail = retry?.rest, tail.next() != nil else { return false }
            retry = (from, tail)
            token = from
            rest = tail
        }
    }

    private mutating func append(_ token: Token) { tokens.append(token) }

    private mutating func appendStar() {
        if tokens.last != .star { tokens.append(.star) }
    }

    /// What follows `[`, up to its `]`. A `]` that comes first is one of the set.
    private static func set(_ rest: inout Characters) throws(PatternFailure) -> Token {
        var ranges: [ClosedRange<UInt32>] = []
        let negated = rest.skip(.exclamationMark) || rest.skip(.caret)
        while true {
            guard let character = rest.next() else { throw PatternFailure("has a [ without its ]") }
            if character == .closingBracket, !ranges.isEmpty { return .set(ranges, negated: negated) }
            let low = character == .backslash ? rest.next() ?? character : character
            guard rest.startsRange, rest.skip(.dash), let high = rest.next() else {
                ranges.append(low...low)
                continue
            }
            guard low <= high else { throw PatternFailure("has a range of characters that runs backwards") }
            ranges.append(low...high)
        }
    }
}

struct PatternFailure: Error {
    var reason: String
    init(_ reason: String) { self.reason = reason }
}

extension NamePattern.Token {
    fileprivate var isOne: Bool { if case .one = self { true } else { false } }

    fileprivate func accepts(_ character: UInt32) -> Bool {
        switch self {
        case .star: false
        case .any: true
        case .one(let wanted): wanted == character
        case .set(let ranges, let negated): ranges.contains { $0.contains(character) } != negated
        }
    }
}

/// Scalars of UTF-8, and bytes that are none as numbers above all scalars.
private struct Characters {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    var isAtEnd: Bool { rest.isEmpty }

    /// Whether a `-` comes next that is not the last of its set.
    var startsRange: Bool { rest.first == UInt8(ascii: "-") && rest.dropFirst().first != UInt8(ascii: "]") }

    mutating func next() -> UInt32? {
        guard let byte = rest.first else { return nil }
        if byte >= 0x80, let (scalar, length) = rest.firstScalar {
            rest = rest.dropFirst(length)
            return scalar.value
        }
        rest = rest.dropFirst()
        return byte < 0x80 ? UInt32(byte) : 0x11_0000 + UInt32(byte)
    }

    mutating func skip(_ character: UInt32) -> Bool {
        guard rest.first.map(UInt32.init) == character else { return false }
        rest = rest.dropFirst()
        return true
    }
}

/// The characters that mean something in a pattern.
extension UInt32 {
    fileprivate static let asterisk: UInt32 = 0x2A
    fileprivate static let questionMark: UInt32 = 0x3F
    fileprivate static let openingBracket: UInt32 = 0x5B
    fileprivate static let closingBracket: UInt32 = 0x5D
    fileprivate static let backslash: UInt32 = 0x5C
    fileprivate static let dot: UInt32 = 0x2E
    fileprivate static let dash: UInt32 = 0x2D
    fileprivate static let exclamationMark: UInt32 = 0x21
    fileprivate static let caret: UInt32 = 0x5E
}

extension ArraySlice<UInt8> {
    fileprivate var unescaped: [UInt8] {
        var bytes: [UInt8] = []
        var isEscaped = false
        for byte in self {
            isEscaped = byte == UInt8(ascii: "\\") && !isEscaped
            if !isEscaped { bytes.append(byte) }
        }
        return bytes
    }
}
