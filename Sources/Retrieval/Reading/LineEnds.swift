import Glibc

extension [UInt8] {
    /// The exclusive end of each line, its newline included; the last line may lack one. For less than 4 GiB.
    var lineEnds: [UInt32] {
        var ends: [UInt32] = []
        withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            var start = 0
            while start < bytes.count {
                let newline = memchr(base + start, Int32(UInt8(ascii: "\n")), bytes.count - start)
                start = newline.map { UnsafeRawPointer($0) - base + 1 } ?? bytes.count
                ends.append(UInt32(start))
            }
        }
        return ends
    }
}
