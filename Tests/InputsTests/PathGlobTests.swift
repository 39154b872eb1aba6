import Foundation
import Glibc
import Inputs
import Simulation
import TestSupport
import Testing

@Suite struct PathGlobTests {
    @Test(arguments: [
        ("/var/log/*.log", "/var/log/a.log", true), ("/var/log/*.log", "/var/log/a/b.log", false),
        ("/var/log/*.log", "/var/log/.a.log", false), ("/var/log/.*.log", "/var/log/.a.log", true),
        ("/var/**/*.log", "/var/a.log", true), ("/var/**/*.log", "/var/a/b/c.log", true),
        ("/var/**/*.log", "/var/.a/c.log", false), ("/var/**", "/var/a/b", true), ("/var/**", "/var", false),
        ("/a/**/b/**/c", "/a/b/c", true), ("/a/**/b/**/c", "/a/x/b/y/z/c", true), ("/a/**/b/**/c", "/a/x/y/c", false),
        ("/a/?.log", "/a/x.log", true), ("/a/?.log", "/a/é.log", true), ("/a/?.log", "/a/xy.log", false),
        ("/a/[a-c1].log", "/a/b.log", true), ("/a/[!a-c].log", "/a/b.log", false), ("/a/[]x].log", "/a/].log", true),
        ("/a/[^a].log", "/a/b.log", true), ("/a/[a-].log", "/a/-.log", true), ("/a/[à-ü].log", "/a/é.log", true),
        ("/a/{b,c*}/d", "/a/cc/d", true), ("/a/{b,c*}/d", "/a/d/d", false),
        ("/{a,b/c}/*.{log,txt}", "/b/c/x.txt", true),
        ("/a/{b,{c,d}e}", "/a/de", true), ("/a/{,x}y", "/a/y", true), (#"/a/\*"#, "/a/*", true),
        (#"/a/\*"#, "/a/b", false),
        ("/a/*b*c*d", "/a/xxbyyczzd", true), ("/a/*b*c*d", "/a/xxbyyczz", false), ("*.gz", "/any/where/x.gz", true),
        ("/a//./b", "/a/b", true), ("/a/**b", "/a/xb", true), ("/a/**b", "/a/x/b", false),
    ]) func matches(pattern: String, path: String, expected: Bool) throws {
        #expect(try PathGlob(pattern).matches(RawPath(path)) == expected)
    }

    /// fnmatch(3) as an oracle for single names.
    @Test func agreesWithFnmatch() throws {
        var generator = SeededGenerator(seed: 7)
        let pieces = ["a", "b", ".", "*", "?", "[ab]", "[!a]", "[a-c.]", "x", "\\*", "**"]
        var matched = 0
        for _ in 0..<10_000 {
            let pattern = (0..<Int.random(in: 1...5, using: &generator)).map { _ in
                pieces.randomElement(using: &generator)!
            }.joined()
            let name = String(
                (0..<Int.random(in: 1...6, using: &generator)).map { _ in "abx.*".randomElement(using: &generator)! })
            // `**` alone stands for folders, and names no file by itself.
            if pattern == "**" || name == "." || name == ".." || pattern == "." { continue }
            // glibc's takes FNM_PERIOD to mean dots inside of names too, after `*?`.
            let expected = fnmatch(pattern, name, name.hasPrefix(".") ? FNM_PERIOD : 0) == 0
            matched += expected ? 1 : 0
            let actual = try PathGlob("/d/" + pattern).matches(RawPath("/d/" + name))
            if actual != expected { Issue.record("\(pattern) \(name): \(actual)") }
        }
        #expect(matched > 500)
    }

    @Test(arguments: ["", "/a/[b", "/a/{b", "/a/b\\", "/a/[z-a]", "/\0", "/" + String(repeating: "{a,b}", count: 11)])
    func refuses(pattern: String) {
        #expect(throws: InputError.self) { try PathGlob(pattern) }
    }

    @Test func relativePatternsAreNotForIncluding() {
        #expect(throws: InputError.self) { try PathSelection(include: ["*.log"]) }
    }

    @Test func manyStarsTakeLittle() throws {
        let glob = try PathGlob("/" + String(repeating: "*a", count: 200) + "b")
        #expect(!glob.matches(RawPath("/" + String(repeating: "a", count: 2000))))
        let folders = try PathGlob(String(repeating: "/**", count: 500) + "/x")
        #expect(!folders.matches(RawPath(String(repeating: "/a", count: 50))))
    }

    // MARK: Walking

    private func make(_ scratch: Scratch) throws {
        try scratch.run(
            "sh", "-c",
            """
            mkdir -p log/app/deep log/private .hidden log/.git other
            for f in log/a.log log/b.txt log/app/c.log log/app/deep/d.log log/private/e.log log/.git/f.log \\
            other/g.log log/h.log.gz
            do echo x > $f; done
            ln -s ../other log/other-link; ln -s .. log/app/loop; ln -s ../other/g.log log/z.log
            ln -s nowhere log/broken.log
            mkfifo log/pipe.log
            """)
    }

    private func find(
        _ scratch: Scratch, _ include: [String], _ exclude: [String] = [], _ limits: WalkLimits = WalkLimits()
    ) throws
        -> [String]
    {
        let selection = try PathSelection(
            include: include.map { scratch.path + "/" + $0 },
            exclude: exclude.map { $0.contains("/") ? scratch.path + "/" + $0 : $0 })
        let found = FolderWalk.find(selection, in: PosixFileSystem(), limits: limits)
        for file in found.files { #expect(selection.contains(file.path) || file.isLinked) }
        return found.files.map { String($0.path.description.dropFirst(scratch.path.count + 1)) }
    }

    @Test func walksFilesLinksAndLoops() throws {
        let scratch = try Scratch()
        try make(scratch)
        #expect(try find(scratch, ["log/*.log"]) == ["log/a.log", "log/z.log"])
        #expect(
            try find(scratch, ["log/**/*.log"]) == [
                "log/a.log", "log/app/c.log", "log/app/deep/d.log", "log/private/e.log", "log/other-link/g.log",
                "log/z.log",
            ])
        #expect(try find(scratch, ["log/**"], ["*.gz", "log/private/**"]).contains("log/private/e.log") == false)
        #expect(try find(scratch, ["log/**"], ["*.gz"]).contains("log/h.log.gz") == false)
        #expect(
            try find(scratch, ["log/{app,private}/?.log", "log/app/c.log"]) == ["log/app/c.log", "log/private/e.log"])
        #expect(try find(scratch, ["nowhere/*.log"]) == [])
    }

    @Test func findsFilesByTheirRealPathFirst() throws {
        let scratch = try Scratch()
        try make(scratch)
        let files = try find(scratch, ["**/*.log"])
        #expect(
            files == [
                "log/a.log", "log/app/c.log", "log/app/deep/d.log", "log/private/e.log", "other/g.log", "log/z.log",
            ])
    }

    @Test func stopsAtItsBounds() throws {
        let scratch = try Scratch()
        try scratch.run(
            "sh", "-c", "for i in 1 2 3 4; do mkdir -p d$i; for j in 1 2 3 4 5; do echo x > d$i/$j.log; done; done")
        var limits = WalkLimits()
        limits.files = 7
        let selection = try PathSelection(include: [scratch.path + "/**/*.log"])
        let found = FolderWalk.find(selection, in: PosixFileSystem(), limits: limits)
        #expect(found.problems.map(\.kind) == [.excessive] && found.files.count == 7)
        limits.files = 20
        let all = FolderWalk.find(selection, in: PosixFileSystem(), limits: limits)
        #expect(all.problems.isEmpty && all.files.count == 20)
    }

    @Test func keepsPathsThatAreNotText() throws {
        let memory = MemoryFileSystem()
        let path = RawPath(bytes: Array("/log/caf".utf8) + [0xE9] + Array(".log".utf8))
        memory.write([1], to: path)
        let found = FolderWalk.find(try PathSelection(include: ["/log/caf?.log"]), in: memory)
        #expect(found.files.map(\.path) == [path])
        #expect(path.description == "/log/caf%E9.log" && RawPath(source: path.description) == path)
        #expect(RawPath("/log/é%41.log").description == "/log/é%41.log")
        #expect(RawPath(source: "/log/é%41.log") == RawPath("/log/é%41.log"))
        #expect(RawPath("../b//./c").absolute(from: RawPath("/x/y")) == RawPath("/x/b/c"))
        #expect(RawPath("/../a/").absolute(from: RawPath("/x")) == RawPath("/a"))
    }
}
