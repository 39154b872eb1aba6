/// Writes block-style YAML, two spaces a level; texts are quoted where a plain one could be read as something else.
struct YAMLWriter {
    private(set) var text = ""
    private var indentation = 0
    /// The next line begins an element of a list.
    private var beginsElement = false

    mutating func scalar(_ key: String, _ value: String) { line("\(Self.quoted(key)): \(Self.quoted(value))") }

    mutating func scalars(_ key: String, _ values: [String]) {
        line("\(key): [\(values.map(Self.quoted).joined(separator: ", "))]")
    }

    mutating func section(_ key: String, _ content: (inout YAMLWriter) -> Void) {
        line("\(key):")
        indentation += 2
        content(&self)
        indentation -= 2
    }

    mutating func list<Element>(_ key: String, _ elements: [Element], _ content: (inout YAMLWriter, Element) -> Void) {
        guard !elements.isEmpty else { return line("\(key): []") }
        line("\(key):")
        indentation += 4
        for element in elements {
            beginsElement = true
            content(&self, element)
        }
        indentation -= 4
    }

    private mutating func line(_ content: String) {
        let margin =
            beginsElement
            ? String(repeating: " ", count: indentation - 2) + "- " : String(repeating: " ", count: indentation)
        beginsElement = false
        text += margin + content + "\n"
    }

    /// Plain where it is a word of letters, digits and harmless marks that YAML cannot take for a null; else in double
    /// quotes with escapes (YAML 1.2, section 7.3.1).
    static func quoted(_ value: String) -> String {
        let first = value.unicodeScalars.first
        let isPlain = value.unicodeScalars.allSatisfy { isHarmless($0) }
        if isPlain, let first, first.properties.isAlphabetic || ("0"..."9").contains(first) || first == "/",
            value.last != ":", value != "null"
        {
            return value
        }
        return "\"" + value.unicodeScalars.map(escaped).joined() + "\""
    }

    private static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
        guard scalar.isASCII else { return false }
        return scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || "/._-:".unicodeScalars.contains(scalar)
    }

    private static func escaped(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\"": return "\\\""
        case "\\": return "\\\\"
        case "\n": return "\\n"
        case "\t": return "\\t"
        default: break
        }
        guard
            scalar.value < 0x20 || 0x7F...0xA0 ~= scalar.value || scalar == "\u{FEFF}"
                || 0x2028...0x2029 ~= scalar.value
        else { return String(scalar) }
        let digits = String(scalar.value, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }
}
