import Glibc

/// Where the tests find what they start and what they read.
package enum TestPaths {
    /// The folder of Package.swift.
    package static let package = parent(of: #filePath, 5)

    /// A file under Tests/Support.
    package static func supportFile(_ name: String) -> String { "\(package)/Tests/Support/\(name)" }

    /// A program of the tests' virtual environment (Tests/Support/install-test-servers), else of the PATH.
    package static func program(_ name: String) -> String? {
        let environment = variable("FIRN_TEST_VENV") ?? "\(package)/.build/test-venv"
        let folders = ["\(environment)/bin"] + (variable("PATH") ?? "").split(separator: ":").map(String.init)
        return folders.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }

    package static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// A new, empty folder; whoever asks removes it.
    package static func temporaryDirectory() throws(GuardedProcess.Failure) -> String {
        var template = Array("\(variable("TMPDIR") ?? "/tmp")/firn-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw GuardedProcess.Failure(description: "mkdtemp: \(String(cString: strerror(errno)))")
        }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    package static func makeDirectory(_ path: String) throws(GuardedProcess.Failure) {
        guard mkdir(path, 0o755) == 0 else {
            throw GuardedProcess.Failure(description: "\(path): \(String(cString: strerror(errno)))")
        }
    }

    /// A folder of plain files, and the files in it.
    package static func remove(_ directory: String) {
        if let folder = opendir(directory) {
            while let entry = readdir(folder) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                unlink("\(directory)/\(name)")
            }
            closedir(folder)
        }
        rmdir(directory)
    }

    package static func write(_ text: String, to path: String) throws(GuardedProcess.Failure) {
        guard let file = fopen(path, "w"), fputs(text, file) >= 0, fclose(file) == 0 else {
            throw GuardedProcess.Failure(description: "\(path): \(String(cString: strerror(errno)))")
        }
    }

    private static func parent(of path: String, _ levels: Int) -> String {
        path.split(separator: "/", omittingEmptySubsequences: false).dropLast(levels).joined(separator: "/")
    }
}
