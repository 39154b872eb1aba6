import ArchiveTypes

/// Varint kind (`LineWrapping`); varint of flags: bit 0 the beginning is unknown, bit 1 records join, bits 2 and 3 stdout
/// and stderr are open before the block, bits 4 and 5 after it; for each stream that is open before, a signed varint: the
/// time of the open line minus the block's least time.
extension BlockWrapping {
    func encoded(least: Nanoseconds) -> [UInt8] {
        var flags: UInt64 = (isBeginningUnknown ? 1 : 0) | (joins ? 2 : 0)
        for stream in 0..<2 {
            if openBefore[stream] != nil { flags |= 4 << stream }
            if openAfter[stream] { flags |= 16 << stream }
        }
        var bytes = varints([UInt64(kind.rawValue), flags])
        for time in openBefore.compactMap({ $0 }) { bytes.append(signedVarint: time &- least) }
        return bytes
    }

    /// Nil where the kind is one of a later version: then the lines are shown as they are.
    static func decode(
        _ value: ArraySlice<UInt8>, least: Nanoseconds?
    ) throws(FormatError) -> BlockWrapping? {
        guard let least else { throw FormatError(.damaged, at: 0, "wrapping without clocks") }
        var reader = ByteReader(value)
        do throws(MalformedBytes) {
            let code = try reader.readVarint()
            guard let kind = UInt8(exactly: code).flatMap(LineWrapping.init) else { return nil }
            let flags = try reader.readVarint()
            guard flags < 64 else { return nil }
            var openBefore: [Nanoseconds?] = [nil, nil]
            for stream in 0..<2 where flags & (4 << UInt64(stream)) != 0 {
                openBefore[stream] = least &+ (try reader.readSignedVarint())
            }
            guard reader.isAtEnd else { throw MalformedBytes("wrapping goes on after its end", at: reader.offset) }
            return BlockWrapping(
                kind, openBefore: openBefore, openAfter: [flags & 16 != 0, flags & 32 != 0], joins: flags & 2 != 0,
                isBeginningUnknown: flags & 1 != 0)
        } catch {
            throw FormatError(error)
        }
    }
}
