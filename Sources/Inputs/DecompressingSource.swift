/// The decompressed bytes of a file. Buffers are of fixed size, however far the file expands.
final class DecompressingSource<Decoder: StreamDecoder>: ByteSource {
    private let file: any ByteSource
    private let decoder: Decoder
    private let input = UnsafeMutableRawBufferPointer.allocate(byteCount: 128 << 10, alignment: 16)
    /// The part of `input` that waits to be decoded.
    private var waiting: Range<Int> = 0..<0
    private var fileEnded = false
    /// Bytes of the file that were decoded.
    private var consumed: UInt64 = 0
    private var failure: InputError?

    var name: String { file.name }

    init(_ file: any ByteSource, _: Decoder.Type, limits: DecompressionLimits) throws(InputError) {
        self.file = file
        do throws(DecodeFailure) {
            decoder = try Decoder(limits: limits)
        } catch {
            throw InputError(error.kind, path: file.name, error.reason, hint: error.hint)
        }
    }

    deinit { input.deallocate() }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(InputError) -> Int {
        var produced = 0
        while produced < buffer.count, failure == nil {
            do throws(InputError) {
                let step = try step(into: UnsafeMutableRawBufferPointer(rebasing: buffer[produced...]))
                produced += step.produced
                if step.consumed == 0, step.produced == 0, fileEnded, waiting.isEmpty { break }
            } catch {
                failure = error
            }
        }
        if produced == 0, let failure { throw failure }
        return produced
    }

    /// One call of the decoder. No progress at the end of the file is the end, unless a member is still open.
    private func step(into output: UnsafeMutableRawBufferPointer) throws(InputError) -> DecodeStep {
        if waiting.isEmpty, !fileEnded { try refill() }
        let rest = UnsafeRawBufferPointer(rebasing: input[waiting])
        let step = decoder.decode(rest, into: output, isLast: fileEnded)
        waiting = waiting.lowerBound + step.consumed..<waiting.upperBound
        consumed += UInt64(step.consumed)
        if let problem = step.failure {
            failure = located(problem)
            return step
        }
        guard step.consumed == 0, step.produced == 0 else { return step }
        if !waiting.isEmpty { throw located(.damaged("compressed", "nothing can be decoded")) }
        if fileEnded, !decoder.isBetweenMembers {
            throw InputError(
                .truncated, path: name, offset: consumed, "compressed data is cut off",
                hint: "what came before was read; fetch or restore the whole file")
        }
        return step
    }

    private func refill() throws(InputError) {
        let count = try file.read(into: input)
        waiting = 0..<count
        fileEnded = count == 0
    }

    private func located(_ failure: DecodeFailure) -> InputError {
        InputError(failure.kind, path: name, offset: consumed, failure.reason, hint: failure.hint)
    }
}

extension Compression {
    /// What `source` holds, decompressed.
    func decompress(_ source: any ByteSource, limits: DecompressionLimits) throws(InputError) -> any ByteSource {
        switch self {
        case .none: source
        case .gzip: try DecompressingSource(source, GzipDecoder.self, limits: limits)
        case .zstd: try DecompressingSource(source, ZstdDecoder.self, limits: limits)
        case .xz: try DecompressingSource(source, XzDecoder.self, limits: limits)
        case .bzip2: try DecompressingSource(source, Bzip2Decoder.self, limits: limits)
        }
    }
}
