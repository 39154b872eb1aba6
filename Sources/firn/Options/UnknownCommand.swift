import ArgumentParser
import Configuration

/// What to say of a command that there is not: the parser takes its name for an argument too many.
enum UnknownCommand {
    /// Nil where the arguments begin with commands that there are, or with options.
    static func sentence(_ arguments: [String]) -> String? {
        var command: any ParsableCommand.Type = Firn.self
        for name in arguments.prefix(while: { !$0.hasPrefix("-") }) {
            let known = command.configuration.subcommands
            guard !known.isEmpty, name != "help" else { return nil }
            guard let next = known.first(where: { $0.configuration.commandName == name }) else {
                let names = known.compactMap { $0.configuration.commandName }
                let hint = Nearest.match(name, among: names).map { "did you mean \($0)?" }
                return "there is no command '\(name)'; \(hint ?? "write one of \(names.joined(separator: ", "))")"
            }
            command = next
        }
        return nil
    }
}
