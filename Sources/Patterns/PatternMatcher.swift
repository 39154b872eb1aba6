import CPCRE2

/// Matches lines against one pattern. For one thread at a time.
package final class PatternMatcher {
    /// Far above what sensible patterns need on a line, far below what a catastrophic one would take: about 50 ms.
    private static let matchLimit: UInt32 = 1_000_000
    private static let heapLimitKiB: UInt32 = 16 << 10
    private static let jitStackBytes = (least: 32 << 10, greatest: 1 << 20)

    private let pattern: LinePattern
    private let data: OpaquePointer?
    private let context: OpaquePointer?
    private let stack: OpaquePointer?

    package enum Verdict { case match, noMatch, gaveUp }

    package init(_ pattern: LinePattern) {
        self.pattern = pattern
        data = pcre2_match_data_create_8(1, nil)
        context = pcre2_match_context_create_8(nil)
        stack = pcre2_jit_stack_create_8(Self.jitStackBytes.least, Self.jitStackBytes.greatest, nil)
        guard let context else { return }
        pcre2_set_match_limit_8(context, Self.matchLimit)
        pcre2_set_heap_limit_8(context, Self.heapLimitKiB)
        if let stack { pcre2_jit_stack_assign_8(context, nil, UnsafeMutableRawPointer(stack)) }
    }

    deinit {
        pcre2_match_data_free_8(data)
        pcre2_match_context_free_8(context)
        pcre2_jit_stack_free_8(stack)
    }

    /// Whether the pattern matches anywhere in `line`, which is without its newline.
    package func verdict(_ line: UnsafeRawBufferPointer) -> Verdict {
        switch match(line, from: 0) {
        case 0...: .match
        case Int32(PCRE2_ERROR_NOMATCH): .noMatch
        default: .gaveUp
        }
    }

    /// Calls `use` with each match in `line`, from left to right, none of which overlap.
    /// - Returns: false where the pattern exceeded its limits: there may be more.
    package func matches(in line: UnsafeRawBufferPointer, _ use: (Range<Int>) -> Void) -> Bool {
        var start = 0
        while start <= line.count {
            let result = match(line, from: start)
            guard result >= 0 else { return result == Int32(PCRE2_ERROR_NOMATCH) }
            guard let vector = data.flatMap(pcre2_get_ovector_pointer_8) else { return false }
            // Within lookarounds, \K can put the beginning behind the end (pcre2api(3), "How pcre2_match() returns").
            let found = vector[0]..<max(vector[0], vector[1])
            if !found.isEmpty { use(found) }
            start = found.isEmpty ? start + 1 : max(found.upperBound, start + 1)
        }
        return true
    }

    private func match(_ line: UnsafeRawBufferPointer, from start: Int) -> Int32 {
        var nothing: UInt8 = 0
        return withUnsafePointer(to: &nothing) { empty in
            let bytes = line.baseAddress?.assumingMemoryBound(to: UInt8.self) ?? empty
            return pcre2_match_8(pattern.code, bytes, line.count, start, 0, data, context)
        }
    }
}
