/// The five things that can be asked of a store.
package enum StoreOperation: String, Sendable, Hashable, CaseIterable {
    case put = "PUT"
    case get = "GET"
    case size = "HEAD"
    case list = "LIST"
    case delete = "DELETE"
}

/// One request, as decorators and messages see it.
package struct StoreRequest: Sendable, Hashable, CustomStringConvertible {
    package var operation: StoreOperation
    /// The key, or the prefix of a listing.
    package var key: String
    /// Bytes of the body that is sent, or of the range that is asked for; 0 where that is not known beforehand.
    package var bytes: UInt64

    package init(_ operation: StoreOperation, _ key: String, bytes: UInt64 = 0) {
        self.operation = operation
        self.key = key
        self.bytes = bytes
    }

    package var description: String { "\(operation.rawValue) \(key)" }
}

extension ObjectRange {
    /// How many bytes an answer has at most, where the range alone tells; else 0.
    var expectedBytes: UInt64 {
        switch self {
        case .whole: 0
        case .bytes(_, let length), .suffix(let length): length
        }
    }
}
