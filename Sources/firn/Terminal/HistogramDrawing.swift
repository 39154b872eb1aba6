/// Draws counts over time: one line a step, a bar as long as the terminal allows.
struct HistogramDrawing {
    struct Step {
        /// What stands before the bar, of equal length in all steps.
        var title: String
        var count: UInt64
    }

    var screen: Screen

    func text(_ steps: [Step]) -> String {
        let greatest = steps.map(\.count).max() ?? 0
        let titleWidth = steps.map(\.title.count).max() ?? 0
        let countWidth = HumanText.count(greatest).count
        let room = max(10, screen.width - titleWidth - countWidth - 4)
        return steps.map { step in
            let count = HumanText.count(step.count)
            let bar = coloured(bar(step.count, of: greatest, width: room))
            let padding = String(repeating: " ", count: countWidth - count.count)
            return "\(step.title)  \(padding)\(count)" + (step.count > 0 ? "  \(bar)" : "") + "\n"
        }.joined()
    }

    /// Eighths of a column where blocks can be shown; whatever is more than nothing shows.
    private func bar(_ count: UInt64, of greatest: UInt64, width: Int) -> String {
        guard count > 0, greatest > 0 else { return "" }
        let share = Double(count) / Double(greatest)
        guard screen.isUnicode else { return String(repeating: "#", count: max(1, Int(share * Double(width)))) }
        let eighths = max(1, Int(share * Double(width * 8)))
        let partial = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8]
        return String(repeating: "█", count: eighths / 8) + partial
    }

    private func coloured(_ bar: String) -> String { screen.isColoured ? "\u{1B}[36m\(bar)\u{1B}[0m" : bar }
}
