import ArchiveTypes
import Foundation
import Inputs
import Testing

@Suite struct FileIdentityTests {
    private func identity(_ path: RawPath) throws -> FileIdentity {
        try #require(try InputFile.open(path, machine: MachineID("m")).identity)
    }

    @Test func staysOverRenamingAndGrowthAndDiffersForACopy() throws {
        let scratch = try Scratch()
        let first = try identity(try scratch.write([1, 2], to: "a"))
        try scratch.run("sh", "-c", "mv a b; echo more >> b; cp -p b c")
        let renamed = try identity(scratch.file("b"))
        let copy = try identity(scratch.file("c"))
        #expect(renamed == first && renamed.isSameFile(as: first))
        #expect(!copy.isSameFile(as: first))
        #expect(renamed.generation(firstSight: 9) == first.generation(firstSight: 9))
        #expect(copy.generation(firstSight: 9) != first.generation(firstSight: 9))
    }

    @Test func theFileSystemHasANameThatIsNotItsDeviceNumber() throws {
        let scratch = try Scratch()
        let name = try identity(try scratch.write([1], to: "a")).fileSystem.description
        // The independent view of stat(1): `%i` is f_fsid in hexadecimal.
        let output = Pipe()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/stat")
        process.arguments = ["-f", "-c", "%i", scratch.path]
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let fsid = text.trimmingCharacters(in: .whitespacesAndNewlines)
        if name.hasPrefix("fsid:") {
            // stat(1) writes the two words in the other order.
            let words = try #require(UInt64(fsid, radix: 16))
            #expect(UInt64(name.dropFirst(5), radix: 16) == words << 32 | words >> 32)
        } else {
            #expect(name.hasPrefix("uuid:") || name.hasPrefix("mount:") || name.hasPrefix("dev:"))
        }
    }

    /// Worked out with python3: hashlib.sha256(b'firn-file-1\0' + b'\x01m' + b'\x06fsid:1' + (7).to_bytes(8,'little')
    /// + (1700000000000000001).to_bytes(8,'little')).hexdigest()[:16]
    @Test func theHashIsTheDocumentedOne() {
        let file = FileIdentity(
            machine: MachineID("m"), fileSystem: FileSystemID("fsid:1"), inode: 7, birth: 1_700_000_000_000_000_001)
        #expect(file.generation(firstSight: 0).description == "1700000000000000001-82c76e78c63380fb")
    }

    @Test func birthDecidesWhereThereIsOne() {
        let born = FileIdentity(machine: MachineID("m"), fileSystem: FileSystemID("fsid:1"), inode: 7, birth: 5)
        var other = born
        other.fileSystem = FileSystemID("dev:2")
        #expect(other.isSameFile(as: born))
        other.birth = 6
        #expect(!other.isSameFile(as: born))
        var unborn = born
        unborn.birth = nil
        other = unborn
        other.fileSystem = FileSystemID("dev:2")
        #expect(unborn.isSameFile(as: unborn) && !other.isSameFile(as: unborn))
        #expect(unborn.generation(firstSight: 8) == unborn.generation(firstSight: 8))
        #expect(unborn.generation(firstSight: 8).born == 8)
    }

    @Test func generationsOfAStreamRise() throws {
        let file = FileIdentity(machine: MachineID("m"), fileSystem: FileSystemID("fsid:1"), inode: 7, birth: 100)
        let first = file.generation(firstSight: 0)
        #expect(file.generation(firstSight: 0, after: first) == first, "the same file again")
        let cut = file.generation(truncatedAt: 50, lookedAt: nil, after: first)
        #expect(cut > first, "also when the clock went backwards")
        let again = file.generation(truncatedAt: 50, lookedAt: nil, after: cut)
        #expect(again > cut)
        #expect(file.generation(firstSight: 0, after: again) > again)
        let last = try #require(Generation("9223372036854775807-0000000000000000"))
        #expect(
            file.generation(truncatedAt: 50, lookedAt: nil, after: last).description.isEmpty == false,
            "an absurd birth traps nothing")
    }

    @Test func theMachineHasAStableName() throws {
        let scratch = try Scratch()
        let bad = try scratch.write(Array("uninitialized\n".utf8), to: "bad")
        let good = try scratch.write(Array("0123456789abcdef0123456789abcdef\n".utf8), to: "good")
        #expect(
            MachineID.current(files: [scratch.file("none"), bad, good]).description
                == "0123456789abcdef0123456789abcdef")
        let fallback = MachineID.current(files: [bad])
        #expect(fallback.description.hasPrefix("host:") && fallback.description.utf8.count > 5)
        #expect(fallback == MachineID.current(files: [bad]))
    }
}
