import Testing

@testable import firn

@Suite struct TerminalTests {
    @Test(
        arguments: [
            (0, "0 B"), (1023, "1023 B"), (1024, "1.00 KiB"), (1536, "1.50 KiB"), (10_240, "10.0 KiB"),
            (102_400, "100 KiB"),
            (1_022_976, "999 KiB"), (1_023_999, "0.98 MiB"), (1_048_576, "1.00 MiB"), (UInt64.max, "16.0 EiB"),
        ] as [(UInt64, String)])
    func sizesHaveThreeDigits(bytes: UInt64, expected: String) {
        #expect(HumanText.bytes(bytes) == expected)
    }

    @Test(arguments: [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] as [(UInt64, String)])
    func countsAreGrouped(count: UInt64, expected: String) {
        #expect(HumanText.count(count) == expected)
    }

    @Test(
        arguments: [
            (0, 2, "0.00"), (1.005, 1, "1.0"), (9.96, 1, "10.0"), (-0.04, 1, "0.0"), (-2.5, 1, "-2.5"), (7.6, 0, "8"),
            (0.07, 2, "0.07"),
        ] as [(Double, Int, String)])
    func decimalsAreRounded(value: Double, digits: Int, expected: String) {
        #expect(HumanText.decimal(value, digits: digits) == expected)
    }

    @Test func columnsAreAlignedAndNamesHarmless() {
        var table = Table([.init(title: "HOST"), .init(title: "LINES", alignment: .right), .init(title: "NOTE")])
        table.append(["web-1", "1,234", "x"])
        table.append(["a\u{1B}[31mb", "7", ""])
        #expect(
            table.text(isColoured: false) == """
                HOST        LINES  NOTE
                web-1       1,234  x
                a\\x1b[31mb      7

                """)
    }

    @Test func barsAreProportionalAndNothingVanishes() {
        let screen = Screen(isTerminal: true, isColoured: false, isUnicode: true, width: 24)
        let text = HistogramDrawing(screen: screen).text([
            .init(title: "18:00", count: 1000), .init(title: "18:01", count: 500), .init(title: "18:02", count: 0),
            .init(title: "18:03", count: 1),
        ])
        #expect(
            text == """
                18:00  1,000  ██████████
                18:01    500  █████
                18:02      0
                18:03      1  ▏

                """)
    }

    @Test(arguments: [20, 40, 80, 200])
    func aBarFitsItsLine(width: Int) {
        for share in [nil, 0, 0.02, 0.5, 1, 1.5] as [Double?] {
            let progress = Progress(bytes: 123_456_789, share: share, note: "7 of 9 blocks")
            #expect(ProgressBar.line("archiving", progress, seconds: 3, width: width).count <= width)
        }
        let half = ProgressBar.line("reading", Progress(bytes: 1 << 20, share: 0.5), seconds: 2, width: 80)
        #expect(half == "reading  [##################-------------------]  1.00 MiB  512 KiB/s  0:02 left")
    }

    @Test func jsonIsEscaped() {
        var line = JSONLine()
        line.add("a\"b", "\\ \n \u{1} ü")
        line.add("n", 7)
        line.add("t", true)
        #expect(line.text == "{\"a\\\"b\":\"\\\\ \\n \\u0001 ü\",\"n\":7,\"t\":true}\n")
    }
}
