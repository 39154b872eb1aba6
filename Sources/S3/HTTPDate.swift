package import ArchiveTypes

/// `Sun, 06 Nov 1994 08:49:37 GMT`: the form of dates that servers must send (RFC 9110, 5.6.7).
package enum HTTPDate {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// Nil for anything else, the obsolete forms included.
    package static func parse(_ text: String) -> Nanoseconds? {
        let words = text.split(separator: " ")
        guard words.count == 6, words[0].hasSuffix(","), words[5] == "GMT",
            let day = number(words[1], 1...31), let month = months.firstIndex(where: { $0 == words[2] }),
            let year = number(words[3], 1970...2261)
        else { return nil }
        let clock = words[4].split(separator: ":", omittingEmptySubsequences: false)
        // 60: a leap second.
        guard clock.count == 3, let hour = number(clock[0], 0...23), let minute = number(clock[1], 0...59),
            let second = number(clock[2], 0...60)
        else { return nil }
        return CivilTime(year: year, month: month + 1, day: day, hour: hour, minute: minute, second: second).nanoseconds
    }

    private static func number(_ text: Substring, _ range: ClosedRange<Int>) -> Int? {
        guard text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), let value = Int(text), range ~= value else { return nil }
        return value
    }
}
