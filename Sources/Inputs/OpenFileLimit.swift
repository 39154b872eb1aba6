import Glibc

/// How many descriptors this process may hold.
package enum OpenFileLimit {
    /// Raises the soft limit to the hard one, and tells it. What uses select(2) must not run in this process: nothing
    /// here does.
    package static func raise() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        let before = limit.rlim_cur
        limit.rlim_cur = limit.rlim_max
        if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) != 0 { limit.rlim_cur = before }
        return Int(clamping: limit.rlim_cur)
    }

    /// How many of `limit` following files may take: the others are for the spool, connections and folders.
    package static func share(of limit: Int) -> Int { max(16, min(limit - 256, 1 << 16, limit * 3 / 4)) }

    /// How many of `limit` connections of senders may take: the spool and the stores must not go without.
    package static func connections(of limit: Int) -> Int { max(16, (limit - share(of: limit)) / 2) }
}
