import Glibc

/// One of AWS's shared files: sections of `key = value`
/// (https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html).
///
/// `#` and `;` begin a comment at the start of a line, or after a space; indented lines belong to nested settings and
/// are passed over. What is neither is ignored, as AWS's tools do.
package struct ProfileFile: Sendable, Hashable {
    private var sections: [String: [String: String]] = [:]

    /// Both files together are a few kilobytes; what is larger is something else.
    private static let limit = 1 << 20

    package init(parsing text: String) {
        var section: String?
        let lines = text.split(omittingEmptySubsequences: true) { $0.isNewline }
        for line in lines {
            guard let first = line.first, !"#;\u{FEFF} \t".contains(first) || first == "\u{FEFF}" else { continue }
            let content = line.drop { $0 == "\u{FEFF}" }.uncommented.trimmed
            if content.hasPrefix("[") {
                section = Self.sectionName(content)
            } else if let section, let equals = content.firstIndex(of: "=") {
                let key = content[..<equals].trimmed.lowercased()
                sections[section, default: [:]][key] = String(content[content.index(after: equals)...].trimmed)
            }
        }
    }

    /// An absent file is an empty one.
    package init(path: String) throws(CredentialsError) {
        let bytes = try Self.read(path) ?? []
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CredentialsError("\(path) is not UTF-8 text", hint: "write it anew, or set AWS_ACCESS_KEY_ID")
        }
        self.init(parsing: text)
    }

    /// The settings of a profile: `[NAME]` in a credentials file, `[profile NAME]` or `[default]` in a config file.
    package func settings(of profile: String) -> [String: String]? {
        sections["profile " + profile] ?? sections[profile]
    }

    /// `[profile "a b"]` and `[ profile  a ]` are `profile a b` and `profile a`.
    private static func sectionName(_ header: Substring) -> String? {
        guard let end = header.firstIndex(of: "]") else { return nil }
        let words = header[..<end].dropFirst().split { $0 == " " || $0 == "\t" }
        return words.joined(separator: " ").filter { $0 != "\"" && $0 != "'" }
    }

    private static func read(_ path: String) throws(CredentialsError) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw unreadable(path)
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while bytes.count <= limit {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            guard count >= 0 else { throw unreadable(path) }
            guard count > 0 else { return bytes }
            bytes += buffer[..<count]
        }
        throw CredentialsError("\(path) exceeds \(limit) bytes", hint: "is it a credentials file?")
    }

    private static func unreadable(_ path: String) -> CredentialsError {
        CredentialsError(
            "cannot read \(path): \(String(cString: strerror(errno)))",
            hint: "make it readable for this user, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        var text = self
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return text.drop { $0.isWhitespace }
    }

    /// Without a comment that follows a space.
    fileprivate var uncommented: Substring {
        var wasSpace = false
        for index in indices {
            if wasSpace, self[index] == "#" || self[index] == ";" { return self[..<index] }
            wasSpace = self[index] == " " || self[index] == "\t"
        }
        return self
    }
}
