import HTTPTransport
import ObjectStore

/// What a GET asks for, and whether the answer is just that.
///
/// A part may come as 206, as 200 with a correct `Content-Range`, or, from servers that ignore ranges, as the whole
/// object, of which it is then cut where that is not much larger.
struct WantedRange {
    struct Mismatch: Error {
        var kind: StoreError.Kind
        var reason: String
    }

    private let range: ObjectRange

    /// What may come in vain from a server that ignores ranges, in bytes.
    private static let waste = 8 << 20

    /// Nil where the range holds no bytes, or reaches beyond 64 bits.
    init?(_ range: ObjectRange) {
        switch range {
        case .bytes(let offset, let length): guard length >= 1, offset <= .max - length else { return nil }
        case .suffix(let length): guard length >= 1 else { return nil }
        case .whole: break
        }
        self.range = range
    }

    /// The `Range` field (RFC 9110, 14.2); nil for the whole.
    var field: String? {
        switch range {
        case .whole: nil
        case .bytes(let offset, let length): "bytes=\(offset)-\(offset + length - 1)"
        case .suffix(let length): "bytes=-\(length)"
        }
    }

    var isSuffix: Bool { if case .suffix = range { true } else { false } }

    /// Whether a suffix is all of an object of `size` bytes.
    func isCovered(by size: UInt64) -> Bool { if case .suffix(let length) = range { size <= length } else { false } }

    func responseLimit(objectLimit: Int) -> Int {
        switch range {
        case .whole: objectLimit
        case .bytes(_, let length), .suffix(let length): Int(clamping: length).addingCapped(Self.waste)
        }
    }

    func data(from response: HTTPResponse) throws(Mismatch) -> ObjectData {
        guard range != .whole else { return try whole(response) }
        guard let field = response.headers["Content-Range"] else {
            guard response.status == 200 else {
                throw Mismatch(kind: .transient, reason: "a 206 without Content-Range")
            }
            return try cut(response.body)
        }
        guard let content = ContentRange(field) else {
            throw Mismatch(kind: .transient, reason: "the answer's Content-Range is `\(field.prefix(100))`")
        }
        try check(content)
        guard UInt64(response.body.count) == content.length else {
            throw Mismatch(
                kind: .transient, reason: "\(response.body.count) bytes came, \(content.length) were promised")
        }
        return ObjectData(bytes: response.body, objectSize: content.objectSize)
    }

    private func whole(_ response: HTTPResponse) throws(Mismatch) -> ObjectData {
        guard response.status == 200, response.headers["Content-Range"] == nil else {
            throw Mismatch(kind: .transient, reason: "a part of the object came instead of all of it")
        }
        return ObjectData(bytes: response.body, objectSize: UInt64(response.body.count))
    }

    /// First and end of what is wanted of an object of `size` bytes.
    private func bounds(in size: UInt64) throws(Mismatch) -> Range<UInt64> {
        switch range {
        case .whole: return 0..<size
        case .suffix(let length): return size - min(size, length)..<size
        case .bytes(let offset, let length):
            guard offset + length <= size else {
                let wanted = "bytes \(offset) to \(offset + length - 1) were wanted"
                // Who asks knows how long the object should be: what is there is not what was stored.
                throw Mismatch(
                    kind: offset < size ? .corrupt : .rangeNotSatisfiable, reason: "\(wanted), the object has \(size)")
            }
            return offset..<offset + length
        }
    }

    private func check(_ content: ContentRange) throws(Mismatch) {
        let wanted = try bounds(in: content.objectSize)
        guard content.first == wanted.lowerBound, content.length == UInt64(wanted.count) else {
            throw Mismatch(
                kind: .transient,
                reason:
                    "bytes \(content.first) to \(content.last) came, \(field ?? "all") of \(content.objectSize) were wanted"
            )
        }
    }

    private func cut(_ object: [UInt8]) throws(Mismatch) -> ObjectData {
        let wanted = try bounds(in: UInt64(object.count))
        return ObjectData(
            bytes: Array(object[Int(wanted.lowerBound)..<Int(wanted.upperBound)]), objectSize: UInt64(object.count))
    }
}

/// `bytes FIRST-LAST/SIZE` (RFC 9110, 14.4).
package struct ContentRange: Equatable {
    package let first: UInt64
    package let last: UInt64
    package let objectSize: UInt64

    package var length: UInt64 { last - first + 1 }

    package init?(_ field: String) {
        let words = field.split(separator: " ")
        guard words.count == 2, words[0] == "bytes" else { return nil }
        let parts = words[1].split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let size = UInt64(parts[1]) else { return nil }
        let ends = parts[0].split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = UInt64(ends[0]), let last = UInt64(ends[1]), first <= last, last < size
        else { return nil }
        (self.first, self.last, objectSize) = (first, last, size)
    }
}

extension Int {
    fileprivate func addingCapped(_ other: Int) -> Int {
        let (sum, overflows) = addingReportingOverflow(other)
        return overflows ? .max : sum
    }
}
