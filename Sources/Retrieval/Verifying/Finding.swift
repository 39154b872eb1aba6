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
    /// A lower-case clause.
    package var reason: String
    /// What a person can do about it; empty where there is nothing.
    package var remedy: String

    package init(_ kind: Kind, key: String, offset: UInt64? = nil, _ reason: String, remedy: String = "") {
        self.kind = kind
        self.key = key
        self.offset = offset
        self.reason = reason
        self.remedy = remedy
    }

    package var description: String {
        let place = key.isEmpty ? "" : key + (offset.map { " at byte \($0)" } ?? "") + ": "
        return "\(kind.rawValue): \(place)\(reason)" + (remedy.isEmpty ? "" : "; \(remedy)")
    }
}

/// What verification looked at, and found.
package struct VerifyReport: Sendable {
    package var chunks = 0
    package var manifests = 0
    package var indexObjects = 0
    /// Chunks of which every byte was read, and how many bytes that were.
    package var chunksRead = 0
    package var bytesRead: UInt64 = 0
    /// In the order of discovery; notes too.
    package var findings: [Finding] = []

    package var notes: [Finding] { findings.filter { $0.kind == .note } }
    /// Exit status 4 where there are any.
    package var problems: [Finding] { findings.filter { $0.kind != .note } }

    package init() {}
}
