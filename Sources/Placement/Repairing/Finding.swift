/// Something that verification found.
package struct Finding: Sendable, Hashable, CustomStringConvertible {
    package enum Kind: String, Sendable, Hashable {
        /// An object is not there.
        case missing
        /// An object's bytes are not what was written.
        case damaged
        /// An object is where none of its kind belongs, or not this archive's.
        case misplaced
        /// A chunk that no manifest describes: queries do not see it.
        case notIndexed
        /// Positions that no block holds, or a writer's sequence number that no chunk has.
        case gap
        /// An object could not be read: nothing is known of it.
        case unreadable
        /// Worth knowing, and nothing wrong: not counted as a finding.
        case note
    }

    package var kind: Kind
    /// The key it is about; empty where it is about no single object.
    package var key: String
    package var offset: UInt64?
    /// The store that it was found in; nil where it is about no single one, or where there is only one.
    package var store: String?
    /// A lower-case clause.
    package var reason: String
    /// What a person can do about it; empty where there is nothing.
    package var remedy: String

    package init(
        _ kind: Kind, key: String, offset: UInt64? = nil, store: String? = nil, _ reason: String, remedy: String = ""
    ) {
        self.kind = kind
        self.key = key
        self.offset = offset
        self.store = store
        self.reason = reason
        self.remedy = remedy
    }

    package var description: String {
        let place = key.isEmpty ? "" : key + (offset.map { " at byte \($0)" } ?? "") + ": "
        let holder = store.map { "store \($0): " } ?? ""
        return "\(kind.rawValue): \(holder)\(place)\(reason)" + (remedy.isEmpty ? "" : "; \(remedy)")
    }
}
