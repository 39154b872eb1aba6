import ArchiveTypes
import Glibc
import TestSupport
import Testing

@Suite struct GlobTests {
    /// Against the C library's, which knows the same patterns (as for ASCII).
    @Test func equalsFnmatch() {
        var random = SeededGenerator(seed: 1)
        var matches = 0
        for _ in 0..<50_000 {
            let pattern = text("ab/.*?[]-!\\", &random)
            let sample = text("ab/.", &random)
            guard isPlain(pattern) else { continue }
            let expected = fnmatch(pattern, sample, 0) == 0
            #expect(Glob(pattern).matches(sample) == expected, "\(pattern) on \(sample)")
            matches += expected ? 1 : 0
        }
        #expect(matches > 1000)
    }

    /// Escapes inside of sets and at the end, and sets without end, are where implementations differ.
    private func isPlain(_ pattern: String) -> Bool {
        guard !pattern.hasSuffix("\\") else { return false }
        guard let bracket = pattern.firstIndex(of: "[") else { return true }
        let rest = pattern[pattern.index(after: bracket)...]
        return !pattern.contains("\\") && rest.dropFirst(2).contains("]") && !rest.contains("[")
    }

    private func text(_ alphabet: String, _ random: inout SeededGenerator) -> String {
        String((0..<Int.random(in: 0...7, using: &random)).compactMap { _ in alphabet.randomElement(using: &random) })
    }

    @Test func scalarsAndLiterals() {
        #expect(
            Glob("?mile").matches("émile") && Glob("[é-ü]mile").matches("émile") && !Glob("[!é]mile").matches("émile"))
        #expect(Glob("web-1").literal == "web-1" && Glob("web-1").matches("web-1") && !Glob("web-1").matches("web-12"))
        #expect(Glob("web-*").literal == nil && Glob("web-*").prefix == Array("web-".utf8))
        #expect(Glob(#"a\*b"#).literal == "a*b" && Glob("[").literal == "[" && Glob("a[b").matches("a[b"))
        #expect(Glob("/var/**/x.log").matches("/var/a/b/x.log") && Glob("").matches("") && !Glob("").matches("a"))
    }

    /// Backtracking stays linear in the text for each star.
    @Test func manyStars() {
        let pattern = String(repeating: "a*", count: 30) + "b"
        #expect(!Glob(pattern).matches(String(repeating: "a", count: 5000)))
    }
}
