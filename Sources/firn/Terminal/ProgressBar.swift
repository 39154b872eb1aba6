import CSystem
import Dispatch
import Glibc

/// How far a piece of work is.
struct Progress: Sendable {
    /// Bytes that were moved.
    var bytes: UInt64
    /// Of the whole work, 0 to 1; nil where nobody knows the end.
    var share: Double?
    /// What to show after the figures, such as a number of blocks.
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
            let width = max(20, Int(firn_terminal_columns(STDERR_FILENO)) - Self.margin)
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

    /// Columns left free, so that the `^C` of who interrupts stays on the line and is erased with it.
    private static let margin = 3

    private static let eraseToEnd = "\u{1B}[K"

    static func line(_ title: String, _ progress: Progress, seconds: Double, width: Int) -> String {
        let rate = seconds > 0 ? Double(progress.bytes) / seconds : 0
        var figures = "\(HumanText.bytes(progress.bytes))  \(HumanText.bytes(UInt64(rate)))/s"
        if let left = secondsLeft(progress, seconds: seconds) { figures += "  \(HumanText.clock(left)) left" }
        if !progress.note.isEmpty { figures += "  " + progress.note }
        let room = width - title.count - figures.count - 6
        guard let share = progress.share, room >= 10 else { return String("\(title)  \(figures)".prefix(width)) }
        return "\(title)  [\(bar(share, width: min(room, 40)))]  \(figures)"
    }

    private static func secondsLeft(_ progress: Progress, seconds: Double) -> Int? {
        guard let share = progress.share, share > 0.01, share < 1 else { return nil }
        let left = seconds / share - seconds
        return left < 360_000 ? Int(left.rounded(.up)) : nil
    }

    private static func bar(_ share: Double, width: Int) -> String {
        let filled = Int(max(0, min(1, share)) * Double(width))
        return String(repeating: "#", count: filled) + String(repeating: "-", count: width - filled)
    }
}
