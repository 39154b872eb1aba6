/// A decompressor that is fed piece by piece, over any number of members (frames, streams) one after another.
protocol StreamDecoder: AnyObject {
    init(limits: DecompressionLimits) throws(DecodeFailure)

    /// Decodes from `input` into `output`, as far as either reaches. `isLast`: no input comes after this. Not called
    /// again after a failure.
    func decode(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer, isLast: Bool
    ) -> DecodeStep

    /// Whether the input may end here.
    var isBetweenMembers: Bool { get }
}

struct DecodeStep {
    var consumed = 0
    var produced = 0
    /// What stopped it, after `produced` good bytes.
    var failure: DecodeFailure?
}

struct DecodeFailure: Error {
    var kind: InputError.Kind
    var reason: String
    var hint: String?

    static let outOfMemory = DecodeFailure(kind: .failed, reason: "not enough memory to decompress it")

    static func damaged(_ format: String, _ detail: String) -> DecodeFailure {
        DecodeFailure(
            kind: .damaged, reason: "damaged \(format) data: \(detail)",
            hint: "fetch or restore an intact copy of the file")
    }
}

/// What decompressing one file may take of memory. Its output is a stream and needs no bound.
package struct DecompressionLimits: Sendable, Hashable {
    /// Binary logarithm of the largest zstd window, in bytes. 27 is what `zstd -d` accepts, and `--long` writes.
    package var zstdWindowLog: Int32 = 27
    /// `xz -9` needs 65 MiB.
    package var xzBytes: UInt64 = 256 << 20

    package init() {}
}
