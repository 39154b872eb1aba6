/// A store in a local directory (or one of a network file system). See `DirectoryTree` for what lies where.
///
/// Objects appear whole and durable or not at all, and are never replaced. Directories that it makes have mode 0750,
/// objects 0440, less what the umask takes away; an object that is a linked file keeps the mode of that file.
package struct DirectoryStore: ObjectStore {
    package let name: String
    package var capabilities: StoreCapabilities { StoreCapabilities(adoptsFiles: true, isRemote: false) }

    private let tree: DirectoryTree
    private let pool: BlockingPool

    /// Opens the directory at `path`; this does a little blocking I/O.
    /// - Parameter create: makes it, with its parents, where it is missing. Without, that is an error of kind
    ///   `.configuration`: those who only read never create a store.
    package init(path: String, name: String, create: Bool) throws(StoreError) {
        try self.init(path: path, name: name, create: create, pool: BlockingPool(workers: Self.threads))
    }

    /// Its own threads, so that a disk that hangs keeps nobody else from working. Eight calls keep a disk's queue filled.
    private static let threads = 8

    package init(path: String, name: String, create: Bool, pool: BlockingPool) throws(StoreError) {
        self.name = name
        self.pool = pool
        tree = DirectoryTree(path: path)
        do throws(LocalFailure) {
            guard !path.isEmpty, !path.utf8.contains(0) else {
                throw LocalFailure(.configuration, "the path is empty or holds a zero byte", hint: "check the path")
            }
            if create { try tree.create() } else { _ = try tree.openRoot() }
        } catch {
            throw error.storeError(store: name, operation: "open \(path)", isOpening: true)
        }
    }

    package func put(_ key: String, _ body: ObjectBody) async throws(StoreError) -> PutResult {
        try await run(.put, key, ObjectKey.fault(in: key)) { tree, cancellation throws(LocalFailure) in
            let isCreated = try tree.put(key, body, cancellation)
            return PutResult(outcome: isCreated ? .created : .alreadyHeld, storeTime: try tree.now())
        }
    }

    package func get(_ key: String, _ range: ObjectRange) async throws(StoreError) -> ObjectData {
        try await run(.get, key, ObjectKey.fault(in: key)) { tree, _ throws(LocalFailure) in try tree.get(key, range) }
    }

    package func size(_ key: String) async throws(StoreError) -> UInt64 {
        try await run(.size, key, ObjectKey.fault(in: key)) { tree, _ throws(LocalFailure) in try tree.size(key) }
    }

    package func list(prefix: String, after: String?, limit: Int) async throws(StoreError) -> ListPage {
        let fault = ObjectKey.fault(inPrefix: prefix) ?? (1...1000 ~= limit ? nil : "a page has 1 to 1000 keys")
        return try await run(.list, prefix, fault) { tree, cancellation throws(LocalFailure) in
            try tree.list(prefix: prefix, after: after, limit: limit, cancellation)
        }
    }

    package func delete(_ key: String) async throws(StoreError) {
        try await run(.delete, key, ObjectKey.fault(in: key)) { tree, _ throws(LocalFailure) in try tree.delete(key) }
    }

    /// Does `work` on a thread that may block, unless the request itself is at fault.
    private func run<Answer: Sendable>(
        _ operation: StoreOperation, _ key: String, _ fault: String?,
        _ work: @escaping @Sendable (DirectoryTree, BlockingCancellation) throws(LocalFailure) -> Answer
    ) async throws(StoreError) -> Answer {
        let request = StoreRequest(operation, key)
        do throws(LocalFailure) {
            if let fault { throw LocalFailure(.rejected, fault) }
            let answer = try await pool.run { [tree] cancellation throws(LocalFailure) in try work(tree, cancellation) }
            guard let answer else { throw LocalFailure(.cancelled, "cancelled") }
            return answer
        } catch {
            throw error.storeError(store: name, operation: "\(request)", isOpening: false)
        }
    }
}

extension DirectoryTree {
    fileprivate func list(
        prefix: String, after: String?, limit: Int, _ cancellation: BlockingCancellation
    ) throws(LocalFailure) -> ListPage {
        var listing = DirectoryListing(prefix: prefix, after: after, limit: limit + 1, cancellation)
        try listing.visit(openRoot(), base: [])
        let entries = listing.entries
        return ListPage(
            entries: Array(entries.prefix(limit)), isTruncated: entries.count > limit, storeTime: try now())
    }
}

extension LocalFailure {
    /// Whatever keeps a store from being opened is for a person to mend.
    fileprivate func storeError(store: String, operation: String, isOpening: Bool) -> StoreError {
        StoreError(
            isOpening && kind != .full ? .configuration : kind, store: store, operation: operation, reason: reason,
            hint: hint)
    }
}
