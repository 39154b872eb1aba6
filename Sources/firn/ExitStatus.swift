/// What scripts may rely on.
enum ExitStatus {
    /// Also when nothing matched.
    static let done: Int32 = 0
    static let failed: Int32 = 1
    /// What is missing is on standard error.
    static let incomplete: Int32 = 3
    /// Something is missing, damaged, misplaced or below what the rule asks.
    static let findings: Int32 = 4
    /// EX_USAGE of sysexits.h.
    static let wrongUsage: Int32 = 64
}

/// Ends the command with a status of its own, after a sentence on standard error where there is one to say.
struct CommandFailure: Error {
    var status: Int32 = ExitStatus.failed
    var sentence: String?
}
