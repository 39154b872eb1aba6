import ArchiveTypes

/// What a key may be: plain ASCII segments that mean the same to every file system and server.
package enum ObjectKey {
    /// Why `key` cannot be that of an object, a lower-case clause; nil where it can.
    package static func fault(in key: String) -> String? {
        if key.isEmpty { return "the key is empty" }
        return fault(in: Array(key.utf8), isPrefix: false)
    }

    /// The same for what keys begin with: it may be empty and may end anywhere.
    package static func fault(inPrefix prefix: String) -> String? {
        fault(in: Array(prefix.utf8), isPrefix: true)
    }

    private static func fault(in key: [UInt8], isPrefix: Bool) -> String? {
        guard key.count <= Limits.keyBytes else { return "the key is longer than \(Limits.keyBytes) bytes" }
        guard key.allSatisfy({ 0x20...0x7E ~= $0 }) else { return "the key holds a byte that is not printable ASCII" }
        let segments = key.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        for (index, segment) in segments.enumerated()
        where !(isPrefix && index == segments.count - 1 && segment.isEmpty) {
            if let fault = fault(inSegment: segment) { return fault }
        }
        return nil
    }

    /// Names that begin with a point are not objects: `.` and `..`, a store's own temporary files, `.nfs...` files of
    /// removed ones, what rsync and file managers leave.
    static func fault(inSegment segment: some Collection<UInt8>) -> String? {
        if segment.isEmpty { return "the key begins or ends with / or holds //" }
        if segment.first == UInt8(ascii: ".") { return "a segment of the key begins with a point" }
        if segment.count > Limits.keySegmentBytes {
            return "a segment of the key is longer than \(Limits.keySegmentBytes) bytes"
        }
        return nil
    }
}
