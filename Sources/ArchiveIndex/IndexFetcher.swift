import ArchiveTypes
import ChunkFormat
import ObjectStore

/// Why an index object cannot be used.
enum IndexObjectFailure: Error, Sendable {
    /// It was listed and is gone.
    case missing(IndexSet.ID, key: String)
    case unusable(IndexSet.ID, IndexProblem)
    /// Its last part has not been written (yet).
    case unfinished(IndexSet.ID)

    var id: IndexSet.ID {
        switch self {
        case .missing(let id, _), .unusable(let id, _), .unfinished(let id): id
        }
    }

    /// What people should hear of it.
    var problem: IndexProblem? {
        switch self {
        case .missing(_, let key): IndexProblem(.detour, object: key, why: "object of the index was listed but is gone")
        case .unusable(_, let problem): problem
        case .unfinished: nil
        }
    }
}

/// Reads index objects and manifests, and checks what it reads. Throws `IndexObjectFailure` for an index object that
/// cannot be used, `StoreError` only where the whole undertaking should end.
struct IndexFetcher: Sendable {
    let store: any ObjectStore

    /// Most objects have their footer in as much; small ones are fetched whole with their rows.
    static let tailLength: UInt64 = 64 << 10
    static let smallObject: UInt64 = 256 << 10

    func load(_ set: IndexSet) async throws -> LoadedSet {
        let parts = try await concurrently(set.parts) { try await load($0, of: set.id) }
        guard let last = parts.last, last.footer.isLast, parts.dropLast().allSatisfy({ !$0.footer.isLast }) else {
            throw IndexObjectFailure.unfinished(set.id)
        }
        return LoadedSet(id: set.id, parts: parts, coverage: last.footer.coverage)
    }

    private func load(_ part: IndexSet.Part, of id: IndexSet.ID) async throws -> LoadedSet.Part {
        let key = part.key.description
        let isSmall = part.size <= Self.smallObject
        let range = isSmall ? ObjectRange.whole : .suffix(length: Self.tailLength)
        var tail = try await get(key, range, of: id) { Self.isTail($0, of: part.key) }
        do {
            while true {
                let needed = try tail.bytes.withUnsafeBytes { try IndexFooter.neededTail($0) }
                guard needed > tail.bytes.count, UInt64(tail.bytes.count) < tail.objectSize else { break }
                tail = try await get(key, .suffix(length: UInt64(needed)), of: id) { Self.isTail($0, of: part.key) }
            }
            let footer = try tail.bytes.withUnsafeBytes {
                try IndexFooter.decode($0, size: tail.objectSize, key: part.key)
            }
            let isWhole = UInt64(tail.bytes.count) == tail.objectSize
            return LoadedSet.Part(key: part.key, footer: footer, whole: isWhole ? tail.bytes : nil)
        } catch let error as FormatError {
            throw IndexObjectFailure.unusable(id, IndexProblem(.detour, object: key, why: error.reason))
        }
    }

    /// Whether bytes end in an index object's footer, or in so little of it that more must be read.
    private static func isTail(_ data: ObjectData, of key: IndexObjectKey) -> Bool {
        data.bytes.withUnsafeBytes { bytes in
            do throws(FormatError) {
                guard try IndexFooter.neededTail(bytes) <= bytes.count else { return true }
                _ = try IndexFooter.decode(bytes, size: data.objectSize, key: key)
                return true
            } catch {
                return false
            }
        }
    }

    /// Calls `visit` with the rows of each frame of `run`, in their order.
    func read(_ run: LoadedSet.Run, of id: IndexSet.ID, _ visit: (UnsafeRawBufferPointer) throws -> Void) async throws {
        let key = run.part.key.description
        let (offset, length) = run.range
        var base = offset
        var bytes: [UInt8]
        if let whole = run.part.whole {
            (bytes, base) = (whole, 0)
        } else {
            let fences = run.fences
            bytes = try await get(key, .bytes(offset: offset, length: length), of: id) { data in
                guard data.bytes.count >= Int(length) else { return false }
                do { try Self.decode(data.bytes, from: offset, fences) { _ in } } catch { return false }
                return true
            }.bytes
        }
        guard bytes.count >= Int(offset - base + length) else {
            throw IndexObjectFailure.unusable(
                id, IndexProblem(.detour, object: key, why: "store answered too few bytes"))
        }
        do {
            try Self.decode(bytes, from: base, run.fences, visit)
        } catch let error as FormatError {
            throw IndexObjectFailure.unusable(id, IndexProblem(.detour, object: key, why: error.reason))
        }
    }

    private static func decode(
        _ bytes: [UInt8], from base: UInt64, _ fences: [IndexFence], _ visit: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let decompressor = ZstdDecompressor()
        var rows: [UInt8] = []
        for fence in fences {
            let start = Int(fence.offset - base)
            try bytes.withUnsafeBytes { bytes in
                let frame = UnsafeRawBufferPointer(rebasing: bytes[start..<(start + Int(fence.length))])
                try IndexObject.decode(frame, fence, decompressor, into: &rows)
            }
            try rows.withUnsafeBytes { try visit($0) }
        }
    }

    private func get(
        _ key: String, _ range: ObjectRange, of id: IndexSet.ID,
        accepting isAcceptable: @escaping @Sendable (ObjectData) -> Bool
    ) async throws -> ObjectData {
        do throws(StoreError) {
            return try await store.get(key, range, accepting: isAcceptable)
        } catch {
            switch error.kind {
            case .cancelled: throw error
            case .notFound: throw IndexObjectFailure.missing(id, key: key)
            default: throw IndexObjectFailure.unusable(id, IndexProblem(.detour, object: key, why: error.description))
            }
        }
    }

    /// A manifest, or why it cannot be used.
    /// - Parameter ending: the kinds of error that are thrown, since they are no fault of the manifest.
    func manifest(
        _ key: ManifestKey, ending: Set<StoreError.Kind> = [.cancelled]
    ) async throws -> Result<Manifest, IndexProblem> {
        do {
            let object = try await store.get(key.description, .whole)
            return .success(try Manifest.decode(object.bytes, key: key))
        } catch let error as FormatError {
            return .failure(IndexProblem(.incomplete, object: key.description, why: error.reason))
        } catch let error as StoreError where !ending.contains(error.kind) {
            return .failure(IndexProblem(.incomplete, object: key.description, why: error.description))
        }
    }

    /// What is listed under a prefix, and the store's clock at the first answer.
    func list(_ prefix: String, after: String? = nil) async throws -> (entries: [ListPage.Entry], time: Nanoseconds) {
        var entries: [ListPage.Entry] = []
        var time: Nanoseconds?
        try await store.listAll(prefix: prefix, after: after) { page in
            entries += page.entries
            time = time ?? page.storeTime
            return true
        }
        return (entries, time ?? 0)
    }

    /// Manifests of hours after `hour`, in the order of their keys, and keys that are no manifest's.
    func manifests(after hour: Hour?) async throws -> ManifestListing {
        let (entries, time) = try await list(
            KeyLayout.manifests, after: hour.map { "\(KeyLayout.manifests)\($0)/~" })
        var listing = ManifestListing(time: time)
        for entry in entries {
            if let key = ManifestKey(entry.key) {
                listing.keys.append(key)
            } else {
                listing.strangers.append(entry.key)
            }
        }
        listing.keys.sort()
        return listing
    }
}

struct ManifestListing: Sendable {
    var keys: [ManifestKey] = []
    var strangers: [String] = []
    /// The store's clock when the listing began.
    var time: Nanoseconds
}
