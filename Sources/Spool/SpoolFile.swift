import Checksums
import Glibc

/// A file of the spool that is written at its end. Closed with its last reference.
final class SpoolFile: Sendable {
    let path: String
    private let calls: any FileCalls
    private let descriptor: Int32

    /// Creates `path`, which must not exist.
    convenience init(creating path: String, _ calls: any FileCalls) throws(SpoolError) {
        try self.init(path, calls, O_RDWR | O_CREAT | O_EXCL, "cannot create")
    }

    /// Opens `path` for writing.
    convenience init(opening path: String, _ calls: any FileCalls) throws(SpoolError) {
        try self.init(path, calls, O_RDWR, "cannot open")
    }

    convenience init(reading path: String, _ calls: any FileCalls) throws(SpoolError) {
        try self.init(path, calls, O_RDONLY, "cannot open")
    }

    private init(_ path: String, _ calls: any FileCalls, _ flags: Int32, _ doing: String) throws(SpoolError) {
        self.path = path
        self.calls = calls
        descriptor = try told(doing, path) { () throws(Errno) in try calls.open(path, flags) }
    }

    deinit { calls.close(descriptor) }

    /// Writes all of both pieces at `offset`.
    func write(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer, at offset: UInt64) throws(SpoolError)
    {
        try write(first, at: offset)
        try write(second, at: offset + UInt64(first.count))
    }

    /// Writes all bytes, or throws: what then stands at and after `offset` is unknown.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(SpoolError) {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            do throws(Errno) {
                let count = try calls.write(descriptor, rest, at: offset + UInt64(done))
                guard count > 0 else { throw Errno(ENOSPC) }
                done += count
            } catch {
                guard error.code == EINTR else { throw .system("cannot write", path: path, code: error.code) }
            }
        }
    }

    /// Replaces `buffer` by the `count` bytes at `offset`, which must be there.
    func read(_ count: Int, at offset: UInt64, into buffer: inout [UInt8]) throws(SpoolError) {
        if buffer.count > count { buffer.removeLast(buffer.count - count) }
        if buffer.count < count { buffer.append(contentsOf: repeatElement(0, count: count - buffer.count)) }
        let failure = buffer.withUnsafeMutableBytes { bytes -> SpoolError? in
            do throws(SpoolError) {
                let found = try fill(bytes, at: offset)
                guard found < count else { return nil }
                return SpoolError(.damaged, path: path, reason: "ends before byte \(offset + UInt64(count))")
            } catch { return error }
        }
        if let failure { throw failure }
    }

    /// The whole content.
    func readAll() throws(SpoolError) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let offset = UInt64(bytes.count)
            let found = try buffer.withUnsafeMutableBytes { buffer -> Result<Int, SpoolError> in
                do throws(SpoolError) { return .success(try fill(buffer, at: offset)) } catch { return .failure(error) }
            }.get()
            bytes += buffer[..<found]
            if found < buffer.count { return bytes }
        }
    }

    /// SHA-256 of all bytes.
    func digest() throws(SpoolError) -> [UInt8] {
        let digest = Digest(.sha256)
        var buffer = [UInt8](repeating: 0, count: 1 << 18)
        var offset: UInt64 = 0
        while true {
            let found = try buffer.withUnsafeMutableBytes { buffer -> Result<Int, SpoolError> in
                do throws(SpoolError) { return .success(try fill(buffer, at: offset)) } catch { return .failure(error) }
            }.get()
            buffer.withUnsafeBytes { digest.update(UnsafeRawBufferPointer(rebasing: $0[..<found])) }
            offset += UInt64(found)
            if found < buffer.count { return digest.finish() }
        }
    }

    /// Reads until `buffer` is full or the file ends.
    private func fill(_ buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(SpoolError) -> Int {
        var done = 0
        while done < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            do throws(Errno) {
                let count = try calls.read(descriptor, into: rest, at: offset + UInt64(done))
                if count == 0 { break }
                done += count
            } catch {
                guard error.code == EINTR else { throw .system("cannot read", path: path, code: error.code) }
            }
        }
        return done
    }

    func truncate(to length: UInt64) throws(SpoolError) {
        try told("cannot truncate", path) { () throws(Errno) in try calls.truncate(descriptor, to: length) }
    }

    /// Makes all that was written durable. After an error nothing of this file may be taken as durable (fsync(2)).
    func synchronize() throws(SpoolError) {
        do throws(Errno) { try calls.synchronizeData(descriptor) } catch {
            throw SpoolError(.io, path: path, reason: "cannot sync: \(String(cString: strerror(error.code)))")
        }
    }

    func length() throws(SpoolError) -> UInt64 {
        try told("cannot stat", path) { () throws(Errno) in try calls.length(descriptor) }
    }

    /// Runs `body` on all bytes of the file, mapped: a truncation meanwhile is excluded by the spool's lock.
    /// - Parameter body: may say that it is done with the bytes before an offset: they take no memory then.
    func withMapping<Value>(
        _ body: (UnsafeRawBufferPointer, _ done: (_ offset: Int) -> Void) throws(SpoolError) -> Value
    ) throws(SpoolError) -> Value {
        let length = Int(try length())
        guard length > 0 else { return try body(UnsafeRawBufferPointer(start: nil, count: 0)) { _ in } }
        let bytes = try told("cannot map", path) { () throws(Errno) in try calls.map(descriptor, length: length) }
        defer { calls.unmap(bytes) }
        var forgotten = 0
        return try body(bytes) { offset in
            guard offset - forgotten >= Self.copyBytes else { return }
            let end = offset / Self.copyBytes * Self.copyBytes
            calls.forget(UnsafeRawBufferPointer(rebasing: bytes[forgotten..<end]))
            forgotten = end
        }
    }

    /// Bytes that are moved at a time: a multiple of the size of a page.
    private static let copyBytes = 1 << 20

    /// Writes the first `count` bytes of `source` to the same place here.
    func copy(first count: UInt64, of source: SpoolFile) throws(SpoolError) {
        var buffer: [UInt8] = []
        var done: UInt64 = 0
        while done < count {
            try source.read(Int(min(count - done, UInt64(Self.copyBytes))), at: done, into: &buffer)
            try buffer.withBytes { bytes throws(SpoolError) in try write(bytes, at: done) }
            done += UInt64(buffer.count)
        }
    }
}

/// Gives an error of `body` its place.
func told<Value>(
    _ doing: String, _ path: String, _ body: () throws(Errno) -> Value
) throws(SpoolError) -> Value {
    do throws(Errno) { return try body() } catch { throw .system(doing, path: path, code: error.code) }
}
