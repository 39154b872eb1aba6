import ArchiveTypes
import ObjectStore
import Testing

/// Many requests at once, cancelled ones, and keys that nobody should ask for.
extension StoreConformance {
    func mixedLoad() async throws {
        try await each(of: Array(0..<24)) { worker in
            var generator = SeededGenerator(seed: UInt64(worker))
            let bytes = randomBytes(Int.random(in: 1...60_000, using: &generator), seed: 1000 + UInt64(worker))
            let key = "mixed/\(worker % 4)/\(worker)"
            _ = try await store.put(key, body(bytes))
            for _ in 0..<4 {
                let offset = Int.random(in: 0..<bytes.count, using: &generator)
                let length = Int.random(in: 1...(bytes.count - offset), using: &generator)
                let data = try await store.get(key, .bytes(offset: UInt64(offset), length: UInt64(length)))
                expect(
                    data.bytes, equals: Array(bytes[offset..<offset + length]), "\(key) from \(offset), \(length) bytes"
                )
            }
            #expect(try await store.size(key) == UInt64(bytes.count), "\(key)")
            #expect(try await keys(prefix: key).contains(key), "\(key) in its listing")
            if worker % 3 == 0 { try await store.delete(key) }
        }
        let left = (0..<24).filter { $0 % 3 != 0 }.map { "mixed/\($0 % 4)/\($0)" }.sorted { $0.isBefore($1) }
        #expect(try await keys(prefix: "mixed/") == left)
    }

    func cancelledBefore() async {
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

    func cancelledDuring() async throws {
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
            case .success(let got): expect(got, equals: bytes, "an answer is whole")
            case .failure(let error): #expect(error.kind == .cancelled)
            }
        }
        try await expect("object", holds: bytes)
    }

    func hostileKeys() async {
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
