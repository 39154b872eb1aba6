import ArchiveTypes
import EventTime
import Testing

/// Each sample is a log with the time of each of its lines beside it, worked out by hand or by Python's `datetime`.
struct SampleTests {
    struct Expectation {
        var format = ""
        var zone = TimeZoneRules.utc
        var reference: Nanoseconds = 0
        var received: Nanoseconds = 0
        var times: [Nanoseconds] = []

        init(_ name: String) throws {
            let text = String(decoding: try Samples.bytes(name + ".times"), as: UTF8.self)
            var lines = text.split(separator: "\n")
            for word in lines.removeFirst().split(separator: " ") {
                let value = String(word.split(separator: "=").last ?? "")
                if word.hasPrefix("format=") { format = value }
                if word.hasPrefix("zone=") { zone = value == "UTC" ? .utc : try Samples.paris() }
                if word.hasPrefix("reference=") { reference = try #require(Nanoseconds(value)) }
                if word.hasPrefix("received=") { received = try #require(Nanoseconds(value)) }
            }
            times = try lines.map { try #require(Nanoseconds($0)) }
        }
    }

    @Test(arguments: try Samples.names())
    func everyLineHasItsTime(name: String) throws {
        let expected = try Expectation(name)
        let bytes = try Samples.bytes(name + ".log")
        var timer = LineTimer(zone: expected.zone, reference: expected.reference)
        let stream = try ScannedStream(bytes, timer: &timer, received: expected.received)
        // A column where the sample's few lines take less room so.
        #expect([[expected.format], ["column"]].contains(stream.formats))
        #expect(stream.times.count == expected.times.count)
        for (index, (found, right)) in zip(stream.times, expected.times).enumerated() {
            let line = String(decoding: stream.lines[index].prefix(60), as: UTF8.self)
            #expect(found == right, "line \(index + 1): \(line) is off by \(found &- right) ns")
        }
    }

    @Test func everyFormatHasASample() throws {
        let sampled = Set(try Samples.names().map { try Expectation($0).format })
        let missing = Self.formats.filter { !sampled.contains($0) }
        #expect(missing == [])
    }

    /// Frozen: archives hold these names.
    static let formats = [
        "none.1", "rfc3339.1", "rfc5424.1", "iso8601.1", "iso8601-basic.1", "rfc3164.1", "clf.1", "ctime.1", "klog.1",
        "glog.1", "hdfs.1", "spark.1", "logcat.1", "healthapp.1", "proxifier.1", "unix.1", "unix-column.1", "bgl.1",
        "audit.1", "docker.1", "iso8601-within.1", "json-@timestamp.1", "json-timestamp.1", "json-time.1", "json-ts.1",
        "json-_time.1", "json-asctime.1", "logfmt-time.1", "logfmt-ts.1", "logfmt-timestamp.1",
    ]

    @Test func theNamesAreThoseOfTheFormats() {
        #expect(TimeFormat.allCases.map(\.rawValue).sorted() == Self.formats.sorted())
    }
}
