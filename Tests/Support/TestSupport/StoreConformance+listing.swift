import ArchiveTypes
import ObjectStore
import Testing

/// Listings: order, pages, prefixes.
extension StoreConformance {
    /// Neighbours whose order depends on comparing whole keys by bytes; none is another's folder.
    private var neighbours: [String] {
        ["list/A", "list/a", "list/b/-", "list/b/0", "list/b/z/z", "list/b0", "list/b00/x", "list/ba", "list/c_1"]
            + ["list/c~", "list/z"]
            + (expected.ordersByWholeKeys ? ["list/b-", "list/b-x/1", "list/b.", "list/b.x"] : [])
    }

    private func putListed() async throws -> [String] {
        let numbered = (0..<max(0, expected.keysToList - neighbours.count)).map { number in
            "list/n\(number % 5)/\(String(number * 7919 % 10_007, radix: 36))-\(number)"
        }
        var generator = SeededGenerator(seed: 7)
        let keys = (neighbours + numbered).shuffled(using: &generator)
        try await each(of: keys) { _ = try await store.put($0, body(Array($0.utf8))) }
        return keys.sorted { $0.isBefore($1) }
    }

    func listingInOrder() async throws {
        let keys = try await putListed()
        for limit in [1000, 999, 251] {
            var found: [String] = []
            var last: String?
            while true {
                let page = try await store.list(prefix: "list/", after: last, limit: limit)
                let count = page.entries.count
                #expect(count == min(limit, keys.count - found.count), "a full page of \(limit)")
                let haveTheirSizes = page.entries.allSatisfy { $0.size == UInt64($0.key.utf8.count) }
                #expect(haveTheirSizes, "sizes of a page")
                found += page.entries.map(\.key)
                last = page.entries.last?.key
                #expect(page.isTruncated == (found.count < keys.count), "after \(found.count) keys of \(keys.count)")
                guard page.isTruncated, !page.entries.isEmpty else { break }
            }
            expect(found, equals: keys, "pages of \(limit)")
        }
        expect(try await self.keys(prefix: ""), equals: keys, "listAll of everything")
    }

    func listingAfterAnyKey() async throws {
        try await each(of: neighbours) { _ = try await store.put($0, body([])) }
        let sorted = neighbours.sorted { $0.isBefore($1) }
        let others =
            [
                "list/", "list/b/", "list/b/1", "list/b00/", "list/b00/y", "list/zz", "m", "l",
            ] + (expected.ordersByWholeKeys ? ["list/b", "list/b.w"] : [])
        for after in sorted + others {
            let page = try await store.list(prefix: "list/", after: after, limit: 3)
            let rest = sorted.filter { after.isBefore($0) }
            #expect(page.entries.map(\.key) == Array(rest.prefix(3)), "after \(after)")
            #expect(page.isTruncated == (rest.count > 3), "after \(after)")
        }
    }

    func listingByPrefix() async throws {
        try await each(of: neighbours) { _ = try await store.put($0, body([])) }
        let sorted = neighbours.sorted { $0.isBefore($1) }
        for prefix in [
            "", "l", "list", "list/", "list/b", "list/b/", "list/b/z", "list/b0", "list/c", "list/z", "list/b-x/",
        ] {
            expect(try await keys(prefix: prefix), equals: sorted.filter { $0.hasPrefix(prefix) }, "prefix \(prefix)")
        }
    }

    func listingNothing() async throws {
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
