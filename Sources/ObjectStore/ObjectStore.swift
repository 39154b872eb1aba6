package import ArchiveTypes

/// One bucket (and prefix) or directory that holds immutable objects under keys.
///
/// Keys are those of `KeyLayout`: plain ASCII, relative to the store's prefix. What `ObjectKey` finds fault with, a
/// store refuses as `.rejected` before it does anything. Every call may be made from any number
/// of tasks at once and honours cancellation (it then throws `StoreError` of kind `.cancelled`). What stores can and
/// cannot do beside this is data: `capabilities`.
package protocol ObjectStore: Sendable {
    /// The name of the configuration, or the URL without secrets: for messages and metrics.
    var name: String { get }
    var capabilities: StoreCapabilities { get }

    /// Creates an object, durably. An existing object of that key is never changed where the store can prevent it.
    /// - Returns: whether it was created or was held already, and the store's clock at the answer.
    func put(_ key: String, _ body: ObjectBody) async throws(StoreError) -> PutResult

    /// All bytes of an object, or those of `range`, whole: a short answer is an error.
    /// - Throws: kind `.notFound` where there is no such object, `.rangeNotSatisfiable` where it ends before `range`
    ///   begins, `.corrupt` where it ends within: it is not what the range was taken from.
    func get(_ key: String, _ range: ObjectRange) async throws(StoreError) -> ObjectData

    /// The same, for who can tell whether bytes are those that were stored: where there are several copies, one that is
    /// acceptable. Where there is none, what there is: the caller will find out again.
    func get(
        _ key: String, _ range: ObjectRange, accepting isAcceptable: @escaping @Sendable (ObjectData) -> Bool
    ) async throws(StoreError) -> ObjectData

    /// The size of an object in bytes; kind `.notFound` where there is none.
    func size(_ key: String) async throws(StoreError) -> UInt64

    /// At most `limit` (1 to 1000) keys that begin with `prefix` and come after `after` in byte order, in that order.
    func list(prefix: String, after: String?, limit: Int) async throws(StoreError) -> ListPage

    /// Removes an object; succeeds where there is none.
    func delete(_ key: String) async throws(StoreError)
}

package struct StoreCapabilities: Sendable, Hashable {
    /// A sealed local file on the store's own file system can become an object by link(2), without a copy.
    package var adoptsFiles: Bool
    /// Bytes moved cost a round trip: worth joining neighbouring ranges.
    package var isRemote: Bool
    /// Damaged bytes may be had intact: worth asking again with `accepting`.
    package var hasCopies: Bool

    package init(adoptsFiles: Bool, isRemote: Bool, hasCopies: Bool = false) {
        self.adoptsFiles = adoptsFiles
        self.isRemote = isRemote
        self.hasCopies = hasCopies
    }
}

/// What a PUT sends: bytes in memory, or a sealed file that nobody writes to any more. Digests are of the whole body,
/// computed once by whoever made it.
package struct ObjectBody: Sendable {
    package enum Content: Sendable {
        case bytes([UInt8])
        /// Path and length of a local file. The file must not change; the store does not take ownership.
        case file(path: String, length: UInt64)
        case part(FilePart)
    }

    /// Bytes of a local file that does not change, and some more after them: a shard of a chunk and its trailer.
    package struct FilePart: Sendable {
        package var path: String
        package var offset: UInt64
        /// Bytes of the file, without those of `ending`.
        package var length: UInt64
        package var ending: [UInt8]

        package init(path: String, offset: UInt64, length: UInt64, ending: [UInt8]) {
            self.path = path
            self.offset = offset
            self.length = length
            self.ending = ending
        }
    }

    package var content: Content
    /// 32 bytes.
    package var sha256: [UInt8]
    /// 16 bytes, where already known: a store that needs it computes it otherwise.
    package var md5: [UInt8]?

    package init(content: Content, sha256: [UInt8], md5: [UInt8]? = nil) {
        self.content = content
        self.sha256 = sha256
        self.md5 = md5
    }

    package var length: UInt64 {
        switch content {
        case .bytes(let bytes): UInt64(bytes.count)
        case .file(_, let length): length
        case .part(let part): part.length + UInt64(part.ending.count)
        }
    }
}

package struct PutResult: Sendable, Hashable {
    package enum Outcome: Sendable, Hashable {
        case created
        /// The store refused to create it anew (412, EEXIST): the object is held.
        case alreadyHeld
    }

    package var outcome: Outcome
    /// The store's clock (its Date header, or the local clock for a directory).
    package var storeTime: Nanoseconds

    package init(outcome: Outcome, storeTime: Nanoseconds) {
        self.outcome = outcome
        self.storeTime = storeTime
    }
}

package enum ObjectRange: Sendable, Hashable {
    case whole
    /// From `offset`, `length` bytes; the object must hold all of them. No bytes at all are `.rejected`.
    case bytes(offset: UInt64, length: UInt64)
    /// The last `length` bytes (at least 1), or the whole object where it is shorter.
    case suffix(length: UInt64)
}

package struct ObjectData: Sendable {
    package var bytes: [UInt8]
    /// The size of the whole object.
    package var objectSize: UInt64

    package init(bytes: [UInt8], objectSize: UInt64) {
        self.bytes = bytes
        self.objectSize = objectSize
    }
}

package struct ListPage: Sendable, Hashable {
    package struct Entry: Sendable, Hashable {
        package var key: String
        package var size: UInt64

        package init(key: String, size: UInt64) {
            self.key = key
            self.size = size
        }
    }

    package var entries: [Entry]
    /// Whether more keys follow the last entry.
    package var isTruncated: Bool
    /// The store's clock at the answer.
    package var storeTime: Nanoseconds

    package init(entries: [Entry], isTruncated: Bool, storeTime: Nanoseconds) {
        self.entries = entries
        self.isTruncated = isTruncated
        self.storeTime = storeTime
    }
}

extension ObjectStore {
    /// A store by itself has one copy.
    package func get(
        _ key: String, _ range: ObjectRange, accepting isAcceptable: @escaping @Sendable (ObjectData) -> Bool
    ) async throws(StoreError) -> ObjectData {
        try await get(key, range)
    }

    /// All keys under `prefix` after `after`, page by page. `visit` returns false to stop.
    package func listAll(
        prefix: String, after: String? = nil, _ visit: (ListPage) throws(StoreError) -> Bool
    ) async throws(StoreError) {
        var last = after
        while true {
            let page = try await list(prefix: prefix, after: last, limit: 1000)
            guard try visit(page), page.isTruncated, let next = page.entries.last?.key else { return }
            last = next
        }
    }
}
