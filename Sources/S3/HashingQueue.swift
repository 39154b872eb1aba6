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
            return try await digest(algorithm, ObjectBody.FilePart(path: path, offset: 0, length: length, ending: []))
        case .part(let part): return try await digest(algorithm, part)
        }
    }

    private func digest(
        _ algorithm: Digest.Algorithm, _ part: ObjectBody.FilePart
    ) async throws(Unreadable) -> [UInt8] {
        let result: Result<[UInt8], Unreadable> = await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: Self.digest(algorithm, of: part)) }
        }
        return try result.get()
    }

    private static func digest(_ algorithm: Digest.Algorithm, _ bytes: [UInt8]) -> [UInt8] {
        let digest = Digest(algorithm)
        digest.update(bytes)
        return digest.finish()
    }

    private static func digest(
        _ algorithm: Digest.Algorithm, of part: ObjectBody.FilePart
    ) -> Result<[UInt8], Unreadable> {
        let path = part.path
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return .failure(Unreadable(description: "cannot open \(path): \(reason())")) }
        defer { close(descriptor) }
        let digest = Digest(algorithm)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceBytes, alignment: 64)
        defer { buffer.deallocate() }
        var left = part.length
        while left > 0 {
            let place = off_t(clamping: part.offset + part.length - left)
            let count = pread(descriptor, buffer.baseAddress, Int(min(left, UInt64(pieceBytes))), place)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return .failure(Unreadable(description: "cannot read \(path): \(reason())")) }
            guard count > 0 else {
                return .failure(Unreadable(description: "\(path) ends \(left) bytes too early"))
            }
            digest.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            left -= UInt64(count)
        }
        digest.update(part.ending)
        return .success(digest.finish())
    }

    private static func reason() -> String { String(cString: strerror(errno)) }
}
