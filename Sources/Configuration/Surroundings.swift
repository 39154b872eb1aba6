/// What a configuration depends on beside its file, passed in so that reading one is a pure function.
package struct Surroundings: Sendable {
    package var environment: [String: String]
    /// The machine's name, as gethostname(2) gives it.
    package var hostName: String
    package var isRoot: Bool
    /// Whether the machine knows a time zone of that IANA name.
    package var knowsTimeZone: @Sendable (String) -> Bool

    package init(
        environment: [String: String], hostName: String, isRoot: Bool,
        knowsTimeZone: @escaping @Sendable (String) -> Bool
    ) {
        self.environment = environment
        self.hostName = hostName
        self.isRoot = isRoot
        self.knowsTimeZone = knowsTimeZone
    }

    /// `/var/lib/firn/spool` for root, else in the user's state directory (XDG Base Directory Specification); nil where
    /// the environment names no home.
    package var defaultSpoolPath: String? {
        if isRoot { return "/var/lib/firn/spool" }
        if let state = environment["XDG_STATE_HOME"], state.hasPrefix("/") { return state + "/firn/spool" }
        guard let home = environment["HOME"], home.hasPrefix("/") else { return nil }
        return home + "/.local/state/firn/spool"
    }

    /// The places where a configuration is looked for when none is named, in their order.
    package var searchPaths: [String] {
        var paths = ["./firn.yaml"]
        if let folder = environment["XDG_CONFIG_HOME"], folder.hasPrefix("/") {
            paths.append(folder + "/firn/firn.yaml")
        } else if let home = environment["HOME"], home.hasPrefix("/") {
            paths.append(home + "/.config/firn/firn.yaml")
        }
        return paths + ["/etc/firn/firn.yaml"]
    }
}
