import Testing

@testable import SwiftRNNModels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite struct JSONTests {
  @Test func readsEveryKind() throws {
    let json = try JSON(parsing: #" { "a" : [ null , true,false ] ,"b":{},"c":[], "d":-12, "e":1.5e2, "f":"x" }"#)
    let expected: JSON = ["a": [nil, true, false], "b": [:], "c": [], "d": -12, "e": 150.0, "f": "x"]
    #expect(json == expected)
    #expect(json["a"] == [nil, true, false])
    #expect(json["g"] == nil)
    #expect(try JSON(parsing: "\t\r\n 7 ") == 7)
  }

  @Test func wholeNumbersAreExact() throws {
    for number in [0, 1, -1, 9_007_199_254_740_993, Int64.max, Int64.min] {
      #expect(try JSON(parsing: "\(number)") == .integer(number))
      #expect(try JSON.integer(number).text() == "\(number)")
    }
    #expect(try JSON(parsing: "-0") == 0)
    #expect(message { _ = try JSON(parsing: "9223372036854775808") }.hasSuffix("expected a whole number of 64 bits"))
    #expect(message { _ = try JSON(parsing: "-9223372036854775809") }.hasSuffix("expected a whole number of 64 bits"))
  }

  @Test func doublesSurviveWithTheFewestDigits() throws {
    let numbers = [
      0.0, -0.0, 0.1, 1, 3, 1e15, 1e16, 1e22, 1e300, .pi, .leastNonzeroMagnitude, .leastNormalMagnitude,
      .greatestFiniteMagnitude, 123_456_789.125, 0x1.fffffffffffffp1023,
    ]
    var random = Numbers(1)
    let drawn = (0..<2000).map { _ in Double(bitPattern: random.next()) }.filter(\.isFinite)
    for number in numbers + drawn + drawn.map(-) {
      let text = try JSON.double(number).text()
      guard case .double(let read) = try JSON(parsing: text) else {
        Issue.record("\(text) is no double")
        continue
      }
      #expect(read.bitPattern == number.bitPattern, "\(text)")
    }
    // Whatever the caller's rounding mode is: downward, upward, toward zero.
    #if arch(x86_64)
      let modes: [Int32] = [0x400, 0x800, 0xc00]
    #else
      let modes: [Int32] = [0x80_0000, 0x40_0000, 0xc0_0000]
    #endif
    for mode in modes {
      let texts = drawn.map { $0.description.contains("e") ? $0.description : "\($0)e0" }
      #expect(fesetround(mode) == 0)
      let read = texts.map { try? JSON(parsing: $0) }
      fesetround(0)
      #expect(zip(read, drawn).allSatisfy { $0 == .double($1) })
    }
    #expect(try JSON.double(0.1).text() == "0.1")
    // Halfway between two doubles, a little above and below, and what has more digits than that; strtod agrees.
    for text in [
      "9007199254740993.0", "9007199254740993.00000000000000000001", "9007199254740992.99999999999999999999",
      "9007199254740995.0", "2.4703282292062327e-324", "2.4703282292062328e-324", "4.9406564584124654e-324",
      "7.4109846876186981e-324", "2.2250738585072011e-308", "2.2250738585072014e-308", "1.7976931348623158e308",
      "1.7976931348623157e+308", "0.000001e6", "1" + String(repeating: "0", count: 600) + "e-600", "1e23", "8.5e22",
      "0." + String(repeating: "0", count: 400) + "1e401", "0e99999999999999999999", "1e-99999999999999999999",
      "123456789012345678901234567890.12345678901234567890e-10", "-1.5E-7", "0.0", "-0.0",
    ] {
      guard case .double(let read)? = try? JSON(parsing: text), let expected = Double(text) else {
        Issue.record("\(text)")
        continue
      }
      #expect(read.bitPattern == expected.bitPattern, "\(text)")
    }
    for _ in 0..<3000 {
      let (digits, exponent) = (random.next(), Int.random(in: -345...285, using: &random))
      let text = "\(digits).\(digits)e\(exponent)"
      #expect(try JSON(parsing: text) == .double(Double(text) ?? .nan), "\(text)")
    }
    for text in ["1.7976931348623159e308", "1e400", "1e99999999999999999999", "-1e309"] {
      #expect(throws: ModelError.self) { try JSON(parsing: text) }
    }
    #expect(throws: ModelError.self) { try JSON.double(.nan).text() }
    #expect(throws: ModelError.self) { try JSON.double(.infinity).text() }
    #expect(throws: ModelError.self) { try JSON(parsing: "1e999") }
    #expect(try JSON(parsing: "1e-999") == 0.0)
    #expect(throws: ModelError.self) { try JSON(parsing: "0." + String(repeating: "1", count: 2000)) }
  }

  @Test func stringsSurvive() throws {
    let text = "a\"\\/\u{8}\u{c}\n\r\t\u{1}\u{1f}\u{7f}\u{0}\u{e9}e\u{301}\u{20ac}\u{1f600}\u{10ffff}"
    let written = try JSON.string(text).text()
    #expect(written.utf8.allSatisfy { $0 >= 0x20 })
    guard case .string(let read) = try JSON(parsing: written) else {
      Issue.record("no string")
      return
    }
    #expect(Array(read.utf8) == Array(text.utf8))
    let escaped = try JSON(parsing: #""\"\\\/\b\f\n\r\t\u00e9\u20AC\ud83d\ude00""#)
    #expect(escaped == .string("\"\\/\u{8}\u{c}\n\r\t\u{e9}\u{20ac}\u{1f600}"))
  }

  @Test(arguments: [
    ("", "byte 0: expected a value"), ("  ", "byte 2: expected a value"), ("nul", "byte 0: expected a value"),
    ("nulll", "byte 4: expected the end of the text"), ("1 2", "byte 2: expected the end of the text"),
    ("[1,]", "byte 3: expected a value"), ("[1", "byte 2: expected ',' or ']'"), ("[", "byte 1: expected a value"),
    ("{", "byte 1: expected a key in '\"'"), ("{\"a\"}", "byte 4: expected ':'"),
    ("{\"a\":1,}", "byte 7: expected a key in '\"'"), ("{\"a\":1", "byte 6: expected ',' or '}'"),
    ("{\"a\":1,\"b\":2,\"a\":3}", "byte 13: the key \"a\" is there twice"),
    ("{\"a\":1,\"\\u0061\":3}", "byte 7: the key \"a\" is there twice"), ("{1:2}", "byte 1: expected a key in '\"'"),
    ("01", "byte 1: expected no digit behind a leading 0"), ("-", "byte 1: expected a digit"),
    ("1.", "byte 2: expected a digit"), ("1e", "byte 2: expected a digit"), ("1e+", "byte 3: expected a digit"),
    (".5", "byte 0: expected a value"), ("+1", "byte 0: expected a value"), ("0x1", "byte 1: expected the end"),
    ("NaN", "byte 0: expected a value"), ("Infinity", "byte 0: expected a value"), ("'a'", "byte 0: expected a value"),
    ("\"a", "byte 2: expected '\"'"), ("\"\\", "byte 2: expected an escape"), ("\"\\x\"", "byte 1: expected an escape"),
    ("\"\\u12\"", "byte 5: expected four hexadecimal digits"), ("\"\n\"", "byte 1: expected no control character"),
    ("\"\\ud800\"", "byte 1: expected the second half"), ("\"\\ud800\\ud800\"", "byte 1: expected the second half"),
    ("\"\\udc00\"", "byte 1: expected no second half"), ("\u{feff}1", "byte 0: expected a value"),
    ("// c\n1", "byte 0: expected a value"), ("[1}", "byte 2: expected ',' or ']'"),
  ])
  func saysWhereAndWhat(_ text: String, _ expected: String) {
    let found = message { _ = try JSON(parsing: text) }
    #expect(found.hasPrefix("JSON: " + expected), "\(found)")
  }

  @Test func illFormedBytesAreRefused() {
    let sequences: [[UInt8]] = [
      [0x80], [0xc0, 0x80], [0xc1, 0xbf], [0xe0, 0x9f, 0xbf], [0xed, 0xa0, 0x80], [0xf0, 0x8f, 0xbf, 0xbf],
      [0xf4, 0x90, 0x80, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe2, 0x82], [0xff], [0xe2, 0x28, 0xa1],
    ]
    for bytes in sequences {
      #expect(message { _ = try JSON(parsing: [0x22] + bytes + [0x22]) } == "JSON: byte 1: expected UTF-8")
      #expect(message { _ = try JSON(parsing: [0x22] + bytes) } == "JSON: byte 1: expected UTF-8")
    }
  }

  @Test func nestingIsBounded() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    let deepest = try JSON(parsing: nested(64))
    #expect(try deepest.text() == nested(64))
    #expect(message { _ = try JSON(parsing: nested(65)) }.hasSuffix("nested at most 64 deep"))
    #expect(message { _ = try JSON(parsing: String(repeating: "[", count: 1_000_000)) }.hasSuffix("64 deep"))
    #expect(throws: ModelError.self) { try JSON(parsing: "{\"a\":{}}", depth: 1) }
    #expect(throws: ModelError.self) { try JSON(parsing: "[]", depth: 0) }
    #expect(try JSON(parsing: "1", depth: 0) == 1)
    #expect(throws: ModelError.self) { try JSON.array([deepest]).bytes() }
  }

  @Test func objectsKeepOrderAndFindKeys() throws {
    var object = JSON.Object()
    for i in 0..<40 { object["k\(39 - i)"] = .integer(Int64(i)) }
    #expect(object.members.map(\.key) == (0..<40).map { "k\(39 - $0)" })
    for i in 0..<40 { #expect(object["k\(39 - i)"] == .integer(Int64(i))) }
    object["k7"] = "seven"
    #expect(object.members[32].value == "seven")
    for i in 0..<35 { object["k\(i)"] = nil }
    #expect(object.members.map(\.key) == ["k39", "k38", "k37", "k36", "k35"])
    #expect(object["k35"] == 4 && object["k0"] == nil)
    for i in 0..<10 { object["n\(i)"] = nil as JSON? ?? .null }
    #expect(object.count == 15 && object["n9"] == JSON.null && object["k39"] == 0)
    // Equal to Unicode, not the same bytes.
    #expect(try JSON(parsing: "{\"\u{e9}\":1,\"e\u{301}\":2}")["e\u{301}"] == 2)
    let text = "{\"b\":1,\"a\":[{\"c\":null}]}"
    #expect(try JSON(parsing: text).text() == text)
  }

  /// Random bytes, and texts of JSON with random damages: refused, or a value that is written and read as itself.
  @Test func randomBytesNeverTrap() throws {
    var random = Numbers(7)
    let alphabet = Array("{}[]:,\"\\u0019eE+-.truefalsnbd \n\u{e9}".utf8)
    let valid = Array(#"{"a":[1,-2.5e3,"x\u00e9\ud83d\ude00",true,null,{"b":{}}],"c":"d","e":[[],[0]]}"#.utf8)
    var accepted = 0
    for round in 0..<60_000 {
      var bytes: [UInt8]
      switch round % 3 {
      case 0: bytes = (0..<Int.random(in: 0..<40, using: &random)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      case 1: bytes = (0..<Int.random(in: 0..<40, using: &random)).map { _ in alphabet.randomElement(using: &random)! }
      default:
        bytes = valid
        for _ in 0..<Int.random(in: 1...2, using: &random) {
          let at = Int.random(in: 0..<bytes.count, using: &random)
          switch random.next() % 3 {
          case 0: bytes[at] = alphabet.randomElement(using: &random)!
          case 1: bytes.remove(at: at)
          default: bytes.insert(alphabet.randomElement(using: &random)!, at: at)
          }
        }
      }
      guard let json = try? JSON(parsing: bytes) else { continue }
      accepted += 1
      #expect(try JSON(parsing: json.bytes()) == json)
    }
    #expect(accepted > 1000)
  }
}
