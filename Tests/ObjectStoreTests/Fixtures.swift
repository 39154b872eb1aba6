import Checksums
import Glibc
import ObjectStore
import Testing

func body(_ bytes: [UInt8]) -> ObjectBody { ObjectBody(content: .bytes(bytes), sha256: sha256(bytes)) }

func body(file path: String, _ bytes: [UInt8]) -> ObjectBody {
    ObjectBody(content: .file(path: path, length: UInt64(bytes.count)), sha256: sha256(bytes))
}

/// The error of `request`; nil, and an issue, where it succeeds.
func failure(_ request: () async throws(StoreError) -> Void) async -> StoreError? {
    do throws(StoreError) {
        try await request()
        Issue.record("succeeded where an error was expected")
        return nil
    } catch { return error }
}

/// A directory of its own, removed with all that is in it at the end of `body`.
func withTemporaryDirectory<Answer>(in parent: String = "/tmp", _ body: (String) async throws -> Answer) async throws
    -> Answer
{
    var template = Array("\(parent)/firn-store-tests-XXXXXX".utf8CString)
    let path = try #require(
        template.withUnsafeMutableBufferPointer { mkdtemp($0.baseAddress!).map { String(cString: $0) } })
    defer { removeTree(path) }
    return try await body(path)
}

func removeTree(_ path: String) {
    for name in names(in: path) where unlink("\(path)/\(name)") != 0 { removeTree("\(path)/\(name)") }
    rmdir(path)
}

/// The names in a directory but `.` and `..`; none where there is no directory.
func names(in path: String) -> [String] {
    guard let stream = opendir(path) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
            String(cString: UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self))
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
}

func write(_ bytes: [UInt8], to path: String) throws {
    let file = try #require(fopen(path, "w"), "\(path)")
    defer { fclose(file) }
    try #require(fwrite(bytes, 1, bytes.count, file) == bytes.count)
}

func status(_ path: String) throws -> stat {
    var status = stat()
    try #require(lstat(path, &status) == 0, "\(path)")
    return status
}
