import ArchiveTypes

/// Reading what there is.
extension FileFollower {
    /// Replaces the content of `buffer`, whose capacity is kept, with the next piece of the next file in turn; nil when
    /// there is nothing to read before the next poll.
    package mutating func next(into buffer: inout [UInt8]) -> FollowedPiece? {
        while let key = ready.popFirst() {
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
        let piece = take(buffer, from: file)
        if isFull { enqueue(file) }
        return piece
    }

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

    private func take(_ bytes: [UInt8], from file: Followed<View.File>) -> FollowedPiece {
        let before = file.tail?.last
        let first = file.position
        file.advance(over: bytes)
        let piece = Piece(
            first: first, count: bytes.count, startsInsideLine: before != nil && before != .newline,
            endsInsideLine: bytes.last != .newline, isLast: false)
        return FollowedPiece(piece: piece, group: file.group, checkpoint: file.checkpoint, modified: file.modified)
    }

    /// Whether the bytes before the position are still what was read there. A file that was truncated and has grown
    /// past the position again cannot be told by its size.
    private func isIntact(_ file: Followed<View.File>, _ handle: View.File) throws(InputError) -> Bool {
        guard file.position > 0 else { return true }
        var bytes = [UInt8](repeating: 0, count: Int(min(file.position, UInt64(FileCheckpoint.tailBytes))))
        let start = file.position - UInt64(bytes.count)
        let count = try bytes.withUnsafeMutableBufferPointer { (buffer) throws(InputError) -> Int in
            try handle.read(at: start, into: UnsafeMutableRawBufferPointer(buffer))
        }
        guard count == bytes.count else { return false }
        if let tail = file.tail { return bytes.suffix(tail.count).elementsEqual(tail) }
        if let expected = file.expectedTail, FileCheckpoint.tailHash(bytes) != expected { return false }
        file.tail = bytes
        return true
    }

    // MARK: Handles

    /// The file's handle, opened by path where there is none; nil where it is no longer there, or no handle can be
    /// spared.
    mutating func handle(of file: Followed<View.File>) -> View.File? {
        if let handle = file.handle { return handle }
        guard openCount < settings.mostOpenFiles || closeOldest() else { return nil }
        do throws(InputError) {
            let handle = try view.open(file.path)
            // Another file may have taken the name since.
            guard try handle.status().key == file.key else { return nil }
            file.handle = handle
            openCount += 1
            opened.append(file.key)
            return handle
        } catch {
            if error.kind != .missing { report(error, of: file) }
            return nil
        }
    }

    mutating func close(_ file: Followed<View.File>) {
        guard file.handle != nil else { return }
        file.handle = nil
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
