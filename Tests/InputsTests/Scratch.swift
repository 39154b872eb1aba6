import Foundation
import Inputs
import Testing

/// A folder that is gone when the test is.
final class Scratch {
    let path: String

    init() throws {
        var template = Array("/tmp/firn-inputs-XXXXXX".utf8CString)
        path = try #require(
            template.withUnsafeMutableBufferPointer { mkdtemp($0.baseAddress!) }.map { String(cString: $0) })
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> RawPath { RawPath(path + "/" + name) }

    @discardableResult
    func write(_ bytes: [UInt8], to name: String) throws -> RawPath {
        try Data(bytes).write(to: URL(fileURLWithPath: path + "/" + name))
        return file(name)
    }

    func run(_ program: String, _ arguments: String...) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.currentDirectoryURL = URL(fileURLWithPath: path)
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(program) \(arguments) failed")
    }
}

/// Lines of many lengths, some empty, with NULs and bytes that are not UTF-8.
func randomLines(_ count: Int, longest: Int, using generator: inout some RandomNumberGenerator) -> [UInt8] {
    var bytes: [UInt8] = []
    for _ in 0..<count {
        let length = Int.random(in: 0...longest, using: &generator)
        bytes += (0..<length).map { _ in
            let byte = UInt8.random(in: 0...255, using: &generator)
            return byte == 10 ? 0 : byte
        }
        bytes.append(10)
    }
    return bytes
}

/// All that a source gives, read by pieces of `step` bytes, and the error that it ends with.
func readAll(_ source: any ByteSource, step: Int = 1000) -> (bytes: [UInt8], error: InputError?) {
    var all: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: step)
    while true {
        do throws(InputError) {
            let count = try buffer.withUnsafeMutableBufferPointer { (bytes) throws(InputError) in
                try source.read(into: UnsafeMutableRawBufferPointer(bytes))
            }
            if count == 0 { return (all, nil) }
            all += buffer[..<count]
        } catch {
            return (all, error)
        }
    }
}
