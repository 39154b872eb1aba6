import ArchiveTypes
import ObjectStore
import S3
import TestSupport
import Testing

struct XMLReaderTests {
    private func events(_ text: String) throws -> [XMLReader.Event] {
        var reader = XMLReader(Array(text.utf8))
        var events: [XMLReader.Event] = []
        while let event = try reader.read() { events.append(event) }
        return events
    }

    @Test func everyKindOfContent() throws {
        let text = """
            \u{FEFF}<?xml version="1.0" encoding='UTF-8'?>
            <!-- a <comment> -->
            <s3:Root xmlns="http://x/" a='>"' b = "/>">
            <Key>a&amp;b&lt;&gt;&quot;&apos;&#65;&#x1F600;&#xe9;</Key><Empty/><Empty a="1" />
            <Data><![CDATA[<not & parsed>]]]]></Data></s3:Root >
            """
        let found = try events(text).filter {
            if case .text(let text) = $0 { text.contains { !$0.isWhitespace } } else { true }
        }
        #expect(
            found == [
                .start("Root"), .start("Key"), .text("a&b<>\"'A😀é"), .end("Key"), .start("Empty"), .end("Empty"),
                .start("Empty"),
                .end("Empty"), .start("Data"), .text("<not & parsed>]]"), .end("Data"), .end("Root"),
            ])
    }

    @Test(arguments: [
        "", "text", "<a>", "<a></b>", "</a>", "<a/><b/>", "<a/>text", "<a b></a>", "<a b=c/>", "<a b=\"c/>",
        "<a>&unknown;</a>",
        "<a>&amp</a>", "<a>&#xD800;</a>", "<a>&#x110000;</a>", "<a>&#;</a>", "<a>&#+5;</a>", "<a><![CDATA[x</a>",
        "<!-- x",
        "<?xml", "<a", "<", "<a><", "< a/>", "<>", "<a>\u{0}</a",
        "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>", "<a><!ELEMENT b></a>",
        String(repeating: "<a>", count: 33) + String(repeating: "</a>", count: 33),
        "<" + String(repeating: "a", count: 300) + "/>",
    ])
    func malformed(_ text: String) {
        #expect(throws: XMLReader.Malformed.self) { try events(text) }
    }

    @Test func textThatIsNotUTF8IsRefused() {
        var reader = XMLReader(Array("<a>".utf8) + [0xFF] + Array("</a>".utf8))
        #expect(throws: XMLReader.Malformed.self) { while try reader.read() != nil {} }
    }

    /// Whatever comes, it ends with events or an error: no trap, no endless loop.
    @Test func damagedDocuments() throws {
        let seed: UInt64 = 7
        var generator = SeededGenerator(seed: seed)
        let whole = Array("<?xml version='1.0'?><A x='y'><B>1&amp;2&#65;</B><![CDATA[z]]><!-- c --><C/></A>".utf8)
        var refused = 0
        for _ in 0..<20_000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.remove(at: index)
                default: bytes.insert("<>&;/'\"!-[]?".utf8.randomElement(using: &generator) ?? 0, at: index)
                }
            }
            var reader = XMLReader(bytes)
            var count = 0
            do {
                while try reader.read() != nil { count += 1 }
            } catch {
                refused += 1
            }
            #expect(count <= bytes.count, "seed \(seed)")
        }
        #expect(refused > 5000, "seed \(seed): damage is noticed")
    }
}

struct ListAnswerTests {
    @Test func asAWSAnswers() throws {
        let text = """
            <?xml version="1.0" encoding="UTF-8"?>
            <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>bucket</Name><Prefix/>
            <NextContinuationToken>1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=</NextContinuationToken>
            <KeyCount>2</KeyCount><MaxKeys>2</MaxKeys><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>
            <Contents><Key>a%2Bb/c+d%C3%A9</Key><LastModified>2009-10-12T17:50:30.000Z</LastModified>
            <ETag>&quot;fba9dede5f27731c9771645a39863328&quot;</ETag><Size>434234</Size><StorageClass>STANDARD</StorageClass>
            <Owner><ID>x</ID><Key>not this</Key></Owner></Contents>
            <Contents><Key>b</Key><Size>0</Size></Contents></ListBucketResult>
            """
        let answer = try ListAnswer(parsing: Array(text.utf8))
        #expect(answer.entries == [.init(key: "a+b/c dé", size: 434_234), .init(key: "b", size: 0)])
        #expect(answer.isTruncated)
        #expect(answer.continuationToken == "1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=")
    }

    @Test func keysThatAreNotEncodedStayAsTheyAre() throws {
        let text = "<ListBucketResult><Contents><Size>1</Size><Key>a%2B+&amp;</Key></Contents></ListBucketResult>"
        let answer = try ListAnswer(parsing: Array(text.utf8))
        #expect(answer.entries == [.init(key: "a%2B+&", size: 1)])
        #expect(!answer.isTruncated)
    }

    @Test(arguments: [
        "<Error><Code>x</Code></Error>", "<html></html>",
        "<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>",
        "<ListBucketResult><Contents><Key>a</Key><Size>-1</Size></Contents></ListBucketResult>",
        "<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>%4</Key><Size>1</Size></Contents></ListBucketResult>",
        "<ListBucketResult><Contents>",
    ])
    func malformed(_ text: String) {
        #expect(throws: ListAnswer.Malformed.self) { try ListAnswer(parsing: Array(text.utf8)) }
    }
}

struct EncodingTests {
    @Test func dates() {
        #expect(HTTPDate.parse("Sun, 06 Nov 1994 08:49:37 GMT") == 784_111_777 * .perSecond)
        for text in [
            "", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 99994 08:49:37 GMT",
            "Sun, 06 Nov 1994 +8:49:37 GMT", "Sun, 06 Nov 1994 08:49 GMT", "120",
        ] {
            #expect(HTTPDate.parse(text) == nil, "\(text)")
        }
    }

    @Test func everyByteIsEncodedAndDecoded() {
        let unreserved = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~".utf8)
        for byte in UInt8(0)..<128 {
            let text = String(UnicodeScalar(byte))
            let hexadecimal = "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            #expect(PercentEncoding.encode(text) == (unreserved.contains(byte) ? text : hexadecimal))
            #expect(PercentEncoding.decode(hexadecimal) == text)
        }
        #expect(PercentEncoding.encode("a/é 漢", keepingSlash: true) == "a/%C3%A9%20%E6%BC%A2")
        #expect(PercentEncoding.decode("%C3%A9%e6%bc%a2") == "é漢")
        for text in ["%", "%1", "%zz", "%FF"] { #expect(PercentEncoding.decode(text) == nil) }
    }

    /// RFC 4648, section 10.
    @Test func base64() {
        let vectors = [
            "": "", "f": "Zg==", "fo": "Zm8=", "foo": "Zm9v", "foob": "Zm9vYg==", "fooba": "Zm9vYmE=",
            "foobar": "Zm9vYmFy",
        ]
        for (text, encoded) in vectors { #expect(Base64.encode(Array(text.utf8)) == encoded) }
        #expect(Base64.encode([0xFB, 0xFF]) == "+/8=")
    }
}
