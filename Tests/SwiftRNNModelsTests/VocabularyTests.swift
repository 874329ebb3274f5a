import Testing

@testable import SwiftRNNModels

@Suite struct VocabularyTests {
  private func texts(_ vocabulary: Vocabulary, _ ids: [Int]) -> [String] {
    ids.map { String(decoding: vocabulary.token($0) ?? [], as: UTF8.self) }
  }

  @Test func specialTokensComeFirstInTheirOrder() throws {
    let all = try Vocabulary(.characters, texts: ["ab"], specials: .all)
    #expect(texts(all, Array(0..<all.size)) == ["<pad>", "<unk>", "<bos>", "<eos>", "a", "b"])
    #expect([all.padding, all.unknown, all.beginning, all.end] == [0, 1, 2, 3])
    let some = try Vocabulary(.characters, texts: ["ab"], specials: [.end, .unknown])
    #expect(texts(some, Array(0..<some.size)) == ["<unk>", "<eos>", "a", "b"])
    #expect([some.padding, some.unknown, some.beginning, some.end] == [nil, 0, nil, 1])
    #expect(some.id(of: "<eos>") == 1 && some.id(of: "<pad>") == nil && some.id(of: "b") == 3)
    #expect(some.id(of: "ab") == nil && some.token(4) == nil && some.token(-1) == nil)
  }

  @Test func bytesSurviveWhateverTheyAre() throws {
    let vocabulary = try Vocabulary(.bytes, specials: [.padding, .beginning, .end])
    #expect(vocabulary.size == 259)
    let bytes = (0..<256).map { UInt8($0) } + [0xff, 0xfe, 0xc3, 0x28]
    let ids = try vocabulary.encode(bytes, framed: true)
    #expect(ids.first == 1 && ids.last == 2 && ids[1] == 3 && ids[256] == 258)
    #expect(try vocabulary.decode(ids) == bytes)
    #expect(try vocabulary.decodeText([0, 1, 68, 2], writesSpecials: true) == "<pad><bos>A<eos>")
  }

  @Test func charactersAreScalars() throws {
    let text = "e\u{301}\u{e9} \u{1f600}\u{1f468}\u{200d}\u{1f469}\r\n\u{0}"
    let vocabulary = try Vocabulary(.characters, texts: [text], specials: [])
    #expect(vocabulary.size == Set(text.unicodeScalars).count)
    let ids = try vocabulary.encode(text)
    #expect(ids.count == text.unicodeScalars.count)
    #expect(try vocabulary.decode(ids) == Array(text.utf8))
    // Neither is the other, though strings of Swift are equal.
    #expect(vocabulary.id(of: "e\u{301}") == nil && vocabulary.id(of: "\u{e9}") != nil)
    let refused = message { _ = try vocabulary.encode("e!") }
    #expect(refused == "the text has \"!\" at byte 1, which the vocabulary lacks, and it has no <unk>")
  }

  @Test func illFormedSequencesCountOnceEach() throws {
    let vocabulary = try Vocabulary(.characters, texts: ["\u{fffd}ab"], specials: .unknown)
    let replacement = try #require(vocabulary.id(of: "\u{fffd}"))
    let sequences: [[UInt8]] = [
      [0x80], [0xc3], [0xe2, 0x82], [0xf0, 0x9f, 0x98], [0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
      [0xe2, 0x28, 0xa1], [0xf0, 0x9f, 0xe2, 0x82], Array("\u{20ac}".utf8),
    ]
    for sequence in sequences {
      let bytes = [0x61] + sequence + [0x62]
      let expected = String(decoding: bytes, as: UTF8.self).unicodeScalars.map {
        $0 == "\u{fffd}" ? replacement : vocabulary.id(of: String($0)) ?? 0
      }
      #expect(try vocabulary.encode(bytes) == expected, "\(sequence)")
      let end = String(decoding: [0x61] + sequence, as: UTF8.self).unicodeScalars.count
      #expect(try vocabulary.encode([0x61] + sequence).count == end, "\(sequence)")
    }
  }

  @Test(arguments: [
    ("The cat, the CAT.", false, ["The", "cat", ",", "the", "CAT", "."]),
    ("The cat, the CAT.", true, ["the", "cat", ",", "the", "cat", "."]),
    ("don't  re-do\t\n3.14 a_b", false, ["don", "'", "t", "re", "-", "do", "3", ".", "14", "a", "_", "b"]),
    ("\u{c4}PFEL \u{3a3}\u{391}\u{3a3} \u{130}x", true, ["\u{e4}pfel", "\u{3c3}\u{3b1}\u{3c3}", "i\u{307}x"]),
    ("e\u{301}t\u{e9}\u{a0}\u{2003}na\u{ef}ve\u{2026}", false, ["e\u{301}t\u{e9}", "na\u{ef}ve", "\u{2026}"]),
    ("\u{65e5}\u{672c}\u{3002}\u{1f600}\u{1f600}", false, ["\u{65e5}\u{672c}", "\u{3002}", "\u{1f600}", "\u{1f600}"]),
    ("  ", false, []), ("", false, []), ("<pad>", false, ["<", "pad", ">"]),
    ("\u{212a}elvin", true, ["kelvin"]), ("\u{85}x\u{2028}y\u{200b}", false, ["x", "y", "\u{200b}"]),
  ])
  func wordsAreCutAsTheRuleSays(_ text: String, _ isLowercase: Bool, _ expected: [String]) throws {
    let vocabulary = try Vocabulary(.words, texts: [text], specials: [], isLowercase: isLowercase)
    let ids = try vocabulary.encode(text)
    #expect(texts(vocabulary, ids).map { Array($0.utf8) } == expected.map { Array($0.utf8) })
    let decoded = try vocabulary.decodeText(ids)
    #expect(Array(decoded.utf8) == Array(expected.joined(separator: " ").utf8))
    #expect(try vocabulary.encode(decoded) == ids)
  }

  @Test func longWordsAreCutBetweenScalars() throws {
    func lengths(_ text: String, _ isLowercase: Bool = false) throws -> [Int] {
      let vocabulary = try Vocabulary(.words, texts: [text], specials: [], isLowercase: isLowercase)
      #expect(try Vocabulary(vocabulary.json) == vocabulary)
      return try vocabulary.encode(text).map { vocabulary.token($0)?.count ?? 0 }
    }
    #expect(try lengths(String(repeating: "a", count: 1024)) == [1024])
    #expect(try lengths(String(repeating: "a", count: 2049)) == [1024, 1024, 1])
    #expect(try lengths("a" + String(repeating: "\u{e9}", count: 1000)) == [1023, 978])
    // Of 3 bytes each, in lower case of 1; of 2 bytes, in lower case of 3.
    #expect(try lengths(String(repeating: "\u{212a}", count: 1025), true) == [1024, 1])
    #expect(try lengths(String(repeating: "\u{130}", count: 342), true) == [1023, 3])
  }

  @Test func frequentTokensComeFirst() throws {
    let text = "b a c b d d d \u{e9} z \u{1f600} z"
    func words(_ minimumCount: Int, _ maximumSize: Int?) throws -> [String] {
      let vocabulary = try Vocabulary(
        .words, texts: [text], specials: .unknown, minimumCount: minimumCount, maximumSize: maximumSize)
      return texts(vocabulary, Array(1..<vocabulary.size))
    }
    #expect(try words(1, nil) == ["d", "b", "z", "a", "c", "\u{e9}", "\u{1f600}"])
    #expect(try words(2, nil) == ["d", "b", "z"])
    #expect(try words(1, 3) == ["d", "b"])
    #expect(try words(1, 1) == [])
    #expect(throws: ModelError.self) { try words(-1, nil) }
    #expect(throws: ModelError.self) { try words(1, 0) }
    #expect(throws: ModelError.self) { try words(1, .max) }
    let vocabulary = try Vocabulary(.words, texts: [text], specials: .unknown, maximumSize: 3)
    #expect(try vocabulary.encode("d b a d") == [1, 2, 0, 1])
    // Not the same as one text: tokens end where texts do.
    let two = try Vocabulary(.words, texts: ["ab", "cd"], specials: [])
    #expect(texts(two, [0, 1]) == ["ab", "cd"])
  }

  @Test func manyWordsKeepTheirNumbers() throws {
    let words = (0..<50_000).map { "w\($0 * 7919 % 50_000)" }
    let builder = try VocabularyBuilder(.words)
    try builder.add(words.joined(separator: " "))
    try builder.add("w7 w7 w8")
    let vocabulary = try builder.build(specials: [])
    #expect(vocabulary.size == 50_000)
    #expect(texts(vocabulary, [0, 1, 2]) == ["w7", "w8", "w0"])
    for i in stride(from: 0, to: 50_000, by: 77) {
      let id = try #require(vocabulary.id(of: "w\(i)"))
      #expect(texts(vocabulary, [id]) == ["w\(i)"])
    }
    #expect(vocabulary.id(of: "w50000") == nil)
  }

  /// Every scalar of the planes that have cases, as a word of its own: what the tokenizer makes of it is itself a token, so
  /// that a vocabulary of it can be read again.
  @Test func lowerCaseIsATokenAgain() throws {
    var text = String.UnicodeScalarView()
    for value in 0...UInt32(0x1ffff) {
      guard let scalar = Unicode.Scalar(value) else { continue }
      text.append(scalar)
      text.append(" ")
    }
    let vocabulary = try Vocabulary(.words, texts: [String(text)], specials: [], isLowercase: true)
    #expect(vocabulary.size > 120_000)
    let isSame = try Vocabulary(vocabulary.json) == vocabulary
    #expect(isSame)
  }

  @Test func tokensBetweenWhiteSpaceAndLines() throws {
    let text = " B-PER  don't\u{a0}\u{2003}x\r\nNew York \n\n\u{e9}\n"
    let tags = try Vocabulary(.whitespace, texts: [text], specials: .unknown)
    #expect(try tags.decodeText(tags.encode(text)) == "B-PER don't x New York \u{e9}")
    #expect(tags.size == 7 && tags.id(of: "B-PER") != nil)
    let labels = try Vocabulary(.lines, texts: [text], specials: [])
    #expect(try labels.decodeText(labels.encode(text)) == " B-PER  don't\u{a0}\u{2003}x\nNew York \n\u{e9}")
    #expect(labels.id(of: "New York ") != nil && labels.size == 3)
    // Ill-formed bytes, and what is longer than a token may be.
    let bytes = Array("a".utf8) + [0xff, 0x62, 0x20] + [UInt8](repeating: 0x7a, count: 2000)
    let builder = try VocabularyBuilder(.whitespace)
    try bytes.withUnsafeBufferPointer { try builder.add($0) }
    let strange = try builder.build(specials: [])
    #expect(strange.size == 3 && strange.id(of: "a\u{fffd}b") != nil)
    #expect(strange.id(of: String(repeating: "z", count: 1024)) != nil)
    #expect(strange.id(of: String(repeating: "z", count: 976)) != nil)
    let isSame = try Vocabulary(strange.json) == strange
    #expect(isSame)
  }

  @Test func idsOutsideAreRefused() throws {
    let vocabulary = try Vocabulary(.characters, texts: ["ab"], specials: [])
    #expect(message { _ = try vocabulary.decode([0, 2]) } == "ids[1] is 2, must be in 0..<2")
    #expect(message { _ = try vocabulary.decode([-1]) } == "ids[0] is -1, must be in 0..<2")
  }

  @Test func encodesIntoGivenMemory() throws {
    let vocabulary = try Vocabulary(.words, texts: ["a b c"], specials: .unknown)
    let text = Array("c, b a".utf8)
    var ids = [Int](repeating: -1, count: 5)
    try text.withUnsafeBufferPointer { (text) throws in
      let count = try vocabulary.count(text)
      let written = try ids.withUnsafeMutableBufferPointer { try vocabulary.encode(text, prefix: $0) }
      #expect(count == 4 && written == 4)
      #expect(ids == [3, 0, 2, 1, -1])
      let first = try ids.withUnsafeMutableBufferPointer { ids in
        ids[2] = 7
        return try vocabulary.encode(text, framed: true, prefix: .init(rebasing: ids[0..<2]))
      }
      #expect(first == 4 && ids == [3, 0, 7, 1, -1])
    }
  }

  @Test func survivesAsJSON() throws {
    let text = "The quick \"brown\" fox \u{1f600} \u{e9}e\u{301} \u{0}\n"
    for kind in Vocabulary.Kind.allCases {
      for specials in [[], .all, [.unknown, .end]] as [Vocabulary.Specials] {
        for isLowercase in [false, true] {
          let vocabulary = try Vocabulary(kind, texts: [text], specials: specials, isLowercase: isLowercase)
          let read = try Vocabulary(JSON(parsing: vocabulary.json.bytes()))
          #expect(read == vocabulary)
          #expect(read.json == vocabulary.json)
          #expect(read.isLowercase == (isLowercase && kind == .words))
        }
      }
    }
  }

  @Test(arguments: [
    ("[]", "is an array, not an object"), ("{}", "kind is missing"),
    (#"{"kind":1}"#, "kind is a whole number, must be a string"),
    (#"{"kind":"letters"}"#, "unknown kind \"letters\""),
    (
      #"{"kind":"bytes","specials":["<eos>","<pad>"]}"#,
      "special tokens must be there once, in the order <pad> <unk> <bos> <eos>"
    ),
    (
      #"{"kind":"bytes","specials":["<pad>","<pad>"]}"#,
      "special tokens must be there once, in the order <pad> <unk> <bos> <eos>"
    ),
    (#"{"kind":"bytes","specials":["<x>"]}"#, "unknown special token \"<x>\""),
    (#"{"kind":"bytes","specials":[],"tokens":[]}"#, "unknown key \"tokens\""),
    (#"{"kind":"characters","specials":[],"lowercase":true,"tokens":[]}"#, "unknown key \"lowercase\""),
    (#"{"kind":"words","specials":[],"tokens":[]}"#, "lowercase is missing"),
    (#"{"kind":"characters","specials":[],"tokens":["ab"]}"#, "tokens[0] is \"ab\", which is no token of characters"),
    (#"{"kind":"characters","specials":[],"tokens":["a",""]}"#, "tokens[1] is \"\", which is no token of characters"),
    (#"{"kind":"characters","specials":[],"tokens":["a","a"]}"#, "tokens[1], \"a\", is there twice"),
    (#"{"kind":"characters","specials":[],"tokens":[1]}"#, "an element of tokens is a whole number, must be a string"),
    (
      #"{"kind":"words","lowercase":true,"specials":[],"tokens":["A"]}"#,
      "tokens[0] is \"A\", which is no token of words"
    ),
    (
      #"{"kind":"words","lowercase":false,"specials":[],"tokens":["a b"]}"#,
      "tokens[0] is \"a b\", which is no token of words"
    ),
    (
      #"{"kind":"words","lowercase":false,"specials":[],"tokens":[" "]}"#,
      "tokens[0] is \" \", which is no token of words"
    ),
  ])
  func refusesStrangeJSON(_ text: String, _ expected: String) throws {
    let found = message { _ = try Vocabulary(JSON(parsing: text)) }
    #expect(found == "the vocabulary: \(expected)")
  }

  @Test func filesCountAsTheirTexts() throws {
    let folder = try TemporaryFolder()
    var random = Numbers(5)
    let pieces = ["a", "B", "\u{e9}", "\u{20ac}", "\u{1f600}", " ", "\n", ",", "\u{130}", "  ", "word", "\u{2003}"]
    // Longer than two windows, with words and white space that are longer than what is looked ahead.
    var text = ""
    for _ in 0..<50_000 { text += pieces.randomElement(using: &random) ?? "" }
    text += String(repeating: "x", count: 70_000) + String(repeating: " ", count: 70_000) + "y"
    var bytes = Array(text.utf8)
    for _ in 0..<1000 {
      bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8(truncatingIfNeeded: random.next())
    }
    try folder.write(bytes, "t")
    for kind in Vocabulary.Kind.allCases {
      for isLowercase in [false, true] {
        let (whole, parts) = (
          try VocabularyBuilder(kind, isLowercase: isLowercase), try VocabularyBuilder(kind, isLowercase: isLowercase)
        )
        try bytes.withUnsafeBufferPointer { try whole.add($0) }
        try parts.add(file: folder.file("t"))
        let vocabulary = try whole.build()
        #expect(try parts.build() == vocabulary)
        #expect(kind == .bytes || vocabulary.size > 20)
      }
    }
  }
}
