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

    static func lines(_ step: Int, using random: inout SeededGenerator) -> [UInt8] {
        (0..<Int.random(in: 1...60, using: &random)).flatMap { index in
            Array("2026-01-02 03:04:05 step \(step) line \(index) ".utf8)
                + (0..<Int.random(in: 0...40, using: &random)).map { _ in UInt8.random(in: 32...126, using: &random) }
                + [10]
        }
    }
}
