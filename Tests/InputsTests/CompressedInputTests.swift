import Foundation
import Inputs
import TestSupport
import Testing

@Suite struct CompressedInputTests {
    struct Kind: CustomTestStringConvertible, Sendable {
        var compression: Compression
        /// Writes `in` compressed to `out`; a program of the same machine that shares no code with the reader's calls.
        var command: [String]
        var testDescription: String { "\(compression)" }
    }

    static let kinds = [
        Kind(
            compression: .gzip,
            command: ["python3", "-c", "import gzip;open('out','ab').write(gzip.compress(open('in','rb').read()))"]),
        Kind(
            compression: .bzip2,
            command: ["python3", "-c", "import bz2;open('out','ab').write(bz2.compress(open('in','rb').read()))"]),
        Kind(
            compression: .xz,
            command: ["python3", "-c", "import lzma;open('out','ab').write(lzma.compress(open('in','rb').read()))"]),
        Kind(compression: .zstd, command: ["sh", "-c", "zstd -q -c in >> out"]),
    ]

    /// Members one after another in `out`; gives back what they hold.
    private func make(_ scratch: Scratch, _ kind: Kind, members: Int, seed: UInt64) throws -> [UInt8] {
        var generator = SeededGenerator(seed: seed)
        var all: [UInt8] = []
        for _ in 0..<members {
            let bytes = randomLines(2000, longest: 200, using: &generator)
            try scratch.write(bytes, to: "in")
            try scratch.run(kind.command[0], kind.command[1], kind.command[2])
            all += bytes
        }
        return all
    }

    private func open(_ path: RawPath) throws -> InputFile { try InputFile.open(path, machine: MachineID("m")) }

    @Test(arguments: kinds) func readsMembersOneAfterAnother(kind: Kind) throws {
        let scratch = try Scratch()
        let all = try make(scratch, kind, members: 3, seed: 1)
        for step in [1, 1000, 1 << 20] where step > 1 || kind.compression == .gzip {
            let file = try open(scratch.file("out"))
            #expect(file.compression == kind.compression)
            let (bytes, error) = readAll(file.source, step: step)
            #expect(bytes == all && error == nil, "\(error?.description ?? "")")
        }
    }

    @Test(arguments: kinds) func readsAnEmptyMember(kind: Kind) throws {
        let scratch = try Scratch()
        try scratch.write([], to: "in")
        try scratch.run(kind.command[0], kind.command[1], kind.command[2])
        let file = try open(scratch.file("out"))
        #expect(file.compression == kind.compression)
        let (bytes, error) = readAll(file.source)
        #expect(bytes.isEmpty && error == nil)
    }

    @Test(arguments: kinds) func saysWhereCutOffDataEnds(kind: Kind) throws {
        let scratch = try Scratch()
        let all = try make(scratch, kind, members: 2, seed: 2)
        let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: scratch.path + "/out")))
        var longest = 0
        for keep in [11, whole.count / 4, whole.count / 2 + 100, whole.count - 20, whole.count - 1] {
            let path = try scratch.write(Array(whole.prefix(keep)), to: "cut")
            let (bytes, error) = readAll(try open(path).source)
            #expect(all.starts(with: bytes), "cut at \(keep)")
            #expect(error?.kind == .truncated, "cut at \(keep): \(error?.description ?? "no error")")
            #expect(error?.path == path.description && error?.offset == UInt64(keep))
            longest = max(longest, bytes.count)
        }
        #expect(longest >= all.count / 2, "what could be read is delivered")
    }

    @Test(arguments: kinds) func neverPassesDamageOff(kind: Kind) throws {
        let scratch = try Scratch()
        let all = try make(scratch, kind, members: 1, seed: 3)
        let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: scratch.path + "/out")))
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<40 {
            var damaged = whole
            let place = Int.random(in: 20..<whole.count, using: &generator)
            damaged[place] ^= UInt8.random(in: 1...255, using: &generator)
            let path = try scratch.write(damaged, to: "damaged")
            let (bytes, error) = readAll(try open(path).source, step: 50_000)
            #expect(error != nil || bytes == all, "byte \(place)")
        }
    }

    @Test(arguments: kinds) func refusesGarbageAfterTheEnd(kind: Kind) throws {
        let scratch = try Scratch()
        let all = try make(scratch, kind, members: 1, seed: 4)
        let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: scratch.path + "/out")))
        let path = try scratch.write(whole + Array("garbage, not a member\n".utf8), to: "tail")
        let (bytes, error) = readAll(try open(path).source)
        #expect(bytes == all && error?.kind == .damaged)
        #expect(error?.description.hasPrefix(path.description + ": damaged ") == true)
    }

    @Test func takesZeroPaddingAfterGzip() throws {
        let scratch = try Scratch()
        let all = try make(scratch, Self.kinds[0], members: 2, seed: 5)
        let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: scratch.path + "/out")))
        let (bytes, error) = readAll(
            try open(try scratch.write(whole + [UInt8](repeating: 0, count: 300_000), to: "pad")).source)
        #expect(bytes == all && error == nil)
    }

    @Test func boundsMemory() throws {
        let scratch = try Scratch()
        try scratch.write([UInt8](repeating: 7, count: 1 << 20), to: "in")
        try scratch.run("sh", "-c", "cat in | zstd -q -c --long=28 > out.zst; xz -9 -c in > out.xz")
        var limits = DecompressionLimits()
        limits.xzBytes = 10 << 20
        let xz = readAll(try InputFile.open(scratch.file("out.xz"), machine: MachineID("m"), limits: limits).source)
        #expect(xz.error?.kind == .excessive)
        let zstd = readAll(try InputFile.open(scratch.file("out.zst"), machine: MachineID("m"), limits: limits).source)
        #expect(zstd.error?.kind == .excessive, "\(zstd.error?.description ?? "no error")")
    }

    @Test func passesPlainBytesThrough() throws {
        let scratch = try Scratch()
        var generator = SeededGenerator(seed: 6)
        let contents: [[UInt8]] = [
            [], [0], Array("BZh9 is how this line begins\n".utf8), [0x1F, 0x8B], Array("(".utf8), [0x28, 0xB5, 0x2F],
            randomLines(5000, longest: 100, using: &generator),
        ]
        for content in contents {
            let file = try open(try scratch.write(content, to: "plain.log"))
            let (bytes, error) = readAll(file.source)
            #expect(file.compression == .none && bytes == content && error == nil)
        }
    }

    @Test func theNameDecidesOnlyWhatTheBytesLeaveOpen() {
        #expect(Compression.detect(first: [0x1F, 0x8B], name: "a.gz") == .gzip)
        #expect(Compression.detect(first: [0x1F, 0x8B], name: "a.log") == .none)
        #expect(Compression.detect(first: Array("plain text".utf8), name: "a.gz") == .none)
        #expect(Compression.detect(first: [], name: "a.gz") == .none)
        #expect(Compression.detect(first: [0x1F, 0x8B, 8, 0, 0], name: "a.log") == .gzip)
        #expect(Compression.detect(first: [0x5A, 0x2A, 0x4D, 0x18, 0], name: "chunk") == .zstd)
    }

    @Test func readsAPipe() throws {
        let scratch = try Scratch()
        try scratch.write(Array("one\ntwo".utf8), to: "in")
        try scratch.run("sh", "-c", "gzip -c in > in.gz; mkfifo pipe")
        let compressed = try Data(contentsOf: URL(fileURLWithPath: scratch.path + "/in.gz"))
        let pipe = scratch.path + "/pipe"
        Thread.detachNewThread { FileHandle(forWritingAtPath: pipe)?.write(compressed) }
        let file = try open(scratch.file("pipe"))
        #expect(file.identity == nil && file.compression == .gzip)
        #expect(file.generation(now: 5, random: 1) != file.generation(now: 5, random: 2))
        #expect(readAll(file.source).bytes == Array("one\ntwo".utf8))
    }

    @Test func saysWhatIsWrongWithAPath() throws {
        let scratch = try Scratch()
        func failure(_ path: RawPath) -> InputError? {
            do throws(InputError) {
                _ = try InputFile.open(path, machine: MachineID("m"))
                return nil
            } catch { return error }
        }
        #expect(
            failure(scratch.file("nothing"))?.description
                == "\(scratch.path)/nothing: no such file; check the spelling of the path")
        #expect(failure(RawPath(scratch.path))?.description == "\(scratch.path): is a directory; name the files in it")
        try scratch.write([1], to: "secret")
        chmod(scratch.path + "/secret", 0)
        if geteuid() != 0 { #expect(failure(scratch.file("secret"))?.kind == .forbidden) }
    }
}
