import ArchiveTypes
import EventTime
import Foundation
import Testing

/// A stream's blocks, scanned and read back: what was found, and what reading the blocks again gives.
struct ScannedStream {
    var scans: [LineScan] = []
    /// Of all lines of all blocks.
    var times: [Nanoseconds] = []
    /// Lines in order, with their newlines.
    var lines: [[UInt8]] = []

    /// Cuts `bytes` into blocks of about `blockBytes`, after newlines unless `cutsLines`, and checks what must hold of
    /// every block whatever is in it.
    init(
        _ bytes: [UInt8], timer: inout LineTimer, received: Nanoseconds, blockBytes: Int = .max, splitAfter: Int = .max,
        cutsLines: Bool = false, _ comment: Comment? = nil
    ) throws {
        var offset = 0
        while offset < bytes.count {
            let inside = offset > 0 && bytes[offset - 1] != 0x0A
            var end = blockBytes < bytes.count - offset ? offset + blockBytes : bytes.count
            while !cutsLines, end < bytes.count, bytes[end - 1] != 0x0A { end += 1 }
            let block = bytes[offset..<end]
            let scan = block.withUnsafeBytes {
                timer.scan($0, received: received, startsInsideLine: inside, splitAfter: splitAfter)
            }
            try #require(scan.byteCount > 0 && scan.byteCount <= block.count, comment)
            try take(scan, Array(block.prefix(scan.byteCount)), startsInsideLine: inside, comment)
            offset += scan.byteCount
        }
    }

    private mutating func take(
        _ scan: LineScan, _ block: [UInt8], startsInsideLine: Bool, _ comment: Comment?
    ) throws {
        let again = try LineTimes(decoding: scan.times.encoded()[...])
        #expect(again == scan.times, comment)
        var table = LineTable()
        try block.withUnsafeBytes { try again.read($0, startsInsideLine: startsInsideLine, into: &table) }
        #expect(table.ends.count == Int(scan.lineCount) && table.times.count == Int(scan.lineCount), comment)
        #expect(table.times.min() == scan.leastTime && table.times.max() == scan.greatestTime, comment)
        #expect(table.ends.map(Int.init) == Self.ends(block), comment)
        scans.append(scan)
        times += table.times
        var start = 0
        for end in table.ends {
            lines.append(Array(block[start..<Int(end)]))
            start = Int(end)
        }
    }

    private static func ends(_ block: [UInt8]) -> [Int] {
        var ends = block.indices.filter { block[$0] == 0x0A }.map { $0 + 1 }
        if ends.last ?? 0 < block.count { ends.append(block.count) }
        return ends
    }

    /// Names of the formats of the blocks; a column is `column`.
    var formats: [String] { scans.map(\.times.formatName) }
}

extension LineTimes {
    var formatName: String {
        switch self {
        case .format(let use): use.format
        case .column: "column"
        }
    }

    var exceptionCount: Int {
        switch self {
        case .format(let use): use.exceptions.count
        case .column: 0
        }
    }
}

/// The samples beside this file.
enum Samples {
    static func bytes(_ name: String) throws -> [UInt8] {
        let folder = try #require(Bundle.module.url(forResource: "Samples", withExtension: nil))
        return Array(try Data(contentsOf: folder.appendingPathComponent(name)))
    }

    static func names() throws -> [String] {
        let folder = try #require(Bundle.module.url(forResource: "Samples", withExtension: nil))
        return try FileManager.default.contentsOfDirectory(atPath: folder.path)
            .filter { $0.hasSuffix(".times") }.map { String($0.dropLast(6)) }.sorted()
    }

    /// Europe/Paris as of 2025, independent of the machine's zone database.
    static func paris() throws -> TimeZoneRules {
        let file = try bytes("Europe-Paris.tzif")
        return try TimeZoneRules(named: "Europe/Paris") { path in path.hasSuffix("/Europe/Paris") ? file : nil }
    }
}
