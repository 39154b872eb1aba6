import CSystem
import Glibc

/// What standard output is able to show.
struct Screen {
    /// Standard output is a terminal.
    var isTerminal: Bool
    /// A terminal, and nobody asked for no colours (https://no-color.org) or has a terminal without them.
    var isColoured: Bool
    /// Block characters can be shown.
    var isUnicode: Bool
    /// Columns, 80 where nobody knows.
    var width: Int

    static func ofStandardOutput() -> Screen {
        let isTerminal = isatty(STDOUT_FILENO) == 1
        let columns = Int(firn_terminal_columns(STDOUT_FILENO))
        return Screen(
            isTerminal: isTerminal,
            isColoured: isTerminal && (variable("NO_COLOR") ?? "").isEmpty && variable("TERM") != "dumb",
            isUnicode: hasUnicodeLocale(),
            width: columns > 0 ? columns : 80)
    }

    /// The first of the three variables that is set and not empty decides (POSIX, section 8.2).
    private static func hasUnicodeLocale() -> Bool {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap(variable).first { !$0.isEmpty } ?? ""
        return ["utf-8", "utf8"].contains { locale.lowercased().hasSuffix($0) }
    }

    private static func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}
