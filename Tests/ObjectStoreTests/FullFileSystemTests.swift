import Glibc
import ObjectStore
import Testing

/// On a small file system of its own; these need the right to mount.
@Suite(.enabled(if: canMount, "mounting a tmpfs needs root"))
struct FullFileSystemTests {
    @Test func aFullFileSystemSaysSoAndLeavesNothing() async throws {
        try await withTemporaryDirectory { path in
            try #require(mount("firn-tests", path, "tmpfs", 0, "size=1m") == 0)
            defer { umount2(path, Int32(MNT_DETACH)) }
            let store = try DirectoryStore(path: path, name: "small", create: true)
            _ = try await store.put("held", body([UInt8](repeating: 1, count: 400_000)))
            let large = body([UInt8](repeating: 2, count: 900_000))
            let error = await failure { () async throws(StoreError) in _ = try await store.put("large", large) }
            #expect(error?.kind == .full && error?.hint != nil)
            #expect(names(in: path + "/.firn-tmp") == [])
            #expect(try await store.list(prefix: "", after: nil, limit: 10).entries.map(\.key) == ["held"])
            try await store.delete("held")
            #expect(try await store.put("large", large).outcome == .created)
        }
    }

    @Test func aReadOnlyFileSystemIsAConfigurationErrorForWriters() async throws {
        try await withTemporaryDirectory { path in
            try #require(mount("firn-tests", path, "tmpfs", 0, "size=1m") == 0)
            defer { umount2(path, Int32(MNT_DETACH)) }
            let store = try DirectoryStore(path: path, name: "frozen", create: true)
            _ = try await store.put("a/held", body([1]))
            let flags = UInt(MS_REMOUNT) | UInt(MS_RDONLY)
            try #require(mount("firn-tests", path, "tmpfs", flags, nil) == 0)
            for key in ["a/new", "b/new"] {
                let error = await failure { () async throws(StoreError) in _ = try await store.put(key, body([1])) }
                #expect(error?.kind == .configuration, "\(key)")
            }
            #expect(try await store.put("a/held", body([1])).outcome == .alreadyHeld)
            #expect(try await store.get("a/held", .whole).bytes == [1])
        }
    }
}

private let canMount: Bool = {
    var template = Array("/tmp/firn-mount-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { return false }
    defer { rmdir(template) }
    guard mount("firn-tests", template, "tmpfs", 0, "size=64k") == 0 else { return false }
    return umount(template) == 0
}()
