import Checksums
import Glibc
import ObjectStore
import Testing

/// Objects: what is put, got, measured and deleted.
extension StoreConformance {
    func roundTripsOfAnySize() async throws {
        for (name, bytes) in [
            ("empty", []), ("one", [0]), ("all", Array(0...255)), ("large", randomBytes(5 << 20, seed: 1)),
        ] {
            let result = try await store.put("objects/\(name)", body(bytes))
            #expect(result.outcome == .created, "\(name)")
            #expect(abs(result.storeTime - WallClock.now()) < .perDay, "\(name): the store's clock is far off")
            try await expect("objects/\(name)", holds: bytes)
        }
    }

    func fileBodies() async throws {
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

    func ranges() async throws {
        let bytes = randomBytes(100_000, seed: 3)
        _ = try await store.put("object", body(bytes))
        for (offset, length) in [(0, 1), (0, 100_000), (99_999, 1), (50_000, 1), (12_345, 54_321), (1, 99_999)] {
            let data = try await store.get("object", .bytes(offset: UInt64(offset), length: UInt64(length)))
            expect(data.bytes, equals: Array(bytes[offset..<offset + length]), "bytes \(offset) to \(offset + length)")
            #expect(data.objectSize == 100_000, "bytes \(offset) to \(offset + length)")
        }
    }

    func suffixes() async throws {
        let bytes = randomBytes(1000, seed: 4)
        _ = try await store.put("object", body(bytes))
        for length in [1, 17, 999, 1000, 1001, 1 << 40] as [UInt64] {
            let data = try await store.get("object", .suffix(length: length))
            expect(data.bytes, equals: Array(bytes.suffix(Int(length))), "the last \(length) bytes")
            #expect(data.objectSize == 1000, "the last \(length) bytes")
        }
    }

    func impossibleRanges() async throws {
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

    func sizes() async throws {
        for count in [0, 1, 65_537] {
            _ = try await store.put("sizes/\(count)", body(randomBytes(count, seed: 6)))
            #expect(try await store.size("sizes/\(count)") == UInt64(count))
        }
    }

    func missingObjects() async throws {
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

    func deletion() async throws {
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

// MARK: Objects that are held

extension StoreConformance {
    func puttingAgain() async throws {
        let bytes = randomBytes(10_000, seed: 8)
        _ = try await store.put("held/object", body(bytes))
        let again = try await store.put("held/object", body(bytes))
        if expected.preventsOverwrite { #expect(again.outcome == .alreadyHeld) }
        try await expect("held/object", holds: bytes)
    }

    func puttingOtherBytes() async throws {
        let bytes = randomBytes(10_000, seed: 9)
        let others = randomBytes(20_000, seed: 10)
        _ = try await store.put("held/object", body(bytes))
        let result = try await store.put("held/object", body(others))
        if expected.preventsOverwrite { #expect(result.outcome == .alreadyHeld) }
        try await expect("held/object", holds: result.outcome == .created ? others : bytes)
    }

    func sixteenPutsAtOnce() async throws {
        let bodies = (0..<16).map { randomBytes(50_000, seed: 100 + UInt64($0)) }
        let outcomes = try await withThrowingTaskGroup(of: PutResult.Outcome.self) { group in
            for bytes in bodies { group.addTask { try await store.put("raced/object", body(bytes)).outcome } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        if expected.preventsOverwrite { #expect(outcomes.count { $0 == .created } == 1) }
        let held = try await store.get("raced/object", .whole).bytes
        let isWhole = bodies.contains(held)
        #expect(isWhole, "the object is none of those that were put")
        #expect(try await keys(prefix: "") == ["raced/object"])
    }

    func wrongDigests() async throws {
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
