package import ArchiveTypes
import Checksums

/// A store in memory, for tests and examples. It can be as careless as some servers are.
package final class MemoryStore: ObjectStore {
    package struct Behaviour: Sendable, Hashable {
        /// A PUT of a held key replaces it and answers `.created`, as servers do that ignore `If-None-Match`.
        package var overwrites = false
        /// A PUT whose bytes do not have the announced SHA-256 is refused.
        package var checksDigests = true

        package init(overwrites: Bool = false, checksDigests: Bool = true) {
            self.overwrites = overwrites
            self.checksDigests = checksDigests
        }
    }

    fileprivate struct State: Sendable {
        var objects: [String: [UInt8]] = [:]
        /// All keys in byte order; nil when they have changed since the last listing.
        var sortedKeys: [String]?
    }

    package let name: String
    package let capabilities: StoreCapabilities
    private let behaviour: Behaviour
    private let now: @Sendable () -> Nanoseconds
    private let state = Guarded(State())

    /// - Parameters:
    ///   - isRemote: what its capabilities say.
    ///   - now: the store's clock.
    package init(
        name: String = "memory", behaviour: Behaviour = Behaviour(), isRemote: Bool = false,
        now: @escaping @Sendable () -> Nanoseconds = { WallClock.now() }
    ) {
        self.name = name
        self.behaviour = behaviour
        capabilities = StoreCapabilities(adoptsFiles: false, isRemote: isRemote)
        self.now = now
    }

    /// A copy of all that is held.
    package var objects: [String: [UInt8]] { state.withLock { $0.objects } }

    /// Sets the bytes of a key past all rules: damage, or what somebody else put there. Nil removes.
    package func set(_ key: String, _ bytes: [UInt8]?) {
        state.withLock { state in
            if (state.objects[key] == nil) != (bytes == nil) { state.sortedKeys = nil }
            state.objects[key] = bytes
        }
    }

    package func put(_ key: String, _ body: ObjectBody) async throws(StoreError) -> PutResult {
        let request = StoreRequest(.put, key)
        try check(request, ObjectKey.fault(in: key))
        let bytes = try await bytes(of: body, request)
        if behaviour.checksDigests, sha256(bytes) != body.sha256 {
            throw error(.corrupt, request, "the body does not have the announced sha-256")
        }
        let isCreated = state.withLock { state in
            guard state.objects[key] == nil || behaviour.overwrites else { return false }
            if state.objects.updateValue(bytes, forKey: key) == nil { state.sortedKeys = nil }
            return true
        }
        return PutResult(outcome: isCreated ? .created : .alreadyHeld, storeTime: now())
    }

    package func get(_ key: String, _ range: ObjectRange) async throws(StoreError) -> ObjectData {
        let request = StoreRequest(.get, key)
        let object = try object(request)
        do throws(LocalFailure) {
            let (offset, count) = try range.resolve(objectSize: UInt64(object.count))
            let bytes = count == object.count ? object : Array(object[Int(offset)..<Int(offset) + count])
            return ObjectData(bytes: bytes, objectSize: UInt64(object.count))
        } catch {
            throw self.error(error.kind, request, error.reason)
        }
    }

    package func size(_ key: String) async throws(StoreError) -> UInt64 {
        UInt64(try object(StoreRequest(.size, key)).count)
    }

    package func list(prefix: String, after: String?, limit: Int) async throws(StoreError) -> ListPage {
        let fault = ObjectKey.fault(inPrefix: prefix) ?? (1...1000 ~= limit ? nil : "a page has 1 to 1000 keys")
        try check(StoreRequest(.list, prefix), fault)
        let found = state.withLock { $0.entries(prefix: prefix, after: after, limit: limit + 1) }
        return ListPage(entries: Array(found.prefix(limit)), isTruncated: found.count > limit, storeTime: now())
    }

    package func delete(_ key: String) async throws(StoreError) {
        try check(StoreRequest(.delete, key), ObjectKey.fault(in: key))
        set(key, nil)
    }

    private func object(_ request: StoreRequest) throws(StoreError) -> [UInt8] {
        try check(request, ObjectKey.fault(in: request.key))
        guard let object = state.withLock({ $0.objects[request.key] }) else {
            throw error(.notFound, request, "no such object")
        }
        return object
    }

    private func bytes(of body: ObjectBody, _ request: StoreRequest) async throws(StoreError) -> [UInt8] {
        let part: ObjectBody.FilePart
        switch body.content {
        case .bytes(let bytes): return bytes
        case .file(let path, let length):
            part = ObjectBody.FilePart(path: path, offset: 0, length: length, ending: [])
        case .part(let given): part = given
        }
        do throws(LocalFailure) {
            let bytes = try await BlockingPool.shared.run { _ throws(LocalFailure) in
                try Descriptor.body(of: part).read(Int(clamping: part.length), at: part.offset) + part.ending
            }
            guard let bytes else { throw LocalFailure(.cancelled, "cancelled") }
            return bytes
        } catch {
            throw self.error(error.kind == .cancelled ? .cancelled : .rejected, request, error.reason)
        }
    }

    private func check(_ request: StoreRequest, _ fault: String?) throws(StoreError) {
        if let fault { throw error(.rejected, request, fault) }
        if Task.isCancelled { throw error(.cancelled, request, "cancelled") }
    }

    private func error(_ kind: StoreError.Kind, _ request: StoreRequest, _ reason: String) -> StoreError {
        StoreError(kind, store: name, operation: "\(request)", reason: reason)
    }
}

extension MemoryStore.State {
    fileprivate mutating func entries(prefix: String, after: String?, limit: Int) -> [ListPage.Entry] {
        let keys = sortedKeys ?? objects.keys.sorted { $0.isBefore($1) }
        sortedKeys = keys
        var index = keys.firstIndex { !$0.isBefore(prefix) && after?.isBefore($0) ?? true }
        var found: [ListPage.Entry] = []
        while let next = index, next < keys.count, found.count < limit, keys[next].hasPrefix(prefix) {
            found.append(.init(key: keys[next], size: UInt64(objects[keys[next]]?.count ?? 0)))
            index = next + 1
        }
        return found
    }
}
