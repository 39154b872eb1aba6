import ArchiveTypes
import Glibc
import ObjectStore
import TestSupport
import Testing

@Suite struct DirectoryStoreTests {
    private func open(_ path: String, create: Bool = true) throws(StoreError) -> DirectoryStore {
        try DirectoryStore(path: path, name: "here", create: create)
    }

    // MARK: Opening

    @Test func readingNeverCreatesAStore() async throws {
        try await withTemporaryDirectory { path in
            let error = await failure { () throws(StoreError) in _ = try open(path + "/missing", create: false) }
            #expect(error?.kind == .configuration && error?.hint != nil)
            #expect("\(try #require(error))".contains(path + "/missing"))
            let store = try open(path, create: false)
            #expect(
                await failure { () async throws(StoreError) in _ = try await store.get("a/b", .whole) }?.kind
                    == .notFound)
            #expect(try await store.list(prefix: "", after: nil, limit: 10).entries == [])
            try await store.delete("a/b")
            #expect(names(in: path) == [])
        }
    }

    /// Readers take hours before the newest manifest's as closed: a clock that goes back must not reach into them.
    @Test func theClockNeverGoesBehindTheNewestManifest() async throws {
        try await withTemporaryDirectory { path in
            let store = try open(path)
            let before = WallClock.now()
            let first = try await store.put("chunks/2026-01-01/00/a", body([1])).storeTime
            #expect(before <= first && first <= WallClock.now())
            for day in ["2098-12-31/23", "2099-01-01/05", "2099-01-01/04"] {
                _ = try await store.put("manifests/\(day)/a", body([1]))
            }
            let hour = try #require(Hour("2099-01-01/05"))
            #expect(try await store.put("chunks/2026-01-01/00/b", body([1])).storeTime == hour.start)
            #expect(try await store.list(prefix: "chunks/", after: nil, limit: 10).storeTime == hour.start)
        }
    }

    @Test func creatingMakesParents() async throws {
        try await withTemporaryDirectory { path in
            let store = try open(path + "/one/two//three/")
            _ = try await store.put("key", body([1]))
            #expect(names(in: path + "/one/two/three") == [".firn-tmp", "key"])
            #expect(try await open(path + "/one/two/three").get("key", .whole).bytes == [1])
        }
    }

    @Test(arguments: ["", "/proc/firn", "/dev/null", "/dev/null/store", "a\0b"])
    func whatCannotBeAStoreIsAConfigurationError(_ path: String) async throws {
        for create in [true, false] {
            let error = await failure { () throws(StoreError) in _ = try open(path, create: create) }
            #expect(
                error?.kind == .configuration,
                "\(path.debugDescription), create \(create): \(String(describing: error))")
        }
    }

    @Test func aStoreThatVanishesIsNotMadeAnew() async throws {
        try await withTemporaryDirectory { path in
            let store = try open(path + "/store")
            _ = try await store.put("a/b", body([1]))
            removeTree(path + "/store")
            for operation in StoreOperation.allCases {
                let error = await failure { () async throws(StoreError) in try await request(operation, of: store) }
                #expect(error?.kind == .configuration, "\(operation)")
            }
            #expect(names(in: path) == [])
            try #require(mkdir(path + "/store", 0o700) == 0)
            #expect(try await store.put("a/b", body([2])).outcome == .created, "it is used again once it is back")
        }
    }

    private func request(_ operation: StoreOperation, of store: DirectoryStore) async throws(StoreError) {
        switch operation {
        case .put: _ = try await store.put("a/b", body([1]))
        case .get: _ = try await store.get("a/b", .whole)
        case .size: _ = try await store.size("a/b")
        case .list: _ = try await store.list(prefix: "", after: nil, limit: 1)
        case .delete: try await store.delete("a/b")
        }
    }

    // MARK: What dies half-way

    /// A writer that dies between write and link leaves a temporary file, and nothing else.
    @Test func halfWrittenObjectsAreInvisibleAndRemovedADayLater() async throws {
        try await withTemporaryDirectory { path in
            let store = try open(path)
            let fresh = path + "/.firn-tmp/1-fresh"
            let stale = path + "/.firn-tmp/1-stale"
            try write([1, 2, 3], to: fresh)
            try write([1, 2, 3], to: stale)
            var times = [timeval(), timeval()]
            times[1].tv_sec = time(nil) - 86_400 - 60
            try #require(utimes(stale, times) == 0)
            #expect(try await store.list(prefix: "", after: nil, limit: 10).entries == [])
            let error = await failure { () async throws(StoreError) in
                _ = try await store.get(".firn-tmp/1-fresh", .whole)
            }
            #expect(error?.kind == .rejected)
            _ = try open(path, create: false)
            #expect(names(in: path + "/.firn-tmp") == ["1-fresh", "1-stale"], "who only reads removes nothing")
            _ = try open(path)
            #expect(names(in: path + "/.firn-tmp") == ["1-fresh"])
        }
    }

    // MARK: File bodies

    @Test func aSealedFileIsLinked() async throws {
        try await withTemporaryDirectory { path in
            let store = try open(path + "/store")
            try write([1, 2, 3], to: path + "/sealed")
            #expect(try await store.put("a/object", body(file: path + "/sealed", [1, 2, 3])).outcome == .created)
            #expect(try status(path + "/sealed").st_ino == status(path + "/store/a/object").st_ino)
            #expect(try await store.put("a/object", body(file: path + "/sealed", [1, 2, 3])).outcome == .alreadyHeld)
        }
    }

    @Test func aFileOfAnotherFileSystemIsCopied() async throws {
        try await withTemporaryDirectory { path in
            try await withTemporaryDirectory(in: "/dev/shm") { other in
                let bytes = [UInt8](repeating: 7, count: 3_000_001)
                try write(bytes, to: other + "/sealed")
                try #require(
                    try status(path).st_dev != status(other).st_dev, "/tmp and /dev/shm are one file system here")
                let store = try open(path)
                #expect(try await store.put("a/object", body(file: other + "/sealed", bytes)).outcome == .created)
                #expect(try await store.get("a/object", .whole).bytes == bytes)
                #expect(names(in: path + "/.firn-tmp") == [])
            }
        }
    }

    @Test func aFileThatIsNotWhatItShouldBeIsRejected() async throws {
        try await withTemporaryDirectory { path in
            let store = try open(path + "/store")
            try write([1, 2, 3], to: path + "/sealed")
            try #require(symlink(path + "/sealed", path + "/symlink") == 0)
            try #require(mkfifo(path + "/fifo", 0o600) == 0)
            for (name, bytes) in [
                ("sealed", [1, 2]), ("symlink", [1, 2, 3]), ("missing", [1]), ("fifo", []), (".", []),
            ] {
                let error = await failure { () async throws(StoreError) in
                    _ = try await store.put("a/object", body(file: "\(path)/\(name)", bytes.map { UInt8($0) }))
                }
                #expect(error?.kind == .rejected, "\(name): \(String(describing: error))")
            }
            #expect(try await store.list(prefix: "", after: nil, limit: 10).entries == [])
        }
    }

    // MARK: What others put there

    @Test func nothingIsWrittenThroughSymbolicLinks() async throws {
        try await withTemporaryDirectory { path in
            let store = try open(path + "/store")
            try #require(mkdir(path + "/outside", 0o700) == 0)
            try write([9], to: path + "/outside/file")
            try #require(symlink("../outside", path + "/store/folder") == 0)
            try #require(symlink("../outside/file", path + "/store/object") == 0)
            try #require(symlink("../outside/new", path + "/store/dangling") == 0)
            for key in ["folder/file", "folder/new", "object", "dangling"] {
                let error = await failure { () async throws(StoreError) in _ = try await store.put(key, body([1])) }
                #expect([.configuration, .rejected].contains(error?.kind), "\(key): \(String(describing: error))")
            }
            let error = await failure { () async throws(StoreError) in try await store.delete("folder/file") }
            #expect(error?.kind == .configuration)
            #expect(names(in: path + "/outside") == ["file"])
            #expect(try await store.list(prefix: "", after: nil, limit: 10).entries == [])
        }
    }

    @Test func keysThatCollideWithFoldersAreRejected() async throws {
        try await withTemporaryDirectory { path in
            let store = try open(path)
            _ = try await store.put("a/b/c", body([1]))
            for key in ["a/b", "a", "a/b/c/d"] {
                let error = await failure { () async throws(StoreError) in _ = try await store.put(key, body([2])) }
                #expect(error?.kind == .rejected, "put \(key)")
                let missing = await failure { () async throws(StoreError) in _ = try await store.get(key, .whole) }
                #expect(missing?.kind == .notFound, "get \(key)")
                try await store.delete(key)
            }
            #expect(try await store.get("a/b/c", .whole).bytes == [1])
        }
    }

    @Test func foreignFilesAreNoObjects() async throws {
        try await withTemporaryDirectory { path in
            let store = try open(path)
            _ = try await store.put("a/object", body([1]))
            try write([1], to: path + "/a/.hidden")
            try write([1], to: path + "/a/ü")
            try write([1], to: path + "/a/line\nbreak")
            try #require(mkfifo(path + "/a/fifo", 0o600) == 0)
            try #require(symlink("object", path + "/a/link") == 0)
            try #require(symlink(".", path + "/a/loop") == 0)
            #expect(try await store.list(prefix: "", after: nil, limit: 10).entries.map(\.key) == ["a/object"])
            let error = await failure { () async throws(StoreError) in _ = try await store.get("a/fifo", .whole) }
            #expect(error?.kind == .notFound)
        }
    }

    @Test func objectsCannotBeWrittenTo() async throws {
        try await withTemporaryDirectory { path in
            _ = try await open(path).put("object", body([1]))
            #expect(try status(path + "/object").st_mode & 0o222 == 0)
            #expect(try status(path + "/object").st_nlink == 1)
        }
    }

    // MARK: Listing

    /// Against sorting and filtering all keys, for random trees, prefixes, places and pages.
    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func listingEqualsBruteForce(seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        try await withTemporaryDirectory { path in
            let store = try open(path)
            let keys = try await putRandomKeys(store, using: &generator)
            for _ in 0..<60 {
                let around = keys[Int.random(in: 0..<keys.count, using: &generator)]
                let prefix = String(around.prefix(Int.random(in: 0...around.count, using: &generator)))
                let after = randomKey(using: &generator)
                let limit = Int.random(in: 1...7, using: &generator)
                let page = try await store.list(prefix: prefix, after: after, limit: limit)
                let wanted = keys.filter { $0.hasPrefix(prefix) && after.isBefore($0) }
                let what: Comment = "seed \(seed), prefix \(prefix), after \(after), limit \(limit)"
                #expect(page.entries.map(\.key) == Array(wanted.prefix(limit)), what)
                #expect(page.isTruncated == (wanted.count > limit), what)
            }
        }
    }

    private func randomKey(using generator: inout SeededGenerator) -> String {
        let segments = (1...Int.random(in: 1...4, using: &generator)).map { _ in
            let length = Int.random(in: 1...3, using: &generator)
            return String((0..<length).map { _ in "a-0~!".randomElement(using: &generator)! })
        }
        return segments.joined(separator: "/")
    }

    /// Keys that collide with folders are refused, which is as well.
    private func putRandomKeys(_ store: DirectoryStore, using generator: inout SeededGenerator) async throws -> [String]
    {
        var keys: Set<String> = []
        for _ in 0..<150 {
            let key = randomKey(using: &generator)
            do throws(StoreError) {
                _ = try await store.put(key, body([1]))
                keys.insert(key)
            } catch { #expect(error.kind == .rejected) }
        }
        return keys.sorted { $0.isBefore($1) }
    }

    /// More empty folders than a page holds lie before the only object.
    @Test func emptyFoldersDoNotEndAListing() async throws {
        try await withTemporaryDirectory { path in
            let store = try open(path)
            for number in 0..<50 { try #require(mkdir("\(path)/empty\(number)", 0o700) == 0) }
            _ = try await store.put("zzz", body([1]))
            let page = try await store.list(prefix: "", after: nil, limit: 2)
            #expect(page.entries.map(\.key) == ["zzz"] && !page.isTruncated)
        }
    }

    @Test(arguments: [0, -1, 1001]) func pagesHaveALimit(_ limit: Int) async throws {
        try await withTemporaryDirectory { path in
            let store = try open(path)
            let error = await failure { () async throws(StoreError) in
                _ = try await store.list(prefix: "", after: nil, limit: limit)
            }
            #expect(error?.kind == .rejected)
        }
    }

    // MARK: Resources

    @Test func descriptorsAreClosedOnAllPaths() async throws {
        try await withTemporaryDirectory { path in
            let store = try open(path + "/store")
            try write([1, 2], to: path + "/sealed")
            for number in 0..<20 {
                _ = try await store.put("a/\(number)/x", body([1]))
                _ = try await store.put("a/\(number)/x", body(file: path + "/sealed", [1, 2]))
                _ = try await store.put("b/\(number)/x", body(file: path + "/sealed", [1, 2]))
                _ = try await store.list(prefix: "a", after: nil, limit: 3)
                try await store.delete("a/\(number)/x")
                for key in ["a/\(number)/x", "a/missing/x", "a", "a/\(number)"] {
                    _ = await failure { () async throws(StoreError) in _ = try await store.get(key, .whole) }
                }
                _ = await failure { () async throws(StoreError) in _ = try await store.put("a", body([1])) }
                _ = await failure { () async throws(StoreError) in
                    _ = try await store.put("c", body(file: path + "/sealed", [1]))
                }
            }
            #expect(openFiles(under: path) == [])
        }
    }

    private func openFiles(under path: String) -> [String] {
        names(in: "/proc/self/fd").compactMap { name in
            var target = [UInt8](repeating: 0, count: 4096)
            let count = target.withUnsafeMutableBufferPointer { buffer in
                readlink(
                    "/proc/self/fd/\(name)",
                    UnsafeMutableRawPointer(buffer.baseAddress!).assumingMemoryBound(to: CChar.self), buffer.count)
            }
            let text = String(decoding: target.prefix(max(0, count)), as: UTF8.self)
            return text.hasPrefix(path) ? text : nil
        }
    }
}
