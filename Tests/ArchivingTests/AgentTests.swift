import Foundation
import ArchiveTypes
import TestSupport
import Testing

@Suite struct AgentTests {
    @Test(arguments: 0..<40 as Range<UInt64>)
    func everyLineIsArchivedOnceThroughCrashesAndRotations(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let run = try AgentRun()
        var written: [String: [UInt8]] = [:]
        var process: AgentProcess? = try run.start()
        for step in 0..<60 {
            let name = "app\(Int.random(in: 0..<3, using: &random)).log"
            let path = run.logs + "/" + name
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<6:
                let lines = Self.lines(step, using: &random)
                written[path, default: []] += lines
                try run.append(lines, to: name)
            case 6:
                if FileManager.default.fileExists(atPath: path) {
                    // Names outside of the pattern, in the same folder, as logrotate gives them.
                    try FileManager.default.moveItem(atPath: path, toPath: path + ".\(step)")
                }
            case 7:
                try await run.upload(atMost: Int.random(in: 0...3, using: &random))
            case 8:
                process = nil
                run.crash()
                process = try run.start()
            default: break
            }
            run.advance(.random(in: 0...(3 * .perSecond), using: &random))
            try process?.turn()
        }
        for _ in 0..<4 {
            run.advance(10 * .perSecond)
            try process?.turn()
        }
        let archived = try await run.archived(process)
        for (path, bytes) in written {
            #expect(archived.bytes(StreamID(host: "h", source: path)) == bytes, "seed \(seed): \(path)")
        }
    }

    /// Rotated into a compressed file while nothing followed it, after its first lines were stored and before any chunk was
    /// sealed: a generation's content is known from its first durable line on.
    @Test(arguments: [20, 300, 5000])
    func aFileThatWasCompressedWhileNothingFollowedItGoesOnWhereItWasRead(length: Int) async throws {
        let run = try AgentRun()
        let path = run.logs + "/app.log"
        // What other files begin with as well.
        let banner = Array("the same first line\n".utf8)
        let first = banner + (0..<length).flatMap { Array("line \($0)\n".utf8) }.prefix(length)
        let rest = Array("\nthe rest\n".utf8)
        var process: AgentProcess? = try run.start()
        try run.append([], to: "app.log")
        try process?.turn()
        for piece in [banner, Array(first[banner.count...])] {
            try run.append(piece, to: "app.log")
            run.advance(.perSecond)
            try process?.turn()
            run.advance(6 * .perSecond)
            try process?.turn()
        }
        process = nil
        run.crash()
        try run.append(rest, to: "app.log")
        try FileManager.default.moveItem(atPath: path, toPath: path + ".2")
        try run.append(banner + Array("another file that is longer\n".utf8) + first, to: "app.log.1")
        for rotated in [".1", ".2"] { try Self.compress(path + rotated) }
        process = try run.start()
        for _ in 0..<20 {
            try process?.turn()
            run.advance(6 * .perSecond)
        }
        let archived = try await run.archived(process)
        let bytes = archived.bytes(run.stream("app.log"))
        let isWhole = bytes.starts(with: first + rest)
        #expect(isWhole, "\(bytes.count) bytes")
        #expect(archived.bare.allSatisfy { $0.kind != .gap })
    }

    /// As logrotate does it, with `gzip`.
    private static func compress(_ path: String) throws {
        let gzip = try Process.run(URL(filePath: "/usr/bin/env"), arguments: ["gzip", path])
        gzip.waitUntilExit()
        #expect(gzip.terminationStatus == 0)
    }

    static func lines(_ step: Int, using random: inout SeededGenerator) -> [UInt8] {
        (0..<Int.random(in: 1...60, using: &random)).flatMap { index in
            Array("2026-01-02 03:04:05 step \(step) line \(index) ".utf8)
                + (0..<Int.random(in: 0...40, using: &random)).map { _ in UInt8.random(in: 32...126, using: &random) }
                + [10]
        }
    }
}
