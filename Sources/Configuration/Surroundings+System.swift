import Glibc

extension Surroundings {
    /// Those of this process.
    package static func ofThisProcess() -> Surroundings {
        Surroundings(
            environment: processEnvironment(), hostName: machineName(), isRoot: geteuid() == 0,
            knowsTimeZone: { name in access("/usr/share/zoneinfo/" + name, R_OK) == 0 })
    }

    private static func machineName() -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func processEnvironment() -> [String: String] {
        var variables: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let (name, value) = Substring(String(cString: entry)).split(at: "=")
            if let value { variables[String(name)] = String(value) }
            next += 1
        }
        return variables
    }
}
