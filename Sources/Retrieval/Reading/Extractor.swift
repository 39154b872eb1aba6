import ArchiveTypes
import ChunkFormat
import EventTime

/// Selects the lines of one piece and puts them into the order of the answer.
struct Extractor {
    /// A window on the lines of a piece: those after the first `from`, until they have `bytes` bytes.
    struct Window: Sendable {
        var from: Int
        var bytes: Int
    }

    let question: Question
    let piece: Piece
    let facts: BlockFacts
    let window: Window?
    let filter: TextFilter

    /// The lines of the piece fall into three parts: what goes on from the piece before, what stands for itself, and
    /// what may go on in the piece after.
    private struct Parts {
        var head: Range<Int>
        var plain: Range<Int>
        var tail: Range<Int>
        var headGoesOn: Bool
    }

    func extract(_ block: borrowing BlockLines, records: RecordBounds) -> Extract {
        let parts = divide(block, records)
        let head = group(block, parts)
        if let run = contiguousRun(block, parts) {
            let tail = parts.tail.isEmpty || run.upperBound < parts.tail.upperBound ? nil : parts.tail
            return Extract(
                lines: block.bytes, ends: block.ends, keys: block.times, items: run, tail: tail, head: head,
                origins: block.origins, facts: facts, undecided: filter.undecided)
        }
        return compact(block, parts, order(block, parts, records), head)
    }

    private func divide(_ block: borrowing BlockLines, _ records: RecordBounds) -> Parts {
        let count = block.count
        var head = 0
        if piece.predecessor != nil {
            if block.startsInsideLine { head = min(1, count) }
            if question.needsRecords { while head < count, records.continues(head) { head += 1 } }
        }
        var tail = count
        let goesOn = piece.successor != nil && (question.needsRecords || block.endsInsideLine)
        if goesOn, head < count {
            tail = count - 1
            if question.needsRecords { while tail > head, records.continues(tail) { tail -= 1 } }
        }
        return Parts(head: 0..<head, plain: head..<tail, tail: tail..<count, headGoesOn: goesOn && head == count)
    }

    private func group(_ block: borrowing BlockLines, _ parts: Parts) -> LineGroup? {
        guard let last = parts.head.last else { return nil }
        return LineGroup(
            bytes: Array(block.bytes[..<Int(block.ends[last])]), time: block.times[0], goesOn: parts.headGoesOn,
            lineCount: parts.head.count, origin: block.origins.first ?? 0)
    }

    /// The selected lines where they are a run of the block's lines in order: then nothing needs to be copied. A run that
    /// is a small part of the block is better copied, since the block's memory is then free for the next one.
    private func contiguousRun(_ block: borrowing BlockLines, _ parts: Parts) -> Range<Int>? {
        guard filter.acceptsAll, !question.isReversed, window == nil else { return nil }
        let all = parts.head.upperBound..<block.count
        guard Self.isAscending(block.times, all) else { return nil }
        if question.range.from <= piece.row.block.leastTime, piece.row.block.greatestTime < question.range.to {
            return all
        }
        let low = Self.firstIndex(in: all) { block.times[$0] >= question.range.from }
        let run = low..<Self.firstIndex(in: low..<all.upperBound) { block.times[$0] >= question.range.to }
        return run.count >= all.count / 4 ? run : nil
    }

    private static func isAscending(_ times: [Nanoseconds], _ range: Range<Int>) -> Bool {
        times.withUnsafeBufferPointer { times in
            var last = Nanoseconds.min
            for index in range {
                if times[index] < last { return false }
                last = times[index]
            }
            return true
        }
    }

    /// The first index at which `condition` holds, which then holds for all after it.
    private static func firstIndex(in range: Range<Int>, where condition: (Int) -> Bool) -> Int {
        var (low, high) = (range.lowerBound, range.upperBound)
        while low < high {
            let middle = (low + high) / 2
            if condition(middle) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

extension Extractor {
    /// Selected lines in the order of the answer, and where among them the tail stands.
    private struct Order {
        var lines: [UInt32]
        var tail: Range<Int>?
    }

    private func order(_ block: borrowing BlockLines, _ parts: Parts, _ records: RecordBounds) -> Order {
        var lines = select(block, parts.plain, records)
        let times = block.times
        if piece.row.block.leastTime < question.range.from || piece.row.block.greatestTime >= question.range.to {
            lines.removeAll { !question.range.contains(times[Int($0)]) }
        }
        sort(&lines, times, records)
        guard let first = parts.tail.first, question.range.contains(times[first]) else { return Order(lines: lines) }
        let key = question.key(times[first])
        let at = Self.firstIndex(in: 0..<lines.count) { index in
            let other = question.key(times[Int(lines[index])])
            return question.isReversed ? other >= key : other > key
        }
        lines.insert(contentsOf: parts.tail.map(UInt32.init), at: at)
        return Order(lines: lines, tail: at..<at + parts.tail.count)
    }

    private func select(_ block: borrowing BlockLines, _ plain: Range<Int>, _ records: RecordBounds) -> [UInt32] {
        if filter.acceptsAll { return plain.map(UInt32.init) }
        var lines: [UInt32] = []
        block.bytes.withUnsafeBytes { bytes in
            block.ends.withUnsafeBufferPointer { ends in
                if question.wholeRecords {
                    records.forEach(in: plain) { record in
                        if filter.accepts(record: record, bytes, ends) {
                            lines.append(contentsOf: record.map(UInt32.init))
                        }
                    }
                } else if !plain.isEmpty {
                    filter.collect(bytes, ends: ends, range: plain, into: &lines)
                }
            }
        }
        return lines
    }

    /// `lines` is ascending.
    private func sort(_ lines: inout [UInt32], _ times: [Nanoseconds], _ records: RecordBounds) {
        if question.isReversed {
            lines.sort { left, right in
                let (one, other) = (times[Int(left)], times[Int(right)])
                if one != other { return one > other }
                let (first, second) = (records.number(left), records.number(right))
                return first == second ? left < right : first > second
            }
        } else if !lines.indices.dropFirst().allSatisfy({ times[Int(lines[$0 - 1])] <= times[Int(lines[$0])] }) {
            lines.sort { left, right in
                let (one, other) = (times[Int(left)], times[Int(right)])
                return one == other ? left < right : one < other
            }
        }
    }

    /// The lines of `order`, or those of the window on it, copied together; the block's memory can go.
    private func compact(
        _ block: borrowing BlockLines, _ parts: Parts, _ order: Order, _ head: LineGroup?
    ) -> Extract {
        let taken = windowed(block, order)
        var bytes: [UInt8] = []
        var ends: [UInt32] = []
        var keys: [Nanoseconds] = []
        var origins: [UInt8] = []
        ends.reserveCapacity(taken.count)
        keys.reserveCapacity(taken.count)
        for index in taken {
            let line = Int(order.lines[index])
            bytes.append(contentsOf: block.bytes[(line == 0 ? 0 : Int(block.ends[line - 1]))..<Int(block.ends[line])])
            let isTail = order.tail?.contains(index) ?? false
            if !isTail, bytes.last != UInt8(ascii: "\n") { bytes.append(UInt8(ascii: "\n")) }
            ends.append(UInt32(bytes.count))
            keys.append(question.key(block.times[line]))
            if !block.origins.isEmpty { origins.append(block.origins[line]) }
        }
        let tail = order.tail.map { $0.lowerBound - taken.lowerBound..<$0.upperBound - taken.lowerBound }
        return Extract(
            lines: bytes, ends: ends, keys: keys, items: 0..<taken.count,
            tail: tail.flatMap { $0.lowerBound >= 0 && $0.upperBound <= taken.count ? $0 : nil },
            hasTail: order.tail != nil, head: head,
            taken: taken.upperBound < order.lines.count ? taken.upperBound : nil, origins: origins,
            facts: facts,
            undecided: filter.undecided, isCopy: true)
    }

    /// Which of the ordered lines belong to the window: at least one, and the tail whole.
    private func windowed(_ block: borrowing BlockLines, _ order: Order) -> Range<Int> {
        guard let window else { return 0..<order.lines.count }
        let first = min(window.from, order.lines.count)
        var end = first
        var bytes = 0
        while end < order.lines.count,
            bytes < window.bytes || order.tail.map({ $0.contains(end) && $0.lowerBound < end }) ?? false
        {
            let line = Int(order.lines[end])
            bytes += Int(block.ends[line]) - (line == 0 ? 0 : Int(block.ends[line - 1]))
            end += 1
        }
        return first..<end
    }
}

extension TextFilter {
    /// Whether a record is selected: a line of it matches, and none holds a text that excludes.
    func accepts(record: Range<Int>, _ bytes: UnsafeRawBufferPointer, _ ends: UnsafeBufferPointer<UInt32>) -> Bool {
        record.contains { matches(bytes.line($0, ends)) } && !record.contains { isExcluded(bytes.line($0, ends)) }
    }
}
