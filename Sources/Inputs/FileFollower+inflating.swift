import ArchiveTypes

/// Reading compressed files: decompressed, from where their generation was read to. One at a time is open, and it is
/// not begun before it has stood unchanged for a while, so that what writes it has finished.
extension FileFollower {
    mutating func readCompressed(
        _ file: Followed<View.File>, _ handle: View.File, into buffer: inout [UInt8]
    ) throws(InputError) -> FollowedPiece? {
        if let other = inflating, other != file.key, files[other]?.inflation != nil {
            enqueue(file)
            return nil
        }
        guard let inflation = try inflation(of: file, handle) else {
            file.isRewritten = !file.isCutShort && file.problem == nil
            file.needsCheck = false
            return nil
        }
        file.needsCheck = false
        let failure = fill(&buffer, from: inflation)
        let end = inflation.hasEnded ? buffer.count : endOfLastLine(in: buffer) ?? buffer.count
        inflation.carry = Array(buffer[end...])
        buffer.removeLast(buffer.count - end)
        if inflation.hasEnded, inflation.carry.isEmpty { finish(file, failure) } else { enqueue(file) }
        guard end > 0 else {
            events.append(.continued(file.checkpoint))
            return nil
        }
        if file.position < UInt64(ContentMark.headBytes), file.position == file.head?.end ?? 0 {
            learnHead(of: file, buffer)
        }
        return take(buffer, from: file, nil)
    }

    private func learnHead(of file: Followed<View.File>, _ bytes: [UInt8]) {
        guard file.position == 0 else { return }
        file.learnHead(Array(bytes.prefix(ContentMark.headBytes)))
    }

    /// What is being decompressed of the file, begun where it was read to; nil where it does not hold that.
    private mutating func inflation(
        of file: Followed<View.File>, _ handle: View.File
    ) throws(InputError) -> Inflation? {
        if let inflation = file.inflation { return inflation }
        let source = try (file.compression ?? .none).decompress(
            OpenFileSource(handle, name: file.path.description), limits: settings.decompression)
        if file.position > 0 {
            var check = MarkCheck(file.checkpoint.marks, upTo: file.position)
            guard try check.skim(source, to: file.position) else { return nil }
            file.unchecked = []
            file.tail = check.tail
        }
        let inflation = Inflation(source)
        file.inflation = inflation
        inflating = file.key
        return inflation
    }

    /// Fills the buffer with a piece, or to the end of the file. What was decompressed before a failure stays.
    private func fill(_ buffer: inout [UInt8], from inflation: Inflation) -> InputError? {
        buffer.removeAll(keepingCapacity: true)
        buffer.append(contentsOf: inflation.carry)
        let from = buffer.count
        buffer.append(contentsOf: repeatElement(0, count: settings.pieceBytes - from))
        var failure: InputError?
        let filled = buffer.withUnsafeMutableBytes { bytes -> Int in
            var filled = from
            while filled < bytes.count, !inflation.hasEnded {
                do throws(InputError) {
                    let count = try inflation.source.read(
                        into: UnsafeMutableRawBufferPointer(rebasing: bytes[filled...]))
                    filled += count
                    inflation.hasEnded = count == 0
                } catch {
                    failure = error
                    inflation.hasEnded = true
                }
            }
            return filled
        }
        buffer.removeLast(buffer.count - filled)
        return failure
    }

    /// Nothing more comes out of the file as it is now. If it is damaged or cut off, it is read on when it changes.
    private mutating func finish(_ file: Followed<View.File>, _ failure: InputError?) {
        file.exhaustedAt = file.size
        file.isDrained = true
        deflate(file)
        if let failure { report(failure, of: file) } else { file.problem = nil }
    }

    mutating func deflate(_ file: Followed<View.File>) {
        file.inflation = nil
        if inflating == file.key { inflating = nil }
    }
}
