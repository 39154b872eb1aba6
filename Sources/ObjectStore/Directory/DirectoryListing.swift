import ArchiveTypes
import Glibc

/// Lists the keys of a tree of directories in byte order, without ever holding more names of a folder than a page has.
///
/// Folders stand among files by their names with a slash, since that is where their keys sort: `a-b` < `a.b` < `a/b` < `a0`.
/// Only folders that can hold wanted keys are entered.
struct DirectoryListing {
    fileprivate struct Candidate {
        /// Of a folder with a slash at its end.
        var name: [UInt8]
        var isFolder: Bool
    }

    private let prefix: [UInt8]
    private let after: [UInt8]
    private let limit: Int
    private let cancellation: BlockingCancellation
    private(set) var entries: [ListPage.Entry] = []

    /// - Parameter limit: how many entries to find at most; the caller asks for one more than a page has.
    init(prefix: String, after: String?, limit: Int, _ cancellation: BlockingCancellation) {
        self.prefix = Array(prefix.utf8)
        self.after = Array((after ?? "").utf8)
        self.limit = limit
        self.cancellation = cancellation
    }

    private var isFull: Bool { entries.count >= limit }

    /// Lists what lies in `folder`, whose keys begin with `base`: empty for the root, else with a slash at its end.
    mutating func visit(_ folder: borrowing Descriptor, base: [UInt8]) throws(LocalFailure) {
        var bound: [UInt8] = []
        while !isFull {
            if cancellation.isCancelled { throw LocalFailure(.cancelled, "cancelled") }
            let (candidates, isComplete) = try scan(folder, base, after: bound)
            for candidate in candidates where !isFull { try add(candidate, of: folder, base) }
            guard !isComplete, let last = candidates.last else { return }
            bound = last.name
        }
    }

    private mutating func add(
        _ candidate: Candidate, of folder: borrowing Descriptor, _ base: [UInt8]
    ) throws(LocalFailure) {
        guard candidate.isFolder else {
            let name = String(decoding: candidate.name, as: UTF8.self)
            // Gone since, or replaced by what is no object.
            guard let status = try folder.status(of: name), status.isRegular else { return }
            return entries.append(.init(key: String(decoding: base, as: UTF8.self) + name, size: status.size))
        }
        let name = String(decoding: candidate.name.dropLast(), as: UTF8.self)
        do throws(LocalFailure) { try visit(folder.directory(name), base: base + candidate.name) } catch
            where error.code == ENOENT || error.code == ENOTDIR
        {
            return
        }
    }

    /// The first names of a folder after `bound` that matter, at most `limit`, in order; whether these are all.
    private func scan(
        _ folder: borrowing Descriptor, _ base: [UInt8], after bound: [UInt8]
    ) throws(LocalFailure) -> (first: [Candidate], isComplete: Bool) {
        var first: [Candidate] = []
        var isComplete = true
        var last: [UInt8]?
        try folder.forEachName { name, type throws(LocalFailure) in
            guard ObjectKey.fault(inSegment: name) == nil, let candidate = try Self.candidate(name, type, in: folder),
                isWanted(base + candidate.name, candidate.isFolder), bound.precedes(candidate.name)
            else { return }
            if let last, last.precedes(candidate.name) { return }
            first.append(candidate)
            guard first.count >= 2 * limit else { return }
            first.keepFirst(limit)
            last = first.last?.name
            isComplete = false
        }
        isComplete = isComplete && first.count <= limit
        first.keepFirst(limit)
        return (first, isComplete)
    }

    private static func candidate(
        _ name: UnsafeRawBufferPointer, _ type: EntryType, in folder: borrowing Descriptor
    ) throws(LocalFailure) -> Candidate? {
        guard name.allSatisfy({ 0x20...0x7E ~= $0 }) else { return nil }
        switch type {
        case .file: return Candidate(name: Array(name), isFolder: false)
        case .directory: return Candidate(name: Array(name) + [UInt8(ascii: "/")], isFolder: true)
        case .other: return nil
        case .unknown:
            let status = try folder.status(of: String(decoding: name, as: UTF8.self))
            guard let status, status.isRegular || status.isDirectory else { return nil }
            return try candidate(name, status.isRegular ? .file : .directory, in: folder)
        }
    }

    /// Whether `path` is a wanted key or, with a slash at its end, can be the beginning of one.
    private func isWanted(_ path: [UInt8], _ isFolder: Bool) -> Bool {
        guard path.count <= Limits.keyBytes else { return false }
        guard isFolder else { return path.starts(with: prefix) && after.precedes(path) }
        return (path.starts(with: prefix) || prefix.starts(with: path))
            && (after.precedes(path) || after.starts(with: path))
    }
}

extension [UInt8] {
    /// Byte order.
    fileprivate func precedes(_ other: [UInt8]) -> Bool {
        let order = memcmp(self, other, Swift.min(count, other.count))
        return order == 0 ? count < other.count : order < 0
    }
}

extension Array where Element == DirectoryListing.Candidate {
    fileprivate mutating func keepFirst(_ limit: Int) {
        sort { $0.name.precedes($1.name) }
        if count > limit { removeLast(count - limit) }
    }
}
