import Glibc

/// The lines of one origin: the identity of everything that is archived. See `Labels` for what is not identity.
package struct StreamID: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The host that the lines come from, 1 to `Limits.hostBytes` bytes.
    package var host: String
    /// A file's absolute path, a journal, a listener: 1 to `Limits.sourceBytes` bytes. Bytes of a path that are not
    /// UTF-8 stand as `%XX` there.
    package var source: String

    package init(host: String, source: String) {
        self.host = host
        self.source = source
    }

    package var description: String { "\(host):\(source)" }

    /// By bytes: two files whose names Unicode holds for equivalent are two files.
    package static func == (left: StreamID, right: StreamID) -> Bool {
        left.host.isSame(as: right.host) && left.source.isSame(as: right.source)
    }

    /// By the bytes of host, then source: the order of indexes and of merged answers.
    package static func < (left: StreamID, right: StreamID) -> Bool {
        left.host.isSame(as: right.host) ? left.source.isBefore(right.source) : left.host.isBefore(right.host)
    }
}

extension StringProtocol {
    /// Order by UTF-8 bytes: the one order of every key and every row (Swift's own order is by normalized scalars).
    package func isBefore(_ other: some StringProtocol) -> Bool {
        utf8.lexicographicallyPrecedes(other.utf8)
    }

}

extension String {
    /// Equality of UTF-8 bytes (Swift's own is canonical equivalence).
    package func isSame(as other: String) -> Bool {
        let isSame = utf8.withContiguousStorageIfAvailable { left in
            other.utf8.withContiguousStorageIfAvailable { right in
                guard left.count == right.count else { return false }
                guard let start = left.baseAddress, let otherStart = right.baseAddress else { return true }
                return memcmp(start, otherStart, left.count) == 0
            }
        }
        return (isSame ?? nil) ?? utf8.elementsEqual(other.utf8)
    }
}

/// One life of a stream's source. Its text order is time order: it begins with the nanoseconds of birth as 19 digits,
/// then `-` and up to 16 characters of `[0-9a-z]`, a hash of machine, file system, inode and birth.
package struct Generation: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let description: String

    /// Nil unless `text` is 1 to `Limits.generationBytes` characters of `[0-9a-z-]`.
    package init?(_ text: some StringProtocol) {
        guard 1...Limits.generationBytes ~= text.utf8.count, text.utf8.allSatisfy({ $0.isKeyCharacter }) else {
            return nil
        }
        description = String(text)
    }

    package init(born: Nanoseconds, hash: UInt64) {
        let nanoseconds = String(max(0, born))
        let digits = String(hash, radix: 16)
        description =
            String(repeating: "0", count: 19 - nanoseconds.utf8.count) + nanoseconds + "-"
            + String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }

    package static func < (left: Generation, right: Generation) -> Bool { left.description.isBefore(right.description) }
}

extension UInt8 {
    /// `[a-z0-9-]`: what segments of object keys that Firn names are made of.
    package var isKeyCharacter: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): true
        default: false
        }
    }
}

/// Attributes of a block's lines, sorted by key: at most `Limits.labels`.
package struct Labels: Sendable, Hashable {
    package private(set) var pairs: [Pair]

    package struct Pair: Sendable, Hashable {
        package var key: String
        package var value: String

        package init(key: String, value: String) {
            self.key = key
            self.value = value
        }

        /// By bytes, as streams.
        package static func == (left: Pair, right: Pair) -> Bool {
            left.key.isSame(as: right.key) && left.value.isSame(as: right.value)
        }
    }

    package static let none = Labels()

    private init() { pairs = [] }

    /// Nil when there are too many, one is empty or too long (`Limits.labelBytes`), or a key stands twice, in
    /// whichever of the forms that Unicode holds for equivalent: JSON objects are read by equivalence.
    package init?(_ pairs: some Sequence<(key: String, value: String)>) {
        let sorted = pairs.map { Pair(key: $0.key, value: $0.value) }.sorted { $0.key.isBefore($1.key) }
        guard sorted.count <= Limits.labels,
            sorted.allSatisfy({ 1...Limits.labelBytes ~= $0.key.utf8.count && $0.value.utf8.count <= Limits.labelBytes }
            ),
            Set(sorted.map(\.key)).count == sorted.count
        else { return nil }
        self.pairs = sorted
    }

    package subscript(key: String) -> String? { pairs.first { $0.key == key }?.value }
}

/// Byte offsets (or sequence numbers) of a generation, from `first` (included) to `end` (not included).
package struct PositionRange: Sendable, Hashable {
    package var first: UInt64
    package var end: UInt64

    /// `first` must not lie above `end`.
    package init(first: UInt64, end: UInt64) {
        precondition(first <= end, "a range of positions runs forward")
        self.first = first
        self.end = end
    }

    package var count: UInt64 { end - first }
    package func overlaps(_ other: PositionRange) -> Bool { first < other.end && other.first < end }
}
