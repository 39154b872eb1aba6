/// One JSON object on one line, its keys in the order they were added (RFC 8259).
struct JSONLine {
    private var members: [String] = []

    mutating func add(_ key: String, _ value: String) { members.append(Self.quoted(key) + ":" + Self.quoted(value)) }

    mutating func add(_ key: String, _ value: some BinaryInteger) { members.append(Self.quoted(key) + ":\(value)") }

    mutating func add(_ key: String, _ value: Bool) { members.append(Self.quoted(key) + ":\(value)") }

    var text: String { "{" + members.joined(separator: ",") + "}\n" }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
