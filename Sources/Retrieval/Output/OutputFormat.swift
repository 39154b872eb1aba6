package import EventTime

/// How selected lines are printed.
package enum OutputFormat: Sendable, Hashable {
    /// The line's bytes.
    case raw
    /// Time, host and source before the line's bytes.
    case prefixed(PrefixStyle)
    /// One JSON object a line.
    case json
}

package struct PrefixStyle: Sendable, Hashable {
    /// ANSI colours around the prefix.
    package var isColoured: Bool
    /// In which times are shown.
    package var zone: TimeZoneRules
    /// Digits of the seconds' fraction, 0 to 9.
    package var fractionDigits: Int

    package init(isColoured: Bool = false, zone: TimeZoneRules = .utc, fractionDigits: Int = 3) {
        self.isColoured = isColoured
        self.zone = zone
        self.fractionDigits = fractionDigits
    }
}

package struct OutputOptions: Sendable, Hashable {
    package var format: OutputFormat
    /// The output is a terminal: control characters, and bytes that are not UTF-8, stand as `\xNN`.
    package var escapesControls: Bool

    package init(format: OutputFormat = .raw, escapesControls: Bool = false) {
        self.format = format
        self.escapesControls = escapesControls
    }
}
