import ArchiveTypes
import Checksums
import Glibc
import ObjectStore
import Testing

/// What every store must do, whatever it is made of. One check is run on one empty store:
///
///     @Test(arguments: StoreConformance.Check.allCases)
///     func conforms(_ check: StoreConformance.Check) async throws {
///         try await StoreConformance(store: emptyStore(), expecting: .init(preventsOverwrite: true)).run(check)
///     }
package struct StoreConformance: Sendable {
    /// In what stores may differ.
    package struct Expectations: Sendable {
        /// A PUT of a held key never changes the object.
        package var preventsOverwrite: Bool
        /// A PUT whose bytes are not what its digest says is refused.
        package var checksDigests: Bool
        /// Keys of the listing checks; some servers are slow.
        package var keysToList: Int

        package init(preventsOverwrite: Bool, checksDigests: Bool = false, keysToList: Int = 2500) {
            self.preventsOverwrite = preventsOverwrite
            self.checksDigests = checksDigests
            self.keysToList = keysToList
        }
    }

    package enum Check: String, Sendable, CaseIterable, CustomTestStringConvertible {
        case roundTripsOfAnySize = "what was put is got again: 0 bytes, 1 byte, all byte values, 5 MiB"
        case fileBodies = "a sealed file becomes an object, and stays what it was"
        case ranges = "ranges give exactly their bytes and the object's size"
        case suffixes = "suffixes give the last bytes, or the whole object"
        case impossibleRanges = "ranges that the object does not hold whole are errors"
        case sizes = "the size is the object's"
        case missingObjects = "a missing object is not found"
        case listingInOrder = "listings give all keys in byte order, page by page"
        case listingAfterAnyKey = "a listing goes on after any key, held or not"
        case listingByPrefix = "a prefix selects by bytes, with or without a slash at its end"
        case listingNothing = "a listing of nothing is empty and complete"
        case deletion = "a deleted object is gone, and deleting it again succeeds"
        case puttingAgain = "putting a held key again leaves the object readable, and unchanged where promised"
        case puttingOtherBytes = "other bytes under a held key never become a mixture, and are refused where promised"
        case sixteenPutsAtOnce = "of 16 puts of a key at once, one creates it where promised, and the object is whole"
        case wrongDigests = "a body that is not what its digest says is not stored where promised"
        case mixedLoad = "any mix of requests at once gives each its own answer"
        case cancelledBefore = "a cancelled task gets the error that says so"
        case cancelledDuring = "a get that is cancelled under way ends, with its answer or as cancelled"
        case hostileKeys = "keys that could mean something else are refused"

        package var testDescription: String { rawValue }
    }

    private let store: any ObjectStore
    private let expected: Expectations

    /// - Parameter store: empty at the beginning of each check.
    package init(store: any ObjectStore, expecting expected: Expectations) {
        self.store = store
        self.expected = expected
    }

    package func run(_ check: Check) async throws {
        switch check {
        case .roundTripsOfAnySize: try await roundTripsOfAnySize()
        case .fileBodies: try await fileBodies()
        case .ranges: try await ranges()
        case .suffixes: try await suffixes()
        case .impossibleRanges: try await impossibleRanges()
        case .sizes: try await sizes()
        case .missingObjects: try await missingObjects()
        case .listingInOrder: try await listingInOrder()
        case .listingAfterAnyKey: try await listingAfterAnyKey()
        case .listingByPrefix: try await listingByPrefix()
        case .listingNothing: try await listingNothing()
        case .deletion: try await deletion()
        case .puttingAgain: try await puttingAgain()
        case .puttingOtherBytes: try await puttingOtherBytes()
        case .sixteenPutsAtOnce: try await sixteenPutsAtOnce()
        case .wrongDigests: try await wrongDigests()
        case .mixedLoad: try await mixedLoad()
        case .cancelledBefore: await cancelledBefore()
        case .cancelledDuring: try await cancelledDuring()
        case .hostileKeys: await hostileKeys()
        }
    }
}

// MARK: Objects

extension StoreConformance {
    private func roundTripsOfAnySize() async throws {
        for (name, bytes) in [
            ("empty", []), ("one", [0]), ("all", Array(0...255)), ("large", randomBytes(5 << 20, seed: 1)),
        ] {
            let result = try await store.put("objects/\(name)", body(bytes))
            #expect(result.outcome == .created, "\(name)")
            #expect(abs(result.storeTime - WallClock.now()) < .perDay, "\(name): the store's clock is far off")
            try await expect("objects/\(name)", holds: bytes)
        }
    }

    private func fileBodies() async throws {
        let bytes = randomBytes(3 << 20, seed: 2)
        let path = "/tmp/firn-conformance-\(getpid())-\(UInt64.random(in: .min ... .max))"
        try write(bytes, to: path)
        defer { unlink(path) }
        let content = ObjectBody.Content.file(path: path, length: UInt64(bytes.count))
        let result = try await store.put("files/sealed", ObjectBody(content: content, sha256: sha256(bytes)))
        #expect(result.outcome == .created)
        try await expect("files/sealed", holds: bytes)
        #expect(access(path, F_OK) == 0, "the file is the caller's and must stay")
        let again = try await store.put("files/again", ObjectBody(content: content, sha256: sha256(bytes)))
        #expect(again.outcome == .created)
        try await expect("files/again", holds: bytes)
        unlink(path)
        try await expect("files/sealed", holds: bytes)
    }

    private func ranges() async throws {
        let bytes = randomBytes(100_000, seed: 3)
        _ = try await store.put("object", body(bytes))
        for (offset, length) in [(0, 1), (0, 100_000), (99_999, 1), (50_000, 1), (12_345, 54_321), (1, 99_999)] {
            let data = try await store.get("object", .bytes(offset: UInt64(offset), length: UInt64(length)))
            #expect(data.bytes == Array(bytes[offset..<offset + length]), "bytes \(offset) to \(offset + length)")
            #expect(data.objectSize == 100_000, "bytes \(offset) to \(offset + length)")
        }
    }

    private func suffixes() async throws {
        let bytes = randomBytes(1000, seed: 4)
        _ = try await store.put("object", body(bytes))
        for length in [1, 17, 999, 1000, 1001, 1 << 40] as [UInt64] {
            let data = try await store.get("object", .suffix(length: length))
            #expect(data.bytes == Array(bytes.suffix(Int(length))), "the last \(length) bytes")
            #expect(data.objectSize == 1000, "the last \(length) bytes")
        }
    }

    private func impossibleRanges() async throws {
        _ = try await store.put("object", body(randomBytes(1000, seed: 5)))
        for offset in [1000, 1001, 1 << 40] as [UInt64] {
            await expect(.rangeNotSatisfiable, when: "from byte \(offset)") { [store] () async throws(StoreError) in
                _ = try await store.get("object", .bytes(offset: offset, length: 1))
            }
        }
        await expect(.corrupt, .rangeNotSatisfiable, when: "partly past the end") {
            [store] () async throws(StoreError) in
            _ = try await store.get("object", .bytes(offset: 999, length: 2))
        }
        for range in [.bytes(offset: 0, length: 0), .suffix(length: 0)] as [ObjectRange] {
            await expect(.rejected, when: "\(range) has no bytes") { [store] () async throws(StoreError) in
                _ = try await store.get("object", range)
            }
        }
    }

    private func sizes() async throws {
        for count in [0, 1, 65_537] {
            _ = try await store.put("sizes/\(count)", body(randomBytes(count, seed: 6)))
            #expect(try await store.size("sizes/\(count)") == UInt64(count))
        }
    }

    private func missingObjects() async throws {
        _ = try await store.put("there/object", body([1]))
        for key in ["missing", "there/missing", "missing/object"] {
            await expect(.notFound, when: "get \(key)") { [store] () async throws(StoreError) in
                _ = try await store.get(key, .whole)
            }
            await expect(.notFound, when: "get a range of \(key)") { [store] () async throws(StoreError) in
                _ = try await store.get(key, .bytes(offset: 0, length: 1))
            }
            await expect(.notFound, when: "size of \(key)") { [store] () async throws(StoreError) in
                _ = try await store.size(key)
            }
        }
    }

    private func deletion() async throws {
        _ = try await store.put("a/one", body([1]))
        _ = try await store.put("a/two", body([2]))
        for _ in 1...2 {
            try await store.delete("a/one")
            await expect(.notFound, when: "get after delete") { [store] () async throws(StoreError) in
                _ = try await store.get("a/one", .whole)
            }
        }
        try await store.delete("never/was")
        #expect(try await keys(prefix: "") == ["a/two"])
        #expect(try await store.put("a/one", body([3])).outcome == .created)
        try await expect("a/one", holds: [3])
    }
}

// MARK: Listing

extension StoreConformance {
    /// Neighbours whose order depends on comparing whole keys by bytes; none is another's folder.
    private static let neighbours = [
        "list/A", "list/a", "list/b-", "list/b-x/1", "list/b.", "list/b.x", "list/b/-", "list/b/0", "list/b/z/z",
        "list/b0", "list/b00/x", "list/ba", "list/c_1", "list/c~", "list/z",
    ]

    private func putListed() async throws -> [String] {
        let numbered = (0..<max(0, expected.keysToList - Self.neighbours.count)).map { number in
            "list/n\(number % 5)/\(String(number * 7919 % 10_007, radix: 36))-\(number)"
        }
        let keys = (Self.neighbours + numbered).shuffled(using: 7)
        try await each(of: keys) { _ = try await store.put($0, body(Array($0.utf8))) }
        return keys.sorted { $0.isBefore($1) }
    }

    private func listingInOrder() async throws {
        let keys = try await putListed()
        for limit in [1000, 999, 251] {
            var found: [String] = []
            var last: String?
            while true {
                let page = try await store.list(prefix: "list/", after: last, limit: limit)
                #expect(page.entries.count == min(limit, keys.count - found.count), "a full page of \(limit)")
                #expect(page.entries.allSatisfy { $0.size == UInt64($0.key.utf8.count) }, "sizes of a page")
                found += page.entries.map(\.key)
                last = page.entries.last?.key
                #expect(page.isTruncated == (found.count < keys.count), "after \(found.count) keys of \(keys.count)")
                guard page.isTruncated, !page.entries.isEmpty else { break }
            }
            #expect(found == keys, "pages of \(limit)")
        }
        #expect(try await self.keys(prefix: "") == keys, "listAll of everything")
    }

    private func listingAfterAnyKey() async throws {
        try await each(of: Self.neighbours) { _ = try await store.put($0, body([])) }
        let sorted = Self.neighbours.sorted { $0.isBefore($1) }
        let others = [
            "list/", "list/b", "list/b/", "list/b/1", "list/b.w", "list/b00/", "list/b00/y", "list/zz", "m", "l",
        ]
        for after in sorted + others {
            let page = try await store.list(prefix: "list/", after: after, limit: 3)
            let rest = sorted.filter { after.isBefore($0) }
            #expect(page.entries.map(\.key) == Array(rest.prefix(3)), "after \(after)")
            #expect(page.isTruncated == (rest.count > 3), "after \(after)")
        }
    }

    private func listingByPrefix() async throws {
        try await each(of: Self.neighbours) { _ = try await store.put($0, body([])) }
        let sorted = Self.neighbours.sorted { $0.isBefore($1) }
        for prefix in [
            "", "l", "list", "list/", "list/b", "list/b/", "list/b/z", "list/b0", "list/c", "list/z", "list/b-x/",
        ] {
            #expect(try await keys(prefix: prefix) == sorted.filter { $0.hasPrefix(prefix) }, "prefix \(prefix)")
        }
    }

    private func listingNothing() async throws {
        for prefix in ["", "nothing", "nothing/here/"] {
            let page = try await store.list(prefix: prefix, after: nil, limit: 1000)
            #expect(page.entries.isEmpty && !page.isTruncated, "prefix \(prefix) of an empty store")
        }
        _ = try await store.put("something", body([1]))
        let page = try await store.list(prefix: "nothing/", after: nil, limit: 10)
        #expect(page.entries.isEmpty && !page.isTruncated)
        #expect(abs(page.storeTime - WallClock.now()) < .perDay, "the store's clock is far off")
    }
}

// MARK: Objects that are held

extension StoreConformance {
    private func puttingAgain() async throws {
        let bytes = randomBytes(10_000, seed: 8)
        _ = try await store.put("held/object", body(bytes))
        let again = try await store.put("held/object", body(bytes))
        if expected.preventsOverwrite { #expect(again.outcome == .alreadyHeld) }
        try await expect("held/object", holds: bytes)
    }

    private func puttingOtherBytes() async throws {
        let bytes = randomBytes(10_000, seed: 9)
        let others = randomBytes(20_000, seed: 10)
        _ = try await store.put("held/object", body(bytes))
        let result = try await store.put("held/object", body(others))
        if expected.preventsOverwrite { #expect(result.outcome == .alreadyHeld) }
        try await expect("held/object", holds: result.outcome == .created ? others : bytes)
    }

    private func sixteenPutsAtOnce() async throws {
        let bodies = (0..<16).map { randomBytes(50_000, seed: 100 + UInt64($0)) }
        let outcomes = try await withThrowingTaskGroup(of: PutResult.Outcome.self) { group in
            for bytes in bodies { group.addTask { try await store.put("raced/object", body(bytes)).outcome } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        if expected.preventsOverwrite { #expect(outcomes.count { $0 == .created } == 1) }
        let held = try await store.get("raced/object", .whole).bytes
        #expect(bodies.contains(held), "the object is none of those that were put")
        #expect(try await keys(prefix: "") == ["raced/object"])
    }

    private func wrongDigests() async throws {
        guard expected.checksDigests else { return }
        let wrong = ObjectBody(content: .bytes([1, 2, 3]), sha256: sha256([1, 2, 4]), md5: md5([1, 2, 4]))
        await expect(.corrupt, .rejected, .transient, when: "a wrong digest") { [store] () async throws(StoreError) in
            _ = try await store.put("damaged", wrong)
        }
        await expect(.notFound, when: "the refused object") { [store] () async throws(StoreError) in
            _ = try await store.size("damaged")
        }
    }
}

// MARK: Many at once, cancellation, keys

extension StoreConformance {
    private func mixedLoad() async throws {
        try await each(of: Array(0..<24)) { worker in
            var generator = SeededGenerator(seed: UInt64(worker))
            let bytes = randomBytes(Int.random(in: 1...60_000, using: &generator), seed: 1000 + UInt64(worker))
            let key = "mixed/\(worker % 4)/\(worker)"
            _ = try await store.put(key, body(bytes))
            for _ in 0..<4 {
                let offset = Int.random(in: 0..<bytes.count, using: &generator)
                let length = Int.random(in: 1...(bytes.count - offset), using: &generator)
                let data = try await store.get(key, .bytes(offset: UInt64(offset), length: UInt64(length)))
                #expect(data.bytes == Array(bytes[offset..<offset + length]), "\(key) from \(offset), \(length) bytes")
            }
            #expect(try await store.size(key) == UInt64(bytes.count), "\(key)")
            #expect(try await keys(prefix: key).contains(key), "\(key) in its listing")
            if worker % 3 == 0 { try await store.delete(key) }
        }
        let left = (0..<24).filter { $0 % 3 != 0 }.map { "mixed/\($0 % 4)/\($0)" }.sorted { $0.isBefore($1) }
        #expect(try await keys(prefix: "mixed/") == left)
    }

    private func cancelledBefore() async {
        let gate = Gate()
        let task = Task { [store] in
            // Ends by the cancellation below, so that the task is cancelled when the request begins.
            _ = await gate.pass()
            do throws(StoreError) {
                _ = try await store.get("object", .whole)
                return StoreError.Kind?.none
            } catch { return error.kind }
        }
        task.cancel()
        #expect(await task.value == .cancelled)
    }

    private func cancelledDuring() async throws {
        let bytes = randomBytes(5 << 20, seed: 11)
        _ = try await store.put("object", body(bytes))
        for turn in 0..<8 {
            let task = Task { [store] in
                do throws(StoreError) {
                    return Result<[UInt8], StoreError>.success(try await store.get("object", .whole).bytes)
                } catch { return .failure(error) }
            }
            for _ in 0..<turn { await Task.yield() }
            task.cancel()
            switch await task.value {
            case .success(let got): #expect(got == bytes, "an answer is whole")
            case .failure(let error): #expect(error.kind == .cancelled)
            }
        }
        try await expect("object", holds: bytes)
    }

    private func hostileKeys() async {
        let long = String(repeating: "x", count: Limits.keySegmentBytes + 1)
        let keys = [
            "", "/", "/etc/passwd", "a//b", "a/", "./a", "../a", "a/../../b", "a/..", ".hidden", "a\nb", "a\u{0}b", "ä",
            long, "a/\(long)", String(repeating: "long/", count: 300) + "x",
        ]
        for key in keys {
            await expect(.rejected, when: "put \(key.debugDescription)") { [store] () async throws(StoreError) in
                _ = try await store.put(key, body([1]))
            }
            await expect(.rejected, when: "get \(key.debugDescription)") { [store] () async throws(StoreError) in
                _ = try await store.get(key, .whole)
            }
            await expect(.rejected, when: "size \(key.debugDescription)") { [store] () async throws(StoreError) in
                _ = try await store.size(key)
            }
            await expect(.rejected, when: "delete \(key.debugDescription)") { [store] () async throws(StoreError) in
                try await store.delete(key)
            }
        }
    }
}

// MARK: Helpers

extension StoreConformance {
    private func body(_ bytes: [UInt8]) -> ObjectBody { ObjectBody(content: .bytes(bytes), sha256: sha256(bytes)) }

    private func randomBytes(_ count: Int, seed: UInt64) -> [UInt8] {
        var generator = SeededGenerator(seed: seed)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count { withUnsafeBytes(of: generator.next()) { bytes.append(contentsOf: $0) } }
        return Array(bytes.prefix(count))
    }

    private func expect(_ key: String, holds bytes: [UInt8]) async throws {
        let data = try await store.get(key, .whole)
        // Not `==` within #expect: a failure would print megabytes.
        let isSame = data.bytes == bytes
        #expect(isSame, "\(key) holds \(data.bytes.count) bytes, not the \(bytes.count) that were put")
        #expect(data.objectSize == UInt64(bytes.count), "\(key)")
    }

    private func expect(
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

    private func keys(prefix: String) async throws -> [String] {
        var keys: [String] = []
        try await store.listAll(prefix: prefix) { page throws(StoreError) in
            keys += page.entries.map(\.key)
            return true
        }
        return keys
    }

    /// All at once, 16 at a time.
    private func each<Element: Sendable>(
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

    private func write(_ bytes: [UInt8], to path: String) throws {
        let file = try #require(fopen(path, "w"), "\(path) cannot be made")
        defer { fclose(file) }
        try #require(fwrite(bytes, 1, bytes.count, file) == bytes.count, "\(path) cannot be written")
    }
}

extension Array {
    fileprivate func shuffled(using seed: UInt64) -> [Element] {
        var generator = SeededGenerator(seed: seed)
        return shuffled(using: &generator)
    }
}
