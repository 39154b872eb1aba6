import Configuration

/// Surroundings of a machine named `web-1`, not root, that knows two zones.
func surroundings(_ environment: [String: String] = [:], hostName: String = "web-1") -> Surroundings {
    var environment = environment
    environment["HOME"] = environment["HOME"] ?? "/home/ada"
    return Surroundings(environment: environment, hostName: hostName, isRoot: false) { name in
        ["Europe/Paris", "America/New_York"].contains(name)
    }
}

func parse(_ text: String, _ environment: [String: String] = [:]) throws -> LoadedConfiguration {
    try Configuration.parse(text, file: "firn.yaml", surroundings: surroundings(environment))
}

/// The messages of a configuration that must be wrong; "accepted" where it is not.
func problems(_ text: String, _ environment: [String: String] = [:], hostName: String = "web-1") -> String {
    do {
        _ = try Configuration.parse(
            text, file: "firn.yaml", surroundings: surroundings(environment, hostName: hostName))
        return "accepted"
    } catch {
        return error.description
    }
}
