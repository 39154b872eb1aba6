import ArchiveTypes

/// What the sections of one configuration share while they are read: problems, the environment, and which variables
/// would have been looked at.
final class ConfigurationReader {
    let file: String
    let surroundings: Surroundings
    private(set) var problems: [ConfigurationProblem] = []
    private(set) var warnings: [ConfigurationProblem] = []
    private var knownVariables: Set<String> = ["FIRN_STORES_0_URL", "FIRN_INPUTS_0_FILES_INCLUDE_0"]

    init(file: String, surroundings: Surroundings) {
        self.file = file
        self.surroundings = surroundings
    }

    func report(_ problem: InvalidValue, key: String, at place: Place) {
        problems.append(ConfigurationProblem(file: file, place: place, key: key, problem: problem))
    }

    func warn(_ problem: InvalidValue, key: String, at place: Place) {
        warnings.append(ConfigurationProblem(file: file, place: place, key: key, problem: problem))
    }

    /// The value of the variable that overrides a scalar, empty ones included.
    func variable(_ name: String) -> String? {
        knownVariables.insert(name)
        return surroundings.environment[name]
    }

    /// Whether any variable stands for something inside `prefix`, or for itself.
    func hasVariables(in prefix: String) -> Bool {
        surroundings.environment.keys.contains { $0 == prefix || $0.hasPrefix(prefix + "_") }
    }

    /// The rests of the names of all variables inside `prefix`.
    func variables(in prefix: String) -> [String] {
        surroundings.environment.keys.filter { $0.hasPrefix(prefix + "_") }.map {
            String($0.dropFirst(prefix.count + 1))
        }
        .sorted()
    }

    /// Warns of each variable that looks like an override and is none.
    func reportUnknownVariables() {
        for name in surroundings.environment.keys where name.hasPrefix("FIRN_") && !isKnown(name) {
            let nearest = Nearest.match(name, among: knownVariables.sorted())
            warn(
                InvalidValue(
                    "it matches no key of the configuration and is ignored",
                    hint: nearest.map { "did you mean \($0)?" } ?? "`firn config show` prints all keys"),
                key: "", at: .variable(name))
        }
    }

    private func isKnown(_ name: String) -> Bool {
        ["FIRN_CONFIG", "FIRN_LOG_LEVEL"].contains(name) || name.hasPrefix("FIRN_TEST_")
            || knownVariables.contains(name)
    }
}

/// A value and where it stands.
struct Located<Value> {
    var value: Value
    var place: Place
}
