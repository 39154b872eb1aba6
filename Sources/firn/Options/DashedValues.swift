/// Values that begin with a dash, such as the time `-2h`: the parser would take them for options (and this one for a
/// request for help), so they are joined to their option by `=` beforehand.
enum DashedValues {
    private static let options: Set<String> = ["--from", "--to", "--match", "--exclude", "--regex"]

    static func joined(_ arguments: [String]) -> [String] {
        var result: [String] = []
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--" { return result + [argument] + rest }
            if options.contains(argument), let value = rest.first, value.hasPrefix("-") {
                result.append("\(argument)=\(value)")
                rest.removeFirst()
            } else {
                result.append(argument)
            }
        }
        return result
    }
}
