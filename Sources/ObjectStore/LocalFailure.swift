import Glibc

/// What went wrong in a store of this machine, without the store's name and the request: the store adds those.
struct LocalFailure: Error {
    enum Access { case reading, writing }

    var kind: StoreError.Kind
    var reason: String
    var hint: String?
    /// errno, where a system call failed.
    var code: Int32 = 0

    init(_ kind: StoreError.Kind, _ reason: String, hint: String? = nil) {
        self.kind = kind
        self.reason = reason
        self.hint = hint
    }

    /// The failure of a system call. `call` says in words what was tried: `cannot open`, `cannot write`.
    init(_ call: String, _ code: Int32, _ access: Access) {
        (kind, hint) = Self.meaning(of: code, access)
        reason = "\(call): \(String(cString: strerror(code)).lowercased())"
        self.code = code
    }

    private static func meaning(of code: Int32, _ access: Access) -> (StoreError.Kind, hint: String?) {
        switch code {
        case ENOSPC, EDQUOT: (.full, "free space there or raise the quota")
        case EACCES, EPERM: (.configuration, "give this user the right to read and write the directory")
        case EROFS: (.configuration, "mount the file system for writing")
        case ELOOP:
            (.configuration, "symbolic links inside a store are not followed; mount or bind what shall be there")
        case ENOENT: access == .reading ? (.notFound, nil) : (.transient, nil)
        case ENOTDIR: access == .reading ? (.notFound, nil) : (.rejected, "no key may begin with another and a slash")
        case ENAMETOOLONG, EFBIG: (.rejected, nil)
        // A sector that cannot be read is damage, and another copy helps; one that cannot be written is the next try's matter.
        case EIO: access == .reading ? (.corrupt, "check the disk") : (.transient, "check the disk")
        case EUCLEAN: (.corrupt, "check the file system")
        default: (.transient, nil)
        }
    }
}
