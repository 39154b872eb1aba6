import CPCRE2

/// A compiled regular expression over bytes (PCRE2, pcre2pattern(3)), for use by any number of matchers at once.
///
/// Patterns see bytes, not characters: lines need not be UTF-8, and UTF mode cannot be switched on from inside a pattern.
package final class LinePattern: @unchecked Sendable {
    // Immutable once compiled: pcre2api(3), "Multithreading".
    let code: OpaquePointer
    package let text: String

    /// - Throws: what is wrong with the pattern and where in it.
    package init(_ text: String) throws(PatternError) {
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

    private static func message(_ problem: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 256)
        let length = pcre2_get_error_message_8(problem, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(0, Int(length))), as: UTF8.self)
    }
}
