import Glibc

/// The file that a configuration is read from.
package struct ConfigurationFile: Sendable, Hashable {
    package var path: String
    package var text: String

    /// Nobody writes larger ones; what is larger is something else.
    package static let greatestLength = 1 << 20

    /// The file that is named, else `$FIRN_CONFIG`, else the first of `surroundings.searchPaths` that exists; nil where
    /// none does. A file that was named must exist.
    package static func find(
        named path: String?, surroundings: Surroundings
    ) throws(ConfigurationError) -> ConfigurationFile? {
        if let path = path ?? surroundings.environment["FIRN_CONFIG"] { return try read(path) }
        guard let path = surroundings.searchPaths.first(where: { access($0, F_OK) == 0 }) else { return nil }
        return try read(path)
    }

    package static func read(_ path: String) throws(ConfigurationError) -> ConfigurationFile {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw fault(path, "cannot be opened: \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: greatestLength + 1)
        var filled = 0
        while filled < bytes.count {
            let count = bytes.withUnsafeMutableBytes { buffer in
                Glibc.read(descriptor, buffer.baseAddress?.advanced(by: filled), buffer.count - filled)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw fault(path, "cannot be read: \(String(cString: strerror(errno)))") }
            if count == 0 { break }
            filled += count
        }
        guard filled <= greatestLength else { throw fault(path, "is larger than \(ByteSize.text(greatestLength))") }
        guard let text = String(validating: bytes[..<filled], as: UTF8.self) else {
            throw notText(path, bytes[..<filled])
        }
        return ConfigurationFile(path: path, text: text)
    }

    private static func fault(_ path: String, _ reason: String) -> ConfigurationError {
        let problem = InvalidValue(
            "the configuration \(reason)", hint: "check the path that --config or FIRN_CONFIG gives")
        return ConfigurationError([ConfigurationProblem(file: path, place: YAMLTree.start, key: "", problem: problem)])
    }

    /// Names the first line whose bytes are not UTF-8.
    private static func notText(_ path: String, _ bytes: ArraySlice<UInt8>) -> ConfigurationError {
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let line = lines.firstIndex { String(validating: $0, as: UTF8.self) == nil } ?? 0
        let problem = InvalidValue("this line is not UTF-8", hint: "write the file in UTF-8")
        return ConfigurationError([
            ConfigurationProblem(file: path, place: .file(line: line + 1, column: 1), key: "", problem: problem)
        ])
    }
}
