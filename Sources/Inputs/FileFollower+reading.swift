import ArchiveTypes

/// Reading what there is.
extension FileFollower {
    /// Replaces the content of `buffer`, whose capacity is kept, with the next piece of the next file in turn; nil when
    /// there is nothing to read before the next poll.
    package mutating func next(into buffer: inout [UInt8]) -> FollowedPiece? {
        // A file that waits for its turn to be decompressed goes to the end once, not for ever.
        var left = ready.count
        while left > 0, let key = ready.popFirst() {
            left -= 1
            guard let file = files[key] else { continue }
            file.isQueued = false
            do throws(InputError) {
                if let piece = try read(file, into: &buffer) { return piece }
            } catch {
                report(error, of: file)
            }
        }
        buffer.removeAll(keepingCapacity: true)
        return nil
    }

    private mutating func read(
        _ file: Followed<View.File>, into buffer: inout [UInt8]
    ) throws(InputError) -> FollowedPiece? {
        guard let handle = handle(of: file) else { return nil }
        if file.compression == nil { file.compression = try handle.compression(named: file.path) }
        return file.isCompressed
            ? try readCompressed(file, handle, into: &buffer) : try readPlain(file, handle, into: &buffer)
    }

    private mutating func readPlain(
        _ file: Followed<View.File>, _ handle: View.File, into buffer: inout [UInt8]
    ) throws(InputError) -> FollowedPiece? {
        // No further than the last poll saw: a quiet file costs what it holds, not a whole buffer.
        let wanted = Int(min(UInt64(settings.pieceBytes), file.size - min(file.size, file.position)))
        let count = try fill(&buffer, wanted, from: handle, at: file.position)
        // After reading: if what stood before the position is unchanged now, what was read belongs to it.
        guard try isIntact(file, handle) else {
            file.isRewritten = true
            return nil
        }
        file.needsCheck = false
        file.problem = nil
        let isFull = count == settings.pieceBytes
        let end = isUnterminatedWanted(file, count, wanted) ? count : endOfLastLine(in: buffer) ?? (isFull ? count : 0)
        file.isDrained = !isFull
        buffer.removeLast(count - end)
        guard end > 0 else { return nil }
        let before = try preceding(file, handle)
        var piece = take(buffer, from: file, handle)
        piece.before = before
        if isFull { enqueue(file) }
        return piece
    }

    /// Lines before the position, once: nobody remembers them after a restart.
    private func preceding(_ file: Followed<View.File>, _ handle: View.File) throws(InputError) -> [UInt8] {
        guard !file.isPreceded else { return [] }
        let count = min(file.position, UInt64(Self.precedingBytes))
        let bytes = try handle.bytes(at: file.position - count, count: Int(count))
        file.isPreceded = true
        guard bytes.count == Int(count) else { return [] }
        guard count < file.position else { return bytes }
        return bytes.firstIndex(of: .newline).map { Array(bytes[($0 + 1)...]) } ?? []
    }

    /// A few of the longest records that container runtimes write.
    private static var precedingBytes: Int { 64 << 10 }

    /// Fills the buffer from the file; it is as long then as what was there, at most `wanted` bytes.
    private func fill(
        _ buffer: inout [UInt8], _ wanted: Int, from handle: View.File, at position: UInt64
    ) throws(InputError) -> Int {
        if buffer.count < wanted { buffer.append(contentsOf: repeatElement(0, count: wanted - buffer.count)) }
        if buffer.count > wanted { buffer.removeLast(buffer.count - wanted) }
        let count = try buffer.withUnsafeMutableBufferPointer { (bytes) throws(InputError) -> Int in
            try handle.read(at: position, into: UnsafeMutableRawBufferPointer(bytes))
        }
        buffer.removeLast(wanted - count)
        return count
    }

    /// Whether what was read goes out to its last byte, newline or not: it stood long enough, and is all of it.
    private func isUnterminatedWanted(_ file: Followed<View.File>, _ count: Int, _ wanted: Int) -> Bool {
        file.isTailDue && count == wanted && count < settings.pieceBytes
    }

    /// `handle` is that of a plain file.
    func take(_ bytes: [UInt8], from file: Followed<View.File>, _ handle: View.File?) -> FollowedPiece {
        let before = file.tail?.last
        let first = file.position
        file.advance(over: bytes)
        if let handle { learn(file, handle, upTo: file.position) }
        let piece = Piece(
            first: first, count: bytes.count, startsInsideLine: before != nil && before != .newline,
            endsInsideLine: bytes.last != .newline, isLast: false)
        var followed = FollowedPiece(
            piece: piece, group: file.group, checkpoint: file.checkpoint, modified: file.modified)
        swap(&followed.previous, &file.previous)
        return followed
    }

    /// Whether the bytes before the position are still what was read there. A file that was truncated and has grown
    /// past the position again cannot be told by its size.
    func isIntact(_ file: Followed<View.File>, _ handle: View.File) throws(InputError) -> Bool {
        guard file.position > 0 else {
            guard let head = file.head else { return true }
            return try handle.holds([head], upTo: head.end)
        }
        let count = Int(min(file.position, UInt64(ContentMark.tailBytes)))
        let bytes = try handle.bytes(at: file.position - UInt64(count), count: count)
        guard bytes.count == count else { return false }
        if let tail = file.tail { return bytes.suffix(tail.count).elementsEqual(tail) }
        guard try handle.holds(file.unchecked, upTo: .max) else { return false }
        file.unchecked = []
        file.tail = bytes
        return true
    }

    // MARK: What a file begins with

    /// Remembers what a plain file begins with, so that its content is known wherever it goes.
    mutating func learn(_ file: Followed<View.File>) {
        guard file.position == 0 || file.head == nil, !file.isCompressed, let handle = file.handle,
            Compression.endingLength(of: file.path.name) == 0
        else { return }
        learn(file, handle, upTo: file.size)
    }

    private func learn(_ file: Followed<View.File>, _ handle: View.File, upTo length: UInt64) {
        guard file.wantsHead(of: length) else { return }
        do throws(InputError) {
            let bytes = try handle.bytes(at: 0, count: Int(min(length, UInt64(ContentMark.headBytes))))
            // Else what was known of it would be forgotten for what another life begins with.
            guard file.mayBegin(with: bytes) else { return file.isRewritten = true }
            file.learnHead(bytes)
        } catch {
            // The next read meets the same and reports it.
            return
        }
    }

    // MARK: Handles

    /// The file's handle, opened by path where there is none; nil where it is no longer there, or no handle can be
    /// spared.
    mutating func handle(of file: Followed<View.File>) -> View.File? {
        if let handle = file.handle { return handle }
        guard openCount < mostOpen || closeOldest() else { return nil }
        do throws(InputError) {
            let handle = try view.open(file.path)
            // Another file may have taken the name since.
            guard try handle.status().key == file.key else { return nil }
            file.handle = handle
            openCount += 1
            opened.append(file.key)
            if file.key.birth == nil, !file.isCompressed, !file.isExhausted, try !isIntact(file, handle) {
                file.isRewritten = true
                file.isOtherFile = true
                return nil
            }
            return handle
        } catch {
            switch error.kind {
            case .missing: pace?.isAllDue = true
            case .exhausted: spareHandles(error)
            default: report(error, of: file)
            }
            return nil
        }
    }

    /// The process may open no more: some are given back, for others to use too, and fewer are held from now on.
    private mutating func spareHandles(_ error: InputError) {
        if mostOpen == settings.mostOpenFiles { events.append(.problem(error)) }
        mostOpen = max(1, openCount - openCount / 8 - 1)
        while openCount > mostOpen, closeOldest() {}
    }

    mutating func close(_ file: Followed<View.File>) {
        guard file.handle != nil else { return }
        file.handle = nil
        if file.inflation != nil { deflate(file) }
        openCount -= 1
    }

    /// Closes the file that was opened first and can be opened again by its path. False where there is none.
    private mutating func closeOldest() -> Bool {
        for _ in 0..<opened.count {
            guard let key = opened.popFirst(), let file = files[key], file.handle != nil else { continue }
            if file.place == .selected {
                close(file)
                return true
            }
            opened.append(key)
        }
        return false
    }

    mutating func report(_ error: InputError, of file: Followed<View.File>) {
        guard file.problem != error else { return }
        file.problem = error
        events.append(.problem(error))
    }
}
