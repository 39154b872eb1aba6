import Checksums
import Glibc
import ObjectStore

/// A store at which things go wrong, as told. The first fault that befalls a request is the one that happens.
package final class FaultyStore: ObjectStore {
    fileprivate struct Planned: Sendable {
        var fault: Fault
        var matched = 0
    }

    fileprivate struct State: Sendable {
        var planned: [Planned]
        var generator: SeededGenerator
        var requests: [StoreRequest] = []
        var keysPut: [String] = []
    }

    package let base: any ObjectStore
    package var name: String { base.name }
    package var capabilities: StoreCapabilities { base.capabilities }
    private let state: Guarded<State>
    private let gate = Gate()

    package init(_ base: any ObjectStore, faults: [Fault] = [], seed: UInt64 = 1) {
        self.base = base
        state = Guarded(State(planned: faults.map { Planned(fault: $0) }, generator: SeededGenerator(seed: seed)))
    }

    /// Adds a fault; it counts requests from now on.
    package func add(_ fault: Fault) { state.withLock { $0.planned.append(Planned(fault: fault)) } }

    /// All is well again: no more faults. What is held stays held.
    package func heal() { state.withLock { $0.planned = [] } }

    /// Lets everything go on that is held now.
    package func release() { gate.open() }

    /// Returns when at least `count` requests are held at once.
    package func waitUntilHeld(_ count: Int) async { await gate.waitUntilHeld(count) }

    /// All requests so far in the order of their arrival, failed ones too.
    package var requests: [StoreRequest] { state.withLock { $0.requests } }

    package func put(_ key: String, _ body: ObjectBody) async throws(StoreError) -> PutResult {
        let request = StoreRequest(.put, key, bytes: body.length)
        var body = body
        let fault = try await befall(request)
        if let fault, fault.concernsBytes, let damaged = damage(try body.readAll(), fault) {
            body = ObjectBody(content: .bytes(damaged), sha256: sha256(damaged))
        }
        let result = try await base.put(key, body)
        state.withLock { if result.outcome == .created { $0.keysPut.append(key) } }
        try answer(request, fault)
        return result
    }

    package func get(_ key: String, _ range: ObjectRange) async throws(StoreError) -> ObjectData {
        let request = StoreRequest(.get, key)
        let fault = try await befall(request)
        var data = try await base.get(key, range)
        if let fault, let damaged = damage(data.bytes, fault) { data.bytes = damaged }
        try answer(request, fault)
        return data
    }

    package func size(_ key: String) async throws(StoreError) -> UInt64 {
        let fault = try await befall(StoreRequest(.size, key))
        let size = try await base.size(key)
        try answer(StoreRequest(.size, key), fault)
        return size
    }

    package func list(prefix: String, after: String?, limit: Int) async throws(StoreError) -> ListPage {
        let request = StoreRequest(.list, prefix)
        let fault = try await befall(request)
        var page = try await base.list(prefix: prefix, after: after, limit: limit)
        if case .stale(let count) = fault {
            let unknown = Set(state.withLock { $0.keysPut.suffix(count) })
            page.entries.removeAll { unknown.contains($0.key) }
        }
        try answer(request, fault)
        return page
    }

    package func delete(_ key: String) async throws(StoreError) {
        let fault = try await befall(StoreRequest(.delete, key))
        try await base.delete(key)
        try answer(StoreRequest(.delete, key), fault)
    }
}

extension FaultyStore {
    /// What befalls a request; what happens before it is done happens here.
    private func befall(_ request: StoreRequest) async throws(StoreError) -> Fault.Kind? {
        let fault = state.withLock { $0.draw(request) }
        switch fault {
        case .error(let kind, let retryAfter, let status): throw error(kind, request, retryAfter, status)
        case .late(let duration):
            do throws(CancellationError) { try await MonotonicTime.system.sleep(duration) } catch {
                throw self.error(.cancelled, request, nil)
            }
            return fault
        case .held where await !gate.pass(): throw error(.cancelled, request, nil)
        default: return fault
        }
    }

    /// What happens after it is done.
    private func answer(_ request: StoreRequest, _ fault: Fault.Kind?) throws(StoreError) {
        if case .doneButError(let kind) = fault { throw error(kind, request, nil) }
    }

    /// Nil where the fault does not concern bytes.
    private func damage(_ bytes: [UInt8], _ fault: Fault.Kind) -> [UInt8]? {
        switch fault {
        case .truncated(let count): return Array(bytes.dropLast(count))
        case .corrupted:
            guard !bytes.isEmpty else { return bytes }
            var bytes = bytes
            let bit = state.withLock { Int.random(in: 0..<bytes.count * 8, using: &$0.generator) }
            bytes[bit / 8] ^= 1 << (bit % 8)
            return bytes
        default: return nil
        }
    }

    private func error(
        _ kind: StoreError.Kind, _ request: StoreRequest, _ retryAfter: Double?, _ status: Int? = nil
    ) -> StoreError {
        StoreError(
            kind, store: name, operation: "\(request)", reason: "injected: \(kind)", retryAfter: retryAfter,
            status: status)
    }
}

extension FaultyStore.State {
    fileprivate mutating func draw(_ request: StoreRequest) -> Fault.Kind? {
        requests.append(request)
        var happening: Fault.Kind?
        for index in planned.indices where planned[index].fault.matches(request) {
            planned[index].matched += 1
            guard happening == nil, isDue(planned[index]) else { continue }
            happening = planned[index].fault.kind
        }
        return happening
    }

    private mutating func isDue(_ planned: FaultyStore.Planned) -> Bool {
        switch planned.fault.when {
        case .always: true
        case .nth(let number): planned.matched == number
        case .from(let number): planned.matched >= number
        case .upTo(let number): planned.matched <= number
        case .chance(let probability): Double.random(in: 0..<1, using: &generator) < probability
        }
    }
}

extension Fault.Kind {
    fileprivate var concernsBytes: Bool {
        switch self {
        case .truncated, .corrupted: true
        default: false
        }
    }
}

extension ObjectBody {
    fileprivate func readAll() throws(StoreError) -> [UInt8] {
        switch content {
        case .bytes(let bytes): return bytes
        case .file(let path, let length): return try Self.read(path, from: 0, length)
        case .part(let part): return try Self.read(part.path, from: part.offset, part.length) + part.ending
        }
    }

    private static func read(_ path: String, from offset: UInt64, _ length: UInt64) throws(StoreError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(length))
        let file = fopen(path, "r")
        defer { if let file { fclose(file) } }
        guard let file, fseek(file, Int(offset), SEEK_SET) == 0, fread(&bytes, 1, bytes.count, file) == bytes.count
        else { throw StoreError(.rejected, store: "faulty", operation: "PUT", reason: "\(path) cannot be read") }
        return bytes
    }
}
