/// Where a value of the configuration stands.
package enum Place: Sendable, Hashable {
    /// Line and column count from 1, columns in Unicode scalars.
    case file(line: Int, column: Int)
    /// An environment variable.
    case variable(String)
}

/// One thing that is wrong with the configuration, or worth a warning.
package struct ConfigurationProblem: Sendable, Hashable, CustomStringConvertible {
    /// The file's path as it was given.
    package var file: String
    package var place: Place
    /// The key's path, as in `stores[0].url`; empty for the file as a whole.
    package var key: String
    package var problem: InvalidValue

    package var description: String {
        let subject = key.isEmpty ? "" : "\(key): "
        switch place {
        case .file(let line, let column): return "\(file):\(line):\(column): \(subject)\(problem)"
        case .variable(let name): return "environment variable \(name): \(problem)"
        }
    }
}

extension ConfigurationProblem: Comparable {
    /// Places in the file from top to bottom, then variables by name.
    package static func < (left: ConfigurationProblem, right: ConfigurationProblem) -> Bool {
        switch (left.place, right.place) {
        case (.file(let leftLine, let leftColumn), .file(let rightLine, let rightColumn)):
            (leftLine, leftColumn) < (rightLine, rightColumn)
        case (.variable(let leftName), .variable(let rightName)): leftName < rightName
        case (.file, .variable): true
        case (.variable, .file): false
        }
    }
}

/// Everything that is wrong with a configuration, from the file's first line to its last.
package struct ConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
    package var problems: [ConfigurationProblem]

    package init(_ problems: [ConfigurationProblem]) { self.problems = problems.sorted() }

    /// One line a problem.
    package var description: String { problems.map(\.description).joined(separator: "\n") }
}
