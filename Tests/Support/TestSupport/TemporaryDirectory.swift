import Foundation

/// A directory of a test's own, removed with its last reference.
public final class TemporaryDirectory: Sendable {
    public let path: String

    public init() {
        let base = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
        var template = Array("\(base)/firn-test-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { preconditionFailure("cannot make a directory in \(base): \(errno)") }
        path = String(cString: made)
    }

    deinit {
        // What cannot be removed is left to the system's own cleaning of its temporary files.
        try? FileManager.default.removeItem(atPath: path)
    }
}
