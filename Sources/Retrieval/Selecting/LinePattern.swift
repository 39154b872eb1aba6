import CPCRE2

/// A compiled regular expression over bytes (PCRE2, pcre2pattern(3)), for use by any number of matchers at once.
///
/// Patterns see bytes, not characters: lines need not be UTF-8, and UTF mode cannot be switched on from inside a pattern.
package final class LinePattern: @unchecked Sendable {
    // Immutable once compiled: pcre2api(3), "Multithreading".
    fileprivate let code: OpaquePointer
    package let text: String

    /// - Throws: what is wrong with the pattern and where in it.
    package init(_ text: String) throws(SelectionError) {
        let options = UInt32(PCRE2_NEVER_UTF) | UInt32(PCRE2_NEVER_UCP)
        var problem: Int32 = 0
        var offset = 0
        let bytes = Array(text.utf8)
        let code = pcre2_compile_8(bytes, bytes.count, options, &problem, &offset, nil)
        guard let code else { throw .pattern(text, offset: offset, reason: Self.message(problem)) }
        // Where the machine allows no JIT, matching goes on by interpretation.
        pcre2_jit_compile_8(code, UInt32(PCRE2_JIT_COMPLETE))
        self.code = code
        self.text = text
    }

    deinit { pcre2_code_free_8(code) }

    fileprivate static func message(_ problem: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 256)
        let length = pcre2_get_error_message_8(problem, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(0, Int(length))), as: UTF8.self)
    }
}

/// Matches lines against one pattern. For one thread at a time.
final class PatternMatcher {
    /// Far above what sensible patterns need on a line, far below what a catastrophic one would take: about 50 ms.
    private static let matchLimit: UInt32 = 1_000_000
    private static let heapLimitKiB: UInt32 = 16 << 10
    private static let jitStackBytes = (least: 32 << 10, greatest: 1 << 20)

    private let pattern: LinePattern
    private let data: OpaquePointer?
    private let context: OpaquePointer?
    private let stack: OpaquePointer?

    enum Verdict { case match, noMatch, gaveUp }

    init(_ pattern: LinePattern) {
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
    func verdict(_ line: UnsafeRawBufferPointer) -> Verdict {
        var nothing: UInt8 = 0
        let result = withUnsafePointer(to: &nothing) { empty in
            let start = line.baseAddress?.assumingMemoryBound(to: UInt8.self) ?? empty
            return pcre2_match_8(pattern.code, start, line.count, 0, 0, data, context)
        }
        switch result {
        case 0...: return .match
        case Int32(PCRE2_ERROR_NOMATCH): return .noMatch
        default: return .gaveUp
        }
    }
}
