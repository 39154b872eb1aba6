/// Rows under titles, in aligned columns two spaces apart.
struct Table {
    enum Alignment { case left, right }

    struct Column {
        var title: String
        var alignment: Alignment = .left
    }

    private let columns: [Column]
    private var rows: [[String]] = []

    init(_ columns: [Column]) { self.columns = columns }

    /// One cell a column; control characters are made harmless.
    mutating func append(_ cells: [String]) {
        precondition(cells.count == columns.count, "a row has a cell for each column")
        rows.append(cells.map(HumanText.harmless))
    }

    var isEmpty: Bool { rows.isEmpty }

    /// Columns of a terminal that the longest line takes.
    var width: Int { widths.reduce(0, +) + 2 * max(0, columns.count - 1) }

    private var widths: [Int] {
        columns.indices.map { column in max(columns[column].title.count, rows.map { $0[column].count }.max() ?? 0) }
    }

    /// One line a row, titles first.
    func text(isColoured: Bool) -> String {
        let widths = widths
        let titles = line(columns.map(\.title), widths)
        let head = isColoured ? "\u{1B}[1m\(titles)\u{1B}[0m" : titles
        return ([head] + rows.map { line($0, widths) }).joined(separator: "\n") + "\n"
    }

    private func line(_ cells: [String], _ widths: [Int]) -> String {
        let padded = zip(zip(cells, widths), columns).map { item, column in
            let space = String(repeating: " ", count: item.1 - item.0.count)
            return column.alignment == .left ? item.0 + space : space + item.0
        }
        let text = padded.joined(separator: "  ")
        return String(text.reversed().drop { $0 == " " }.reversed())
    }
}
