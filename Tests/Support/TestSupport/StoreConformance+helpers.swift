import Checksums
import Glibc
import ObjectStore
import Testing

/// What the checks are written in.
extension StoreConformance {
    func body(_ bytes: [UInt8]) -> ObjectBody { ObjectBody(content: .bytes(bytes), sha256: sha256(bytes)) }

    func randomBytes(_ count: Int, seed: UInt64) -> [UInt8] {
        var generator = SeededGenerator(seed: seed)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count { withUnsafeBytes(of: generator.next()) { bytes.append(contentsOf: $0) } }
        return Array(bytes.prefix(count))
    }

    func expect(_ key: String, holds bytes: [UInt8]) async throws {
        let data = try await store.get(key, .whole)
        expect(data.bytes, equals: bytes, "\(key)")
        #expect(data.objectSize == UInt64(bytes.count), "\(key)")
    }

    /// Not `#expect(got == wanted)`: that prints megabytes, and takes minutes to find out what differs.
    func expect<Element: Equatable>(_ got: [Element], equals wanted: [Element], _ what: String) {
        guard got != wanted else { return }
        let length = zip(got, wanted).prefix(10_000).prefix { $0 == $1 }.count
        Issue.record("\(what): \(got.count) elements for \(wanted.count), at least \(length) the same")
    }

    func expect(
        _ kinds: StoreError.Kind..., when what: String,
        _ request: () async throws(StoreError) -> Void
    ) async {
        do throws(StoreError) {
            try await request()
            Issue.record("\(what): succeeded, \(kinds) expected")
        } catch {
            #expect(kinds.contains(error.kind), "\(what): \(error)")
            #expect(error.store == store.name, "\(what): the error names its store")
        }
    }

    func keys(prefix: String) async throws -> [String] {
        var keys: [String] = []
        try await store.listAll(prefix: prefix) { page throws(StoreError) in
            keys += page.entries.map(\.key)
            return true
        }
        return keys
    }

    /// All at once, 16 at a time.
    func each<Element: Sendable>(
        of elements: [Element], _ work: @escaping @Sendable (Element) async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, element) in elements.enumerated() {
                if index >= 16 { try await group.next() }
                group.addTask { try await work(element) }
            }
            try await group.waitForAll()
        }
    }

    func write(_ bytes: [UInt8], to path: String) throws {
        let file = try #require(fopen(path, "w"), "\(path) cannot be made")
        defer { fclose(file) }
        try #require(fwrite(bytes, 1, bytes.count, file) == bytes.count, "\(path) cannot be written")
    }
}
