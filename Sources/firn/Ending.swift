import ArgumentParser
import Configuration
import Retrieval

/// How the program ends on an error: what it says, and its status.
enum Ending {
    static func report(_ error: any Error) -> Int32 {
        switch error {
        case let failure as CommandFailure:
            failure.sentence.map(StandardError.say)
            return failure.status
        case let error as ConfigurationError:
            for problem in error.problems { StandardError.say("\(problem)") }
            return ExitStatus.failed
        case SinkError.closed:
            return ExitStatus.done
        case is CancellationError:
            return ExitStatus.failed
        default:
            return reportOfParser(error) ?? other(error)
        }
    }

    /// Help, version, completion scripts, and wrong usage; nil for errors that are not the parser's.
    private static func reportOfParser(_ error: any Error) -> Int32? {
        switch Firn.exitCode(for: error) {
        case .success:
            print(Firn.fullMessage(for: error))
            return ExitStatus.done
        case .validationFailure:
            StandardError.say(UnknownCommand.sentence(Array(CommandLine.arguments.dropFirst())) ?? usageMessage(error))
            return ExitStatus.wrongUsage
        default: return nil
        }
    }

    private static func usageMessage(_ error: any Error) -> String {
        let message = Firn.fullMessage(for: error)
        let prefix = "Error: "
        return message.hasPrefix(prefix) ? String(message.dropFirst(prefix.count)) : message
    }

    private static func other(_ error: any Error) -> Int32 {
        StandardError.say("\(error)")
        return ExitStatus.failed
    }
}
