import Glibc

/// Why an input cannot be read (on), for people: the path, the reason, and what to do about it.
package struct InputError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// Nothing of that name.
        case missing
        /// The rights do not suffice.
        case forbidden
        /// A folder, where a file is wanted.
        case folder
        /// The system failed to open or to read it: retrying may help.
        case failed
        /// The process, or the system, may open no more files at present.
        case exhausted
        /// Compressed bytes that are not what their writer wrote.
        case damaged
        /// Compressed bytes that end early. All that could be read of them was delivered.
        case truncated
        /// A bound was reached: memory for decompression, or the number of files.
        case excessive
        /// A pattern of paths that means nothing.
        case pattern
    }

    package var kind: Kind
    /// The path as people know it, or the pattern.
    package var path: String
    /// Where in the file as it lies on the disk, in bytes; nil where that says nothing.
    package var offset: UInt64?
    /// A lower-case clause.
    package var reason: String
    /// What a person can do, a lower-case clause.
    package var hint: String?

    package init(_ kind: Kind, path: String, offset: UInt64? = nil, _ reason: String, hint: String? = nil) {
        self.kind = kind
        self.path = path
        self.offset = offset
        self.reason = reason
        self.hint = hint
    }

    /// What a system call's `errno` means for the file at `path`.
    package init(errno code: Int32, path: String, offset: UInt64? = nil, doing action: String) {
        let text = String(cString: strerror(code)).lowercased()
        switch code {
        case ENOENT, ENOTDIR:
            self.init(.missing, path: path, "no such file", hint: "check the spelling of the path")
        case EACCES, EPERM:
            self.init(
                .forbidden, path: path, "not allowed to \(action) it",
                hint: "run as a user who may, or grant the right to read it")
        case EISDIR:
            self.init(.folder, path: path, "is a directory", hint: "name the files in it")
        case EMFILE, ENFILE:
            self.init(
                .exhausted, path: path, "cannot \(action) it: \(text)",
                hint: "raise the limit of open files (ulimit -n)")
        default:
            self.init(.failed, path: path, offset: offset, "cannot \(action) it: \(text)")
        }
    }

    package var description: String {
        let place = offset.map { " at byte \($0)" } ?? ""
        return "\(path): \(reason)\(place)" + (hint.map { "; \($0)" } ?? "")
    }
}
