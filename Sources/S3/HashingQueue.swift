import Checksums
import Dispatch
import Glibc
import ObjectStore

/// Digests of whole objects, which take a tenth of a second for 64 MiB: away from the cooperative pool.
struct HashingQueue: Sendable {
    struct Unreadable: Error, CustomStringConvertible {
        var description: String
    }

    private let queue = DispatchQueue(label: "firn.s3.hashing", attributes: .concurrent)

    /// What takes less than a millisecond or so is computed where it is asked for.
    private static let inlineLimit = 256 << 10
    private static let pieceBytes = 256 << 10

    func digest(_ algorithm: Digest.Algorithm, of bytes: [UInt8]) async -> [UInt8] {
        if bytes.count <= Self.inlineLimit { return Self.digest(algorithm, bytes) }
        return await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: Self.digest(algorithm, bytes)) }
        }
    }

    func digest(_ algorithm: Digest.Algorithm, of content: ObjectBody.Content) async throws(Unreadable) -> [UInt8] {
        switch content {
        case .bytes(let bytes): return await digest(algorithm, of: bytes)
        case .file(let path, let length):
            let result: Result<[UInt8], Unreadable> = await withCheckedContinuation { continuation in
                queue.async { continuation.resume(returning: Self.digest(algorithm, path: path, length: length)) }
            }
            return try result.get()
        }
    }

    private static func digest(_ algorithm: Digest.Algorithm, _ bytes: [UInt8]) -> [UInt8] {
        let digest = Digest(algorithm)
        digest.update(bytes)
        return digest.finish()
    }

    private static func digest(_ algorithm: Digest.Algorithm, path: String, length: UInt64) -> Result<
        [UInt8], Unreadable
    > {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return .failure(Unreadable(description: "cannot open \(path): \(reason())")) }
        defer { close(descriptor) }
        let digest = Digest(algorithm)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceBytes, alignment: 64)
        defer { buffer.deallocate() }
        var left = length
        while left > 0 {
            let count = read(descriptor, buffer.baseAddress, Int(min(left, UInt64(pieceBytes))))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return .failure(Unreadable(description: "cannot read \(path): \(reason())")) }
            guard count > 0 else {
                return .failure(Unreadable(description: "\(path) has \(length - left) bytes instead of \(length)"))
            }
            digest.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            left -= UInt64(count)
        }
        return .success(digest.finish())
    }

    private static func reason() -> String { String(cString: strerror(errno)) }
}
