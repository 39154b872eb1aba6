import Glibc

extension TimeZoneRules {
    package static let directory = "/usr/share/zoneinfo"

    /// The zone of the system's zone database (`Europe/Paris`), `UTC`, an offset (`+02:00`), or `local`. `readFile` gives the
    /// bytes of a file, nil where there is none.
    package init(
        named name: String, readFile: (_ path: String) -> [UInt8]? = TimeZoneRules.contents
    ) throws(TimeZoneError) {
        if name == "UTC" || name == "Z" {
            self = .utc
        } else if name == "local" {
            self = .local(readFile: readFile)
        } else if let seconds = Self.offset(name) {
            self.init(fixed: seconds)
        } else {
            guard Self.isName(name) else { throw TimeZoneError(zone: name, reason: "not the name of a zone") }
            let path = "\(Self.directory)/\(name)"
            guard let bytes = readFile(path) else { throw TimeZoneError(zone: name, reason: "there is no file \(path)") }
            guard let rules = TimeZoneRules(zoneFile: bytes) else {
                throw TimeZoneError(zone: name, reason: "\(path) is not a zone file")
            }
            self = rules
        }
    }

    /// The zone of this machine: `TZ`, else /etc/localtime, else UTC.
    package static func local(readFile: (_ path: String) -> [UInt8]? = TimeZoneRules.contents) -> TimeZoneRules {
        if let variable = getenv("TZ") {
            let text = String(cString: variable)
            let name = text.hasPrefix(":") ? String(text.dropFirst()) : text
            if isName(name), let bytes = readFile("\(directory)/\(name)"), let rules = TimeZoneRules(zoneFile: bytes) {
                return rules
            }
            return PosixZone(Array(name.utf8))?.rules ?? .utc
        }
        return readFile("/etc/localtime").flatMap { TimeZoneRules(zoneFile: $0) } ?? .utc
    }

    /// Segments of `[A-Za-z0-9_+-]`, joined by `/`: nothing that leaves the zone database.
    private static func isName(_ name: String) -> Bool {
        let segments = name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        return name.utf8.count <= 64 && segments.count <= 4
            && segments.allSatisfy { segment in
                !segment.isEmpty
                    && segment.allSatisfy {
                        $0.isLetterOrDigit || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-")
                    }
            }
    }

    /// `+hh:mm`, less than a day.
    private static func offset(_ text: String) -> Int32? {
        let bytes = Array(text.utf8)
        guard bytes.count == 6, bytes[0] == UInt8(ascii: "+") || bytes[0] == UInt8(ascii: "-"), bytes[3] == UInt8(ascii: ":")
        else { return nil }
        let (hours, minutes) = bytes.withUnsafeBufferPointer { buffer in
            buffer.baseAddress.map { ($0.twoDigits(1), $0.twoDigits(4)) } ?? (-1, -1)
        }
        guard 0..<24 ~= hours, 0..<60 ~= minutes else { return nil }
        let seconds = Int32(hours * 3600 + minutes * 60)
        return bytes[0] == UInt8(ascii: "-") ? -seconds : seconds
    }

    /// The bytes of a zone file; nil where it cannot be read or is longer than any.
    package static func contents(_ path: String) -> [UInt8]? {
        guard let file = fopen(path, "rb") else { return nil }
        defer { fclose(file) }
        let limit = 1 << 20
        let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            count = fread(buffer.baseAddress, 1, limit, file)
        }
        return ferror(file) == 0 && bytes.count < limit ? bytes : nil
    }
}
