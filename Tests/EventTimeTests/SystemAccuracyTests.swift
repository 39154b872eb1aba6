import ArchiveTypes
import EventTime
import Foundation
import Testing

/// The 16 systems of Loghub's samples, where that folder stands beside the package: the truth is put together from the
/// columns of the structured files, by string handling alone.
@Suite(.enabled(if: Loghub.isPresent))
struct SystemAccuracyTests {
    @Test func printsTheShareOfLinesWithACorrectTime() throws {
        var table = "system        lines  correct  stored as\n"
        for system in Loghub.systems {
            let result = try measure(system)
            table += Self.row(system.name, result)
            #expect(result.correct == result.lines, "\(system.name): \(result.firstWrong ?? "")")
        }
        print(table)
    }

    struct Result {
        var lines = 0
        var correct = 0
        var formats: [String] = []
        var headerBytes = 0
        var firstWrong: String?
    }

    private func measure(_ system: Loghub.System) throws -> Result {
        let truth = try Loghub.truth(system)
        let reference =
            Loghub.seconds(year: system.year, month: 12, day: 31, hour: 0, minute: 0, second: 0) * .perSecond
        var timer = LineTimer(zone: .utc, reference: reference)
        let stream = try ScannedStream(
            try Loghub.log(system), timer: &timer, received: 1_770_000_000 * .perSecond, blockBytes: 1 << 20,
            splitAfter: 1 << 16)
        var result = Result(lines: truth.count, formats: Array(Set(stream.formats)).sorted())
        try #require(stream.times.count == truth.count)
        for (index, time) in truth.enumerated() {
            if stream.times[index] == time {
                result.correct += 1
            } else if result.firstWrong == nil {
                result.firstWrong = "line \(index + 1) is \(stream.times[index]), not \(time)"
            }
        }
        result.headerBytes = stream.scans.reduce(0) { $0 + $1.times.encoded().count }
        return result
    }

    private static func row(_ name: String, _ result: Result) -> String {
        func pad(_ text: String, _ width: Int) -> String { text.padding(toLength: width, withPad: " ", startingAt: 0) }
        let share = String(format: "%.2f%%", 100 * Double(result.correct) / Double(result.lines))
        return pad(name, 14) + pad("\(result.lines)", 7) + pad(share, 9)
            + "\(result.formats.joined(separator: ", ")), \(result.headerBytes) bytes\n"
    }
}

enum Loghub {
    struct System: Sendable {
        var name: String
        /// Of the lines that name none.
        var year = 2005
        /// The time of a row, given by column name.
        var time: @Sendable ([String: String]) throws -> Nanoseconds
    }

    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// The nearest `shared/logs` beside the package or beside its parent.
    static let logs: URL? = [folder, folder.deletingLastPathComponent()]
        .map { $0.appendingPathComponent("shared/logs") }
        .first { FileManager.default.fileExists(atPath: $0.appendingPathComponent("structured").path) }

    static var isPresent: Bool { logs != nil }

    static let systems: [System] = [
        System(name: "Android", year: 2016) { row in
            try time(year: 2016, "\(row["Date"] ?? "")-\(row["Time"] ?? "")", "-", month: 0, day: 1, clock: 2)
        },
        System(name: "Apache") { row in
            let words = (row["Time"] ?? "").split(separator: " ").map(String.init)
            return try civil(year: words[4], month: month(words[1]), day: words[2], clock: words[3])
        },
        System(name: "BGL") { row in
            let fraction = try #require((row["Time"] ?? "").split(separator: ".").last.flatMap { Int64($0) })
            return try unix(row["Timestamp"]) + fraction * 1000
        },
        System(name: "HDFS") { row in
            let (date, clock) = (row["Date"] ?? "", row["Time"] ?? "")
            return try civil(
                year: "20" + part(date, 0, 2), month: part(date, 2, 4), day: part(date, 4, 6),
                clock: "\(part(clock, 0, 2)):\(part(clock, 2, 4)):\(part(clock, 4, 6))")
        },
        System(name: "HPC") { try unix($0["Time"]) },
        System(name: "Hadoop") { try iso($0) },
        System(name: "HealthApp") { row in
            let parts = (row["Time"] ?? "").split(separator: "-").map(String.init)
            let clock = parts[1].split(separator: ":").map(String.init)
            let milliseconds = String(repeating: "0", count: 3 - clock[3].count) + clock[3]
            return try civil(
                year: part(parts[0], 0, 4), month: part(parts[0], 4, 6), day: part(parts[0], 6, 8),
                clock: "\(clock[0]):\(clock[1]):\(clock[2]).\(milliseconds)")
        },
        System(name: "Linux", year: 2005) { row in
            try civil(year: "2005", month: month(row["Month"]), day: row["Date"] ?? "", clock: row["Time"] ?? "")
        },
        System(name: "Mac", year: 2017) { row in
            try civil(year: "2017", month: month(row["Month"]), day: row["Date"] ?? "", clock: row["Time"] ?? "")
        },
        System(name: "OpenSSH", year: 2015) { row in
            try civil(year: "2015", month: month(row["Date"]), day: row["Day"] ?? "", clock: row["Time"] ?? "")
        },
        System(name: "OpenStack") { try iso($0) },
        System(name: "Proxifier", year: 2016) { row in
            let parts = (row["Time"] ?? "").split(separator: " ").map(String.init)
            return try time(year: 2016, parts[0] + "." + parts[1], ".", month: 0, day: 1, clock: 2)
        },
        System(name: "Spark") { row in
            let date = (row["Date"] ?? "").split(separator: "/").map(String.init)
            return try civil(year: "20" + date[0], month: date[1], day: date[2], clock: row["Time"] ?? "")
        },
        System(name: "Thunderbird") { try unix($0["Timestamp"]) },
        System(name: "Windows") { try iso($0) },
        System(name: "Zookeeper") { try iso($0) },
    ]

    static func log(_ system: System) throws -> [UInt8] {
        Array(try Data(contentsOf: try #require(logs).appendingPathComponent("\(system.name)_2k.log")))
    }

    static func truth(_ system: System) throws -> [Nanoseconds] {
        let file = try #require(logs).appendingPathComponent("structured/\(system.name)_2k.log_structured.csv")
        var rows = records(String(decoding: try Data(contentsOf: file), as: UTF8.self))
        let names = rows.removeFirst()
        return try rows.map { try system.time(Dictionary(zip(names, $0)) { first, _ in first }) }
    }

    /// Records of a CSV file, quotes and all.
    private static func records(_ text: String) -> [[String]] {
        var records: [[String]] = []
        var fields: [String] = []
        var field: [UInt8] = []
        var quoted = false
        func take() { fields.append(String(decoding: field, as: UTF8.self)); field = [] }
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): quoted.toggle()
            case UInt8(ascii: ",") where !quoted: take()
            case UInt8(ascii: "\n") where !quoted:
                take()
                records.append(fields)
                fields = []
            case UInt8(ascii: "\r") where !quoted: continue
            default: field.append(byte)
            }
        }
        if !fields.isEmpty || !field.isEmpty { take(); records.append(fields) }
        return records
    }

    private static func part(_ text: String, _ from: Int, _ to: Int) -> String {
        String(text.dropFirst(from).prefix(to - from))
    }

    private static func unix(_ text: String?) throws -> Nanoseconds {
        try #require(text.flatMap { Int64($0) }) * .perSecond
    }

    private static func month(_ name: String?) throws -> String {
        let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        return String(try #require(names.firstIndex(of: name ?? "")) + 1)
    }

    private static func iso(_ row: [String: String]) throws -> Nanoseconds {
        let date = (row["Date"] ?? "").split(separator: "-").map(String.init)
        return try civil(year: date[0], month: date[1], day: date[2], clock: row["Time"] ?? "")
    }

    private static func time(
        year: Int, _ text: String, _ separator: Character, month: Int, day: Int, clock: Int
    ) throws -> Nanoseconds {
        let parts = text.split(separator: separator, maxSplits: 2).map(String.init)
        return try civil(year: "\(year)", month: parts[month], day: parts[day], clock: parts[clock])
    }

    /// `clock` is `H:M:S`, with a fraction after a point or comma or without.
    private static func civil(year: String, month: String, day: String, clock: String) throws -> Nanoseconds {
        let parts = clock.split(whereSeparator: { $0 == "." || $0 == "," }).map(String.init)
        let hms = try parts[0].split(separator: ":").map { try #require(Int($0)) }
        let fraction = parts.count > 1 ? parts[1] + String(repeating: "0", count: 9 - parts[1].count) : "0"
        let whole = seconds(
            year: try #require(Int(year)), month: try #require(Int(month)), day: try #require(Int(day)), hour: hms[0],
            minute: hms[1], second: hms[2])
        return whole * .perSecond + (try #require(Int64(fraction)))
    }

    /// By the C library.
    static func seconds(year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int) -> Int64 {
        var parts = tm()
        parts.tm_year = Int32(year - 1900)
        parts.tm_mon = Int32(month - 1)
        parts.tm_mday = Int32(day)
        parts.tm_hour = Int32(hour)
        parts.tm_min = Int32(minute)
        parts.tm_sec = Int32(second)
        return Int64(timegm(&parts))
    }
}
