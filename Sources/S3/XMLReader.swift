/// Reads the XML that S3 servers answer with, piece by piece: elements, text, CDATA and entities (XML 1.0).
///
/// Attributes and namespace prefixes are passed over. Refused: document types (and with them entities of one's own),
/// nesting beyond `depthLimit`, and whatever is not well-formed. The caller bounds the size.
package struct XMLReader {
    package enum Event: Equatable, Sendable {
        /// The element's name without its prefix.
        case start(String)
        /// Part of an element's text, entities resolved; an element may have several.
        case text(String)
        case end(String)
    }

    package struct Malformed: Error, Hashable, CustomStringConvertible {
        package var what: String
        package var offset: Int

        package var description: String { "\(what) at byte \(offset) of the XML" }
    }

    private static let depthLimit = 32
    private static let nameLimit = 256

    private let bytes: [UInt8]
    private var next = 0
    private var open: [ArraySlice<UInt8>] = []
    private var hasRoot = false
    /// The end of an element that was closed where it was opened (`<a/>`).
    private var pendingEnd: String?

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The next piece; nil once the document has ended.
    package mutating func read() throws(Malformed) -> Event? {
        if let name = pendingEnd {
            pendingEnd = nil
            return .end(name)
        }
        while next < bytes.count {
            if bytes[next] != UInt8(ascii: "<") {
                if let text = try readText() { return .text(text) }
            } else if skips("<?") {
                try skip(past: "?>")
            } else if skips("<!--") {
                try skip(past: "-->")
            } else if skips("<![CDATA[") {
                return .text(try utf8(try skip(past: "]]>")))
            } else if skips("</") {
                return .end(try readEnd())
            } else {
                return .start(try readStart())
            }
        }
        guard open.isEmpty, hasRoot else { throw malformed("the document ends early") }
        return nil
    }

    private func malformed(_ what: String) -> Malformed { Malformed(what: what, offset: next) }

    // MARK: Tags

    private mutating func readStart() throws(Malformed) -> String {
        next += 1
        guard next < bytes.count, bytes[next] != UInt8(ascii: "!") else { throw malformed("a declaration") }
        guard open.count < Self.depthLimit else { throw malformed("elements nested beyond \(Self.depthLimit)") }
        guard !open.isEmpty || !hasRoot else { throw malformed("a second root element") }
        let name = try readName()
        hasRoot = true
        open.append(name)
        if try skipAttributes() {
            open.removeLast()
            pendingEnd = try local(name)
        }
        return try local(name)
    }

    private mutating func readEnd() throws(Malformed) -> String {
        let name = try readName()
        skipSpace()
        guard skips(">"), let opened = open.popLast(), opened == name else {
            throw malformed("an end tag out of place")
        }
        return try local(name)
    }

    private mutating func readName() throws(Malformed) -> ArraySlice<UInt8> {
        let start = next
        while next < bytes.count, Self.isName(bytes[next]) { next += 1 }
        guard 1...Self.nameLimit ~= next - start else { throw malformed("a name of \(next - start) bytes") }
        return bytes[start..<next]
    }

    /// To the end of the tag; true where the element ends with it.
    private mutating func skipAttributes() throws(Malformed) -> Bool {
        while true {
            skipSpace()
            if skips("/>") { return true }
            if skips(">") { return false }
            _ = try readName()
            skipSpace()
            guard skips("=") else { throw malformed("an attribute without a value") }
            skipSpace()
            if skips("\"") {
                try skip(past: "\"")
            } else if skips("'") {
                try skip(past: "'")
            } else {
                throw malformed("an attribute without quotes")
            }
        }
    }

    private func local(_ name: ArraySlice<UInt8>) throws(Malformed) -> String {
        let prefixEnd = name.lastIndex(of: UInt8(ascii: ":")).map { $0 + 1 }
        return try utf8(name[(prefixEnd ?? name.startIndex)...])
    }

    private static func isName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: ":"), 0x80...:
            true
        default: false
        }
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D }

    // MARK: Text

    /// Nil where it is white space outside the root element.
    private mutating func readText() throws(Malformed) -> String? {
        var text: [UInt8] = []
        while next < bytes.count, bytes[next] != UInt8(ascii: "<") {
            if bytes[next] == UInt8(ascii: "&") {
                text += try readEntity()
            } else {
                text.append(bytes[next])
                next += 1
            }
        }
        guard open.isEmpty else { return try utf8(text[...]) }
        let hasMark = text.starts(with: [0xEF, 0xBB, 0xBF]) && !hasRoot
        guard text.dropFirst(hasMark ? 3 : 0).allSatisfy(Self.isSpace) else {
            throw malformed("text outside the root element")
        }
        return nil
    }

    private mutating func readEntity() throws(Malformed) -> [UInt8] {
        let rest = bytes[next...].prefix(12)
        guard let end = rest.firstIndex(of: UInt8(ascii: ";")) else { throw malformed("an entity without its end") }
        let name = String(decoding: bytes[next + 1..<end], as: UTF8.self)
        guard let character = Self.entity(name) else { throw malformed("an unknown entity") }
        next = end + 1
        return Array(String(character).utf8)
    }

    private static func entity(_ name: String) -> Unicode.Scalar? {
        switch name {
        case "amp": return "&"
        case "lt": return "<"
        case "gt": return ">"
        case "quot": return "\""
        case "apos": return "'"
        default:
            guard name.hasPrefix("#") else { return nil }
            let isHexadecimal = name.hasPrefix("#x")
            let digits = name.dropFirst(isHexadecimal ? 2 : 1)
            guard !digits.hasPrefix("+"), let value = UInt32(digits, radix: isHexadecimal ? 16 : 10) else { return nil }
            return Unicode.Scalar(value)
        }
    }

    private func utf8(_ text: ArraySlice<UInt8>) throws(Malformed) -> String {
        guard let string = String(validating: text, as: UTF8.self) else { throw malformed("text that is not UTF-8") }
        return string
    }

    // MARK: Skipping

    private mutating func skipSpace() {
        while next < bytes.count, Self.isSpace(bytes[next]) { next += 1 }
    }

    private mutating func skips(_ token: StaticString) -> Bool {
        let length = token.utf8CodeUnitCount
        guard bytes.count - next >= length else { return false }
        let isThere = token.withUTF8Buffer { bytes[next..<next + length].elementsEqual($0) }
        if isThere { next += length }
        return isThere
    }

    /// What lies before `token`, which is passed over.
    @discardableResult
    private mutating func skip(past token: StaticString) throws(Malformed) -> ArraySlice<UInt8> {
        let start = next
        while next < bytes.count {
            let at = next
            if skips(token) { return bytes[start..<at] }
            next += 1
        }
        throw malformed("the document ends early")
    }
}
