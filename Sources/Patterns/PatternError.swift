/// A pattern that cannot be meant.
package enum PatternError: Error, Sendable, Hashable, CustomStringConvertible {
    /// `offset` counts bytes into the pattern.
    case pattern(String, offset: Int, reason: String)

    package var description: String {
        switch self {
        case .pattern(let text, let offset, let reason):
            "regular expression '\(text)' is wrong at character \(offset + 1): \(reason)"
        }
    }
}
