import Glibc

/// What went wrong on the spool's own disk.
package struct SpoolError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// Another process has this spool open.
        case locked
        /// No space left: what can wait waits.
        case full
        /// Rights or paths that somebody must mend.
        case configuration
        /// The disk failed: nothing after this on the same descriptor may be trusted.
        case io
        /// The spool's own state is damaged.
        case damaged
    }

    package var kind: Kind
    package var path: String
    package var reason: String
    package var hint: String?

    package init(_ kind: Kind, path: String, reason: String, hint: String? = nil) {
        self.kind = kind
        self.path = path
        self.reason = reason
        self.hint = hint
    }

    /// From `errno`, directly after the call that set it.
    static func system(_ operation: String, path: String, code: Int32 = errno) -> SpoolError {
        let reason = "\(operation): \(String(cString: strerror(code)))"
        switch code {
        case ENOSPC, EDQUOT:
            return SpoolError(
                .full, path: path, reason: reason, hint: "free space there, or set spool.path to a larger disk")
        case EMFILE, ENFILE:
            // Connections and files come and go: there will be one again.
            return SpoolError(
                .full, path: path, reason: reason, hint: "raise the limit of open files (ulimit -n, LimitNOFILE=)")
        case EACCES, EPERM, EROFS, ENOENT, ENOTDIR:
            return SpoolError(
                .configuration, path: path, reason: reason,
                hint: "set spool.path to a directory that this user may write")
        default: return SpoolError(.io, path: path, reason: reason)
        }
    }

    package var description: String { "spool \(path): \(reason)" + (hint.map { "; \($0)" } ?? "") }
}
