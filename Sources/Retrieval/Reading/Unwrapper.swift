import ArchiveTypes
import ChunkFormat
import EventTime
import Glibc

/// Takes a container runtime's wrapping off the lines of a block and joins those that it took apart. For one thread at a
/// time.
///
/// The lines stay where they are in memory: what is left of them is never longer. A line that goes on in later blocks is
/// completed from what the piece brings along (`Piece.rests`); one that began in the piece before is that one's.
final class Unwrapper {
    /// The line of a stream that is being joined.
    private struct Joining {
        var bytes: [UInt8] = []
        var time: Nanoseconds = 0
        /// The record that it begins with.
        var first: UInt32 = 0
        var isActive = false
    }

    /// The time of a stream's line that has not ended.
    private enum Opening: Equatable {
        case closed
        case time(Nanoseconds)
        /// Whatever comes goes on with it.
        case anyTime

        func holds(_ time: Nanoseconds) -> Bool {
            switch self {
            case .closed: false
            case .time(let open): open == time
            case .anyTime: true
            }
        }
    }

    private var joining = [Joining(), Joining()]
    private var opening = [Opening.closed, .closed]
    /// By line: the record that it begins with.
    private var firsts: [UInt32] = []
    private var order: [UInt32] = []
    /// Lines written, and their bytes.
    private var count = 0
    private var length = 0

    /// - Parameters:
    ///   - buffer: all of the block, with its records' ends and times.
    ///   - wrapping: that of `header`.
    func unwrap(
        _ buffer: consuming LineBuffer, _ header: BlockHeader, _ wrapping: BlockWrapping, _ piece: Piece
    ) -> BlockLines {
        var buffer = buffer
        let cut = BlockLines.cut(piece, header, buffer.table.ends)
        let isOpen =
            buffer.lines.last != UInt8(ascii: "\n")
            && (header.positions.count == header.rawLength || header.continuesAfter)
        var lines = BlockLines(
            startsInsideLine: header.continuesBefore && cut.lowerBound == 0,
            endsInsideLine: isOpen && cut.upperBound == buffer.lines.count)
        begin(wrapping, piece)
        lines.origins.reserveCapacity(buffer.table.ends.count)
        let pass = Pass(
            kind: wrapping.kind, cut: cut, startsInside: header.continuesBefore, endsInside: isOpen,
            joinsBefore: piece.predecessor != nil)
        run(pass, &buffer, &lines.origins)
        finish(piece, &buffer, &lines.origins)
        (lines.bytes, lines.ends, lines.times) = (buffer.lines, buffer.table.ends, buffer.table.times)
        sort(&lines)
        return lines
    }

    /// What a stream's line that began before the piece goes on with in it.
    struct Head {
        var bytes: [UInt8]
        /// The line does not end in the piece.
        var goesOn: Bool
    }

    /// - Parameter takesUnknown: where the block does not know whether a line is open at its beginning, one is.
    /// - Returns: nil where no line of the stream is open at the piece's beginning.
    func head(
        of stream: Int, _ buffer: consuming LineBuffer, _ header: BlockHeader, _ wrapping: BlockWrapping,
        _ piece: Piece,
        takesUnknown: Bool
    ) -> Head? {
        let cut = BlockLines.cut(piece, header, buffer.table.ends)
        var open = wrapping.openBefore[stream].map(Opening.time) ?? .closed
        if wrapping.isBeginningUnknown, takesUnknown, cut.lowerBound == 0 { open = .anyTime }
        var head = Head(bytes: [], goesOn: true)
        return buffer.lines.withUnsafeBytes { bytes -> Head? in
            var start = 0
            for (index, end) in buffer.table.ends.enumerated() {
                let line = UnsafeRawBufferPointer(rebasing: bytes[start..<Int(end)]).withoutNewline
                let first = start
                start = Int(end)
                if first >= cut.upperBound { break }
                if first >= cut.lowerBound, open == .closed { return nil }
                guard let record = wrapping.kind.record(line), record.stream.index == stream else { continue }
                let continues = open.holds(buffer.table.times[index])
                if first >= cut.lowerBound {
                    guard continues else { return head.bytes.isEmpty ? nil : Head(bytes: head.bytes, goesOn: false) }
                    append(wrapping.kind, line, record, to: &head.bytes)
                    if !record.isPartial { return Head(bytes: head.bytes, goesOn: false) }
                }
                if !continues || open == .anyTime { open = .time(buffer.table.times[index]) }
                if !record.isPartial { open = .closed }
            }
            return open == .closed ? nil : head
        }
    }

    private func begin(_ wrapping: BlockWrapping, _ piece: Piece) {
        (count, length) = (0, 0)
        firsts.removeAll(keepingCapacity: true)
        for stream in 0..<2 {
            joining[stream].isActive = false
            opening[stream] = wrapping.openBefore[stream].map(Opening.time) ?? .closed
            if wrapping.isBeginningUnknown, piece.openBefore[stream] { opening[stream] = .anyTime }
        }
    }
}

extension Unwrapper {
    private struct Pass {
        var kind: LineWrapping
        var cut: Range<Int>
        var startsInside: Bool
        var endsInside: Bool
        /// The piece before this one takes what goes on from it.
        var joinsBefore: Bool
    }

    private func run(_ pass: Pass, _ buffer: inout LineBuffer, _ origins: inout [UInt8]) {
        let recordCount = buffer.table.ends.count
        buffer.lines.withUnsafeMutableBytes { bytes in
            buffer.table.ends.withUnsafeMutableBufferPointer { ends in
                buffer.table.times.withUnsafeMutableBufferPointer { times in
                    var target = Target(bytes: bytes, ends: ends, times: times)
                    var start = 0
                    for index in 0..<recordCount {
                        let end = Int(ends[index])
                        if start >= pass.cut.upperBound { break }
                        let isPart =
                            (index == 0 && pass.startsInside) || (index == recordCount - 1 && pass.endsInside)
                        take(index, start..<end, isPart: isPart, pass, &target, &origins)
                        start = end
                    }
                }
            }
        }
    }

    /// The block's memory: read at a record, written at or before it.
    private struct Target {
        let bytes: UnsafeMutableRawBufferPointer
        let ends: UnsafeMutableBufferPointer<UInt32>
        let times: UnsafeMutableBufferPointer<Nanoseconds>
    }

    @inline(__always)
    private func take(
        _ index: Int, _ range: Range<Int>, isPart: Bool, _ pass: Pass, _ target: inout Target, _ origins: inout [UInt8]
    ) {
        let isShown = range.lowerBound >= pass.cut.lowerBound
        let time = target.times[index]
        let whole = UnsafeRawBufferPointer(rebasing: target.bytes[range])
        let line = whole.withoutNewline
        guard !(index == 0 && pass.startsInside), let record = pass.kind.record(line) else {
            if isShown {
                write(whole, endsLine: whole.count > line.count, isPart: isPart, &target)
                keep(UInt32(index), time, 0, &target, &origins)
            }
            return
        }
        let stream = record.stream.index
        if opening[stream] != .closed {
            if opening[stream].holds(time) {
                if opening[stream] == .anyTime { opening[stream] = .time(time) }
                return goOn(index, line, record, time, pass, isShown: isShown, &target, &origins)
            }
            opening[stream] = .closed
            if joining[stream].isActive { end(stream, &target, &origins) }
        }
        guard record.isPartial, !isPart else {
            guard isShown else { return }
            write(pass.kind, line, record, endsLine: !isPart, &target)
            return keep(UInt32(index), time, record.stream.rawValue, &target, &origins)
        }
        opening[stream] = .time(time)
        if isShown { start(stream, UInt32(index), pass.kind, line, record, time) }
    }

    private func start(
        _ stream: Int, _ index: UInt32, _ kind: LineWrapping, _ line: UnsafeRawBufferPointer, _ record: WrappedRecord,
        _ time: Nanoseconds
    ) {
        joining[stream].bytes.removeAll(keepingCapacity: true)
        (joining[stream].time, joining[stream].first, joining[stream].isActive) = (time, index, true)
        append(kind, line, record, to: &joining[stream].bytes)
    }

    /// A record that goes on with its stream's line.
    private func goOn(
        _ index: Int, _ line: UnsafeRawBufferPointer, _ record: WrappedRecord, _ time: Nanoseconds, _ pass: Pass,
        isShown: Bool, _ target: inout Target, _ origins: inout [UInt8]
    ) {
        let stream = record.stream.index
        if joining[stream].isActive {
            append(pass.kind, line, record, to: &joining[stream].bytes)
        } else if isShown, !pass.joinsBefore {
            // Its beginning is not there: the rest stands for itself.
            start(stream, UInt32(index), pass.kind, line, record, time)
        }
        guard !record.isPartial else { return }
        opening[stream] = .closed
        if joining[stream].isActive { end(stream, &target, &origins) }
    }

    /// Writes the line that was joined.
    private func end(_ stream: Int, _ target: inout Target, _ origins: inout [UInt8]) {
        joining[stream].isActive = false
        joining[stream].bytes.withUnsafeBytes { write($0, endsLine: false, isPart: false, &target) }
        keep(joining[stream].first, joining[stream].time, UInt8(stream + 1), &target, &origins)
    }

    private func append(
        _ kind: LineWrapping, _ line: UnsafeRawBufferPointer, _ record: WrappedRecord, to bytes: inout [UInt8]
    ) {
        let content = UnsafeRawBufferPointer(rebasing: line[record.content])
        if kind == .cri {
            bytes.append(contentsOf: content)
        } else {
            JSONString.append(content, to: &bytes)
        }
    }

    @inline(__always)
    private func write(
        _ kind: LineWrapping, _ line: UnsafeRawBufferPointer, _ record: WrappedRecord, endsLine: Bool,
        _ target: inout Target
    ) {
        let content = UnsafeRawBufferPointer(rebasing: line[record.content])
        guard let base = target.bytes.baseAddress else { return }
        if kind == .cri {
            if let source = content.baseAddress { memmove(base + length, source, content.count) }
            length += content.count
        } else {
            length += JSONString.unescape(content, to: base + length)
        }
        guard endsLine else { return }
        target.bytes[length] = UInt8(ascii: "\n")
        length += 1
    }

    /// As it is. A part of a line keeps what it has for an end; whatever else lacks its newline gets one.
    private func write(
        _ bytes: UnsafeRawBufferPointer, endsLine: Bool, isPart: Bool, _ target: inout Target
    ) {
        guard let base = target.bytes.baseAddress else { return }
        if let source = bytes.baseAddress { memmove(base + length, source, bytes.count) }
        length += bytes.count
        guard !endsLine, !isPart, length < target.bytes.count else { return }
        target.bytes[length] = UInt8(ascii: "\n")
        length += 1
    }

    @inline(__always)
    private func keep(
        _ first: UInt32, _ time: Nanoseconds, _ origin: UInt8, _ target: inout Target, _ origins: inout [UInt8]
    ) {
        target.ends[count] = UInt32(length)
        target.times[count] = time
        origins.append(origin)
        firsts.append(first)
        count += 1
    }

    /// Completes what is open at the piece's end, and forgets what is left of the records.
    private func finish(_ piece: Piece, _ buffer: inout LineBuffer, _ origins: inout [UInt8]) {
        buffer.lines.removeLast(buffer.lines.count - length)
        buffer.table.ends.removeLast(buffer.table.ends.count - count)
        buffer.table.times.removeLast(buffer.table.times.count - count)
        for stream in 0..<2 where joining[stream].isActive {
            buffer.lines += joining[stream].bytes
            buffer.lines += piece.rests[stream]
            buffer.lines.append(UInt8(ascii: "\n"))
            buffer.table.ends.append(UInt32(buffer.lines.count))
            buffer.table.times.append(joining[stream].time)
            origins.append(UInt8(stream + 1))
            firsts.append(joining[stream].first)
            joining[stream].isActive = false
        }
    }

    /// Puts lines that were joined, or that have the time of an earlier one, where they belong: by time, and by their
    /// first records. A part of a line stays at its end of the piece.
    private func sort(_ lines: inout BlockLines) {
        let first = lines.startsInsideLine ? 1 : 0
        let range = first..<max(first, lines.ends.count - (lines.endsInsideLine ? 1 : 0))
        let times = lines.times
        guard !range.dropFirst().allSatisfy({ times[$0 - 1] <= times[$0] && firsts[$0 - 1] < firsts[$0] }) else {
            return
        }
        order.removeAll(keepingCapacity: true)
        order.append(contentsOf: (0..<UInt32(lines.ends.count)))
        order[range].sort { left, right in
            let (one, other) = (times[Int(left)], times[Int(right)])
            return one == other ? firsts[Int(left)] < firsts[Int(right)] : one < other
        }
        lines = lines.reordered(order)
    }
}

extension BlockLines {
    fileprivate func reordered(_ order: [UInt32]) -> BlockLines {
        var lines = BlockLines(startsInsideLine: startsInsideLine, endsInsideLine: endsInsideLine)
        lines.bytes.reserveCapacity(bytes.count)
        for index in order.lazy.map(Int.init) {
            lines.bytes += bytes[(index == 0 ? 0 : Int(ends[index - 1]))..<Int(ends[index])]
            lines.ends.append(UInt32(lines.bytes.count))
            lines.times.append(times[index])
            lines.origins.append(origins[index])
        }
        return lines
    }
}
