import Yams

/// What a YAML file holds, with places and without the freedoms that Firn does not use (tags, keys that are not text).
indirect enum YAMLTree {
    /// An empty value, `~` or `null`.
    case nothing(Place)
    case scalar(String, Place)
    case list([YAMLTree], Place)
    case section([Entry], Place)

    struct Entry {
        var key: String
        var place: Place
        var value: YAMLTree
    }

    var place: Place {
        switch self {
        case .nothing(let place), .scalar(_, let place), .list(_, let place), .section(_, let place): place
        }
    }

    /// What it is, for messages about what it should have been.
    var kind: String {
        switch self {
        case .nothing: "nothing"
        case .scalar(let text, _): text.quoted
        case .list: "a list"
        case .section: "a section of keys"
        }
    }

    static let start = Place.file(line: 1, column: 1)

    /// One YAML document; an empty one is an empty section.
    static func parse(_ text: String) throws(YAMLFault) -> YAMLTree {
        do {
            guard let root = try Parser(yaml: text, resolver: .basic).singleRoot() else { return .section([], start) }
            // Aliases of aliases stand for exponentially many values: a file that says them itself has no more than bytes.
            var budget = max(leastBudget, text.utf8.count)
            return try convert(root, &budget)
        } catch let fault as YAMLFault {
            throw fault
        } catch let error as YamlError {
            throw YAMLFault(error)
        } catch {
            throw YAMLFault(place: start, problem: InvalidValue("\(error)"))
        }
    }

    private static let leastBudget = 10_000

    private static func convert(_ node: Node, _ budget: inout Int) throws -> YAMLTree {
        let place = node.mark.map { Place.file(line: $0.line, column: $0.column) } ?? start
        budget -= 1
        guard budget > 0 else {
            throw YAMLFault(place: place, problem: InvalidValue("the file's aliases stand for too many values"))
        }
        switch node {
        case .scalar(let scalar):
            let isEmpty = scalar.style == .plain && ["", "~", "null"].contains(scalar.string)
            return isEmpty ? .nothing(place) : .scalar(scalar.string, place)
        case .sequence(let sequence): return .list(try sequence.map { try convert($0, &budget) }, place)
        case .mapping(let mapping): return .section(try mapping.map { try entry($0.key, $0.value, &budget) }, place)
        case .alias: throw YAMLFault(place: place, problem: InvalidValue("the alias names no anchor"))
        }
    }

    private static func entry(_ key: Node, _ value: Node, _ budget: inout Int) throws -> Entry {
        let place = key.mark.map { Place.file(line: $0.line, column: $0.column) } ?? start
        guard case .scalar(let scalar) = key else {
            throw YAMLFault(place: place, problem: InvalidValue("a key must be plain text"))
        }
        return Entry(key: scalar.string, place: place, value: try convert(value, &budget))
    }
}

/// Text that is not YAML as Firn reads it.
struct YAMLFault: Error {
    var place: Place
    var problem: InvalidValue
}

extension YAMLFault {
    init(_ error: YamlError) {
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let clause = context.map { "\($0.text): \(problem)" } ?? problem
            self.init(mark, InvalidValue("not valid YAML: \(clause)", hint: "look at the indentation and quotes here"))
        case .duplicatedKeysInMapping(let keys, let context):
            let names = keys.map(\.quoted).joined(separator: ", ")
            self.init(context.mark, InvalidValue("the key \(names) stands twice", hint: "keep one of them"))
        case .reader(let problem, _, _, _):
            self.init(place: YAMLTree.start, problem: InvalidValue("not readable as text: \(problem)"))
        default:
            self.init(place: YAMLTree.start, problem: InvalidValue("not readable as YAML: \(error)"))
        }
    }

    private init(_ mark: Mark, _ problem: InvalidValue) {
        self.init(place: .file(line: max(1, mark.line), column: max(1, mark.column)), problem: problem)
    }
}
