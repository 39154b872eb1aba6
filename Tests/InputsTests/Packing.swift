import CDecompress
import CZstd
import Inputs

/// Whole compressed files, as the programs that rotate logs write them.
enum Packing: CaseIterable {
    case gzip, zstd, xz

    var ending: String {
        switch self {
        case .gzip: ".gz"
        case .zstd: ".zst"
        case .xz: ".xz"
        }
    }

    func pack(_ bytes: [UInt8]) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: bytes.count * 2 + 4096)
        let count = output.withUnsafeMutableBufferPointer { output in
            switch self {
            case .gzip: Self.gzip(bytes, output)
            case .zstd: ZSTD_compress(output.baseAddress, output.count, bytes, bytes.count, 3)
            case .xz: Self.xz(bytes, output)
            }
        }
        precondition(count > 0 && count < output.count)
        return Array(output[..<count])
    }

    private static func gzip(_ bytes: [UInt8], _ output: UnsafeMutableBufferPointer<UInt8>) -> Int {
        var stream = z_stream()
        let size = Int32(MemoryLayout<z_stream>.size)
        precondition(
            deflateInit2_(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, zlibVersion(), size) == Z_OK)
        defer { deflateEnd(&stream) }
        return bytes.withUnsafeBufferPointer { input in
            stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
            stream.avail_in = UInt32(input.count)
            stream.next_out = output.baseAddress
            stream.avail_out = UInt32(output.count)
            precondition(deflate(&stream, Z_FINISH) == Z_STREAM_END)
            return output.count - Int(stream.avail_out)
        }
    }

    private static func xz(_ bytes: [UInt8], _ output: UnsafeMutableBufferPointer<UInt8>) -> Int {
        var position = 0
        let result = lzma_easy_buffer_encode(
            1, LZMA_CHECK_CRC64, nil, bytes, bytes.count, output.baseAddress, &position, output.count)
        precondition(result == LZMA_OK)
        return position
    }
}
