import CZstd

/// zstd (RFC 8878): frames and skippable frames one after another, windows up to a bound.
final class ZstdDecoder: StreamDecoder {
    private let context: OpaquePointer
    private(set) var isBetweenMembers = true
    private let windowLog: Int32

    init(limits: DecompressionLimits) throws(DecodeFailure) {
        guard let context = ZSTD_createDCtx() else { throw .outOfMemory }
        self.context = context
        windowLog = limits.zstdWindowLog
        let result = ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, windowLog)
        precondition(ZSTD_isError(result) == 0, "a zstd window of 2^\(windowLog) bytes is not possible")
    }

    deinit { ZSTD_freeDCtx(context) }

    func decode(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer, isLast: Bool
    ) -> DecodeStep {
        // Without input, a call between frames would begin another one.
        if input.isEmpty, isBetweenMembers { return DecodeStep() }
        var from = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        var to = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
        let result = ZSTD_decompressStream(context, &to, &from)
        let failure = ZSTD_isError(result) != 0 ? failure(result) : nil
        isBetweenMembers = result == 0
        return DecodeStep(consumed: from.pos, produced: to.pos, failure: failure)
    }

    private func failure(_ result: Int) -> DecodeFailure {
        switch ZSTD_getErrorCode(result) {
        case ZSTD_error_frameParameter_windowTooLarge:
            DecodeFailure(
                kind: .excessive, reason: "zstd data needs a window above \(1 << (windowLog - 20)) MiB",
                hint: "decompress it with `zstd -dc --long=31` and pipe it in")
        case ZSTD_error_memory_allocation: .outOfMemory
        default: .damaged("zstd", String(cString: ZSTD_getErrorName(result)).lowercased())
        }
    }
}
