import CSystem
import Patterns

/// Judges lines by a `TextCondition`. For one thread at a time.
final class TextFilter {
    private let condition: TextCondition
    private let matcher: PatternMatcher?
    /// Lines on which the regular expression exceeded its limits since this was last set to 0.
    var undecided = 0

    init(_ condition: TextCondition) {
        self.condition = condition
        matcher = condition.pattern.map(PatternMatcher.init)
    }

    var acceptsAll: Bool { condition.isNone }

    /// Whether a line of `lines` can possibly match: all texts occur somewhere.
    func mayMatch(within lines: UnsafeRawBufferPointer) -> Bool {
        condition.match.allSatisfy { Self.contains(lines, $0) }
    }

    /// Whether one line matches. `line` is without its newline.
    func accepts(_ line: UnsafeRawBufferPointer) -> Bool { matches(line) && !isExcluded(line) }

    func matches(_ line: UnsafeRawBufferPointer) -> Bool {
        guard condition.match.allSatisfy({ Self.contains(line, $0) }) else { return false }
        guard let matcher else { return true }
        switch matcher.verdict(line) {
        case .match: return true
        case .noMatch: return false
        case .gaveUp:
            undecided += 1
            return false
        }
    }

    func isExcluded(_ line: UnsafeRawBufferPointer) -> Bool {
        condition.exclude.contains { Self.contains(line, $0) }
    }

    /// The lines of `lines` that match, as ascending indices within `range`, appended to `accepted`.
    /// - Parameter ends: the exclusive end of each line, its newline included.
    func collect(
        _ lines: UnsafeRawBufferPointer, ends: UnsafeBufferPointer<UInt32>, range: Range<Int>,
        into accepted: inout [UInt32]
    ) {
        guard let rarest = condition.match.first else {
            for index in range where accepts(lines.line(index, ends)) { accepted.append(UInt32(index)) }
            return
        }
        var index = range.lowerBound
        while index < range.upperBound {
            let rest = UnsafeRawBufferPointer(
                rebasing: lines[lines.start(of: index, ends)..<Int(ends[range.upperBound - 1])])
            guard let hit = Self.offset(of: rarest, in: rest) else { return }
            index = Self.lineIndex(of: lines.start(of: index, ends) + hit, ends, from: index)
            if accepts(lines.line(index, ends)) { accepted.append(UInt32(index)) }
            index += 1
        }
    }

    /// The line that holds the byte at `offset`: galloping from `first`, since hits are near or far.
    private static func lineIndex(of offset: Int, _ ends: UnsafeBufferPointer<UInt32>, from first: Int) -> Int {
        var low = first
        var step = 1
        while low + step < ends.count, Int(ends[low + step - 1]) <= offset {
            low += step
            step *= 2
        }
        var high = min(low + step, ends.count)
        while low < high {
            let middle = (low + high) / 2
            if Int(ends[middle]) <= offset { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private static func contains(_ bytes: UnsafeRawBufferPointer, _ text: [UInt8]) -> Bool {
        firn_memmem(bytes.baseAddress, bytes.count, text, text.count) != nil
    }

    private static func offset(of text: [UInt8], in bytes: UnsafeRawBufferPointer) -> Int? {
        guard let start = bytes.baseAddress, let hit = firn_memmem(start, bytes.count, text, text.count) else {
            return nil
        }
        return hit - start
    }
}

extension UnsafeRawBufferPointer {
    func start(of index: Int, _ ends: UnsafeBufferPointer<UInt32>) -> Int { index == 0 ? 0 : Int(ends[index - 1]) }

    /// A line without its newline.
    func line(_ index: Int, _ ends: UnsafeBufferPointer<UInt32>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: self[start(of: index, ends)..<Int(ends[index])]).withoutNewline
    }

    var withoutNewline: UnsafeRawBufferPointer {
        last == UInt8(ascii: "\n") ? UnsafeRawBufferPointer(rebasing: dropLast()) : self
    }
}
