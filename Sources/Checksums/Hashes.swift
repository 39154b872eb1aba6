private import CCrypto
private import CXXHash

/// XXH64 with seed 0, as zstd uses it (https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md): finds accidents.
package func xxh64(_ bytes: UnsafeRawBufferPointer) -> UInt64 { XXH64(bytes.baseAddress, bytes.count, 0) }

package func xxh64(_ bytes: some Sequence<UInt8>) -> UInt64 {
    bytes.withContiguousStorageIfAvailable { xxh64(UnsafeRawBufferPointer($0)) } ?? xxh64(Array(bytes))
}

/// A digest of OpenSSL's libcrypto, computed piece by piece. Not for use from two threads at once.
package struct Digest: ~Copyable {
    package enum Algorithm: Sendable { case sha256, md5 }

    private let context: OpaquePointer
    private let algorithm: Algorithm

    package init(_ algorithm: Algorithm) {
        guard let context = EVP_MD_CTX_new(),
            EVP_DigestInit_ex(context, algorithm == .sha256 ? EVP_sha256() : EVP_md5(), nil) == 1
        else { preconditionFailure("libcrypto offers no \(algorithm); a FIPS-only build cannot be used") }
        self.context = context
        self.algorithm = algorithm
    }

    /// What goes on from where `other` stands, which goes on by itself.
    package init(copying other: borrowing Digest) {
        guard let context = EVP_MD_CTX_new(), EVP_MD_CTX_copy_ex(context, other.context) == 1 else {
            preconditionFailure("libcrypto has no memory for a digest")
        }
        self.context = context
        algorithm = other.algorithm
    }

    deinit { EVP_MD_CTX_free(context) }

    package func update(_ bytes: UnsafeRawBufferPointer) {
        precondition(EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) == 1, "libcrypto failed to hash")
    }

    package func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

    /// The digest of all that was given: 32 bytes of SHA-256, 16 of MD5.
    package consuming func finish() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 64)
        var length: UInt32 = 0
        precondition(EVP_DigestFinal_ex(context, &digest, &length) == 1, "libcrypto failed to hash")
        return Array(digest[..<Int(length)])
    }
}

package func sha256(_ bytes: [UInt8]) -> [UInt8] {
    let digest = Digest(.sha256)
    digest.update(bytes)
    return digest.finish()
}

package func md5(_ bytes: [UInt8]) -> [UInt8] {
    let digest = Digest(.md5)
    digest.update(bytes)
    return digest.finish()
}

/// HMAC-SHA-256 (RFC 2104), 32 bytes.
package func hmacSHA256(key: [UInt8], _ message: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    var length: UInt32 = 0
    let result = HMAC(EVP_sha256(), key, Int32(key.count), message, message.count, &digest, &length)
    precondition(result != nil && length == 32, "libcrypto failed to sign")
    return digest
}

/// Lower-case hexadecimal.
package func hex(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for byte in bytes {
        text.append(digits[Int(byte >> 4)])
        text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
}

/// XXH64 of pieces that do not lie together.
package enum XXH64Stream {
    package static func hash(_ first: [UInt8], _ second: UnsafeRawBufferPointer) -> UInt64 {
        guard let state = XXH64_createState() else { preconditionFailure("no memory for a hash state of 88 bytes") }
        defer { XXH64_freeState(state) }
        XXH64_reset(state, 0)
        XXH64_update(state, first, first.count)
        if second.count > 0 { XXH64_update(state, second.baseAddress, second.count) }
        return XXH64_digest(state)
    }
}

/// The bytes of lower-case hexadecimal text of an even length; nil for anything else.
package func unhex(_ text: String) -> [UInt8]? {
    func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }
    let digits = Array(text.utf8)
    guard digits.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
        guard let high = digit(digits[index]), let low = digit(digits[index + 1]) else { return nil }
        bytes.append(high << 4 | low)
    }
    return bytes
}
