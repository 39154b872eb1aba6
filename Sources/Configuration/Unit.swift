/// A unit of a size or a duration and how much of the smallest unit it is.
struct Unit {
    var name: String
    var factor: Int64
}

/// Digits and the letters after them, at the start of `text`; nil where there are no digits.
func splitNumber(_ text: Substring) -> (digits: Substring, unit: Substring, rest: Substring)? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard !digits.isEmpty else { return nil }
    let afterDigits = text.dropFirst(digits.count)
    let unit = afterDigits.prefix { $0.isLetter }
    return (digits, unit, afterDigits.dropFirst(unit.count))
}

/// `digits` times `factor`; nil where 63 bits do not hold it.
func multiply(_ digits: Substring, by factor: Int64) -> Int64? {
    guard let count = Int64(digits) else { return nil }
    let (product, overflow) = count.multipliedReportingOverflow(by: factor)
    return overflow ? nil : product
}
