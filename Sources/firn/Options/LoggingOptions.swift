import ArgumentParser
import Configuration
import Glibc
import Logging

struct LoggingOptions: ParsableArguments {
    @Option(
        name: .customLong("log-level"),
        help: ArgumentHelp(
            "What to log to standard error: trace, debug, info, notice, warning, error or critical. Also $FIRN_LOG_LEVEL.",
            valueName: "level"))
    var name: String?

    func validate() throws {
        if let name, Logger.Level(rawValue: name) == nil {
            throw ValidationError("there is no log level '\(name)'\(Self.hint(name))")
        }
    }

    /// Sends the program's logs to standard error; called once. Unasked, services tell what they do, others what goes wrong.
    func start(isService: Bool = false) {
        let fromEnvironment = getenv("FIRN_LOG_LEVEL").map { String(cString: $0) }
        let level = (name ?? fromEnvironment).flatMap { Logger.Level(rawValue: $0) } ?? (isService ? .info : .warning)
        LoggingSystem.bootstrap { _ in StandardErrorLog(logLevel: level) }
        if name == nil, let fromEnvironment, Logger.Level(rawValue: fromEnvironment) == nil {
            StandardError.say("FIRN_LOG_LEVEL: there is no log level '\(fromEnvironment)'\(Self.hint(fromEnvironment))")
        }
    }

    private static func hint(_ name: String) -> String {
        let nearest = Nearest.match(name, among: Logger.Level.allCases.map(\.rawValue))
        let all = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
        return nearest.map { "; did you mean \($0)?" } ?? "; write one of \(all)"
    }
}
