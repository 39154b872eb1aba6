/// A text that is not the value it should be: a lower-case clause, and what to write instead.
package struct InvalidValue: Error, Sendable, Hashable, CustomStringConvertible {
    package var reason: String
    /// What to do about it; nil where the reason says it already.
    package var hint: String?

    package init(_ reason: String, hint: String? = nil) {
        self.reason = reason
        self.hint = hint
    }

    package var description: String { hint.map { "\(reason); \($0)" } ?? reason }
}

extension String {
    /// In double quotes, with control characters escaped and long texts cut: for messages.
    var quoted: String {
        let cut = unicodeScalars.count > 80
        let shown = unicodeScalars.prefix(80).map { scalar in
            scalar.value < 0x20 || scalar.value == 0x7F ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
        }
        return "\"" + shown.joined() + (cut ? "…" : "") + "\""
    }
}
