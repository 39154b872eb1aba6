/// Bytes that are not what this format promises: damage, a newer version, or somebody else's file.
package struct FormatError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// A checksum or a structure is wrong: the bytes are not what was written.
        case damaged
        /// Written by a later version of Firn.
        case unsupported
        /// A length or a count exceeds its limit in `Limits`.
        case excessive
        /// The bytes end early. In an open chunk: a torn tail.
        case truncated
    }

    package var kind: Kind
    /// The key or path of the object, empty until the one who knows it fills it in.
    package var object: String
    /// Where in the object, in bytes from its beginning.
    package var offset: UInt64
    package var reason: String

    package init(_ kind: Kind, object: String = "", at offset: UInt64, _ reason: String) {
        self.kind = kind
        self.object = object
        self.offset = offset
        self.reason = reason
    }

    package func within(_ object: String, at base: UInt64 = 0) -> FormatError {
        FormatError(kind, object: object, at: offset + base, reason)
    }

    package var description: String {
        (object.isEmpty ? "" : "\(object): ") + "\(reason) (at byte \(offset))"
    }
}
