import CSystem
import Dispatch
import Glibc

/// How far a piece of work is.
struct Progress: Sendable {
    /// Bytes done, and of how many; nil where nobody knows the end.
    var done: UInt64
    var total: UInt64?
    /// What to show after the figures, such as a number of lines.
    var note = ""
}

/// One line on standard error that shows how far the work is, where that is a terminal; erased at the end.
///
/// The work is asked ten times a second, beginning after half a second: short work shows nothing.
final class ProgressBar {
    private let queue = DispatchQueue(label: "firn.progress")
    private let timer: any DispatchSourceTimer

    /// Nil where standard error is no terminal. `read` is called from a thread of its own.
    init?(_ title: String, read: @escaping @Sendable () -> Progress) {
        guard StandardError.isTerminal else { return nil }
        let began = DispatchTime.now()
        timer = DispatchSource.makeTimerSource(queue: queue)
        timer.setEventHandler {
            let seconds = Double(DispatchTime.now().uptimeNanoseconds - began.uptimeNanoseconds) / 1e9
            let width = max(20, Int(firn_terminal_columns(STDERR_FILENO)) - 1)
            StandardError.write("\r" + Self.line(title, read(), seconds: seconds, width: width) + Self.eraseToEnd)
        }
        timer.schedule(deadline: began + .milliseconds(500), repeating: .milliseconds(100))
        timer.resume()
    }

    /// Erases the line; nothing is drawn after this returns.
    func finish() {
        timer.cancel()
        queue.sync { StandardError.write("\r" + Self.eraseToEnd) }
    }

    private static let eraseToEnd = "\u{1B}[K"

    static func line(_ title: String, _ progress: Progress, seconds: Double, width: Int) -> String {
        let rate = seconds > 0 ? Double(progress.done) / seconds : 0
        var figures = HumanText.bytes(progress.done)
        if let total = progress.total { figures += " of " + HumanText.bytes(total) }
        figures += "  " + HumanText.bytes(UInt64(rate)) + "/s"
        if let left = secondsLeft(progress, rate: rate) { figures += "  " + HumanText.clock(left) + " left" }
        if !progress.note.isEmpty { figures += "  " + progress.note }
        let room = width - title.count - figures.count - 6
        guard let total = progress.total, room >= 10 else { return String("\(title)  \(figures)".prefix(width)) }
        return "\(title)  [\(bar(progress.done, of: total, width: min(room, 40)))]  \(figures)"
    }

    private static func secondsLeft(_ progress: Progress, rate: Double) -> Int? {
        guard let total = progress.total, total > progress.done, rate > 0 else { return nil }
        let seconds = Double(total - progress.done) / rate
        return seconds < 360_000 ? Int(seconds.rounded(.up)) : nil
    }

    private static func bar(_ done: UInt64, of total: UInt64, width: Int) -> String {
        let share = total == 0 ? 1 : min(1, Double(done) / Double(total))
        let filled = Int(share * Double(width))
        return String(repeating: "#", count: filled) + String(repeating: "-", count: width - filled)
    }
}
