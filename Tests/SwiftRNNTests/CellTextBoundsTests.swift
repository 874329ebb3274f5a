import Reference
import Testing

@testable import SwiftRNN

/// Texts from strangers: long, deep and broken ones end in an error, and soon.
@Suite struct CellTextBoundsTests {
  private func outcome(_ text: [UInt8]) -> String {
    do {
      let cell = try Cell(bytes: text)
      _ = try CellExtents(cell.graph, cell.sizes, given: ["I": 6, "H": 6, "P": 3, "heads": 2, "O": 4, "B": 5])
      return "accepted"
    } catch {
      // Printing goes through lines of any length and bytes.
      return error.description
    }
  }

  private func outcome(_ text: String) -> String { outcome(Array(text.utf8)) }

  @Test func longAndDeepTexts() {
    let many = 1..<3500
    let chain = many.map { "a\($0) = a\($0 - 1)" }.joined(separator: "\n")
    #expect(outcome("h' = tanh(a3499 @ x)\n" + chain) == "accepted")
    #expect(outcome("h' = tanh(a3499)\n" + chain.replacing("a0\n", with: "x\n")) == "accepted")
    let computed = many.map { "a\($0) = a\($0 - 1) + x" }.joined(separator: "\n")
    #expect(outcome("h' = a3499\n" + computed) == "accepted")
    #expect(outcome("h' = a3499\n" + computed.replacing("a0 ", with: "a3499 ")).contains("cycle"))
    #expect(outcome("h' = x" + String(repeating: " + x", count: 16_000)) == "accepted")
    #expect(outcome("h' = x" + String(repeating: " * x", count: 16_000)).contains("4096 operations"))
    #expect(outcome("h' = " + String(repeating: "(", count: 30_000)).contains("\")\""))
    for (open, close) in [("(", ")"), ("-", ""), ("W @ ", ""), ("tanh(", ")")] {
      func nested(_ depth: Int) -> String {
        outcome("h' = " + String(repeating: open, count: depth) + "x" + String(repeating: close, count: depth))
      }
      #expect(nested(63) == "accepted", "\(open)")
      #expect(nested(64).contains("64 levels"), "\(open)")
      #expect(nested(8000).contains("64 levels"), "\(open)")
    }
    #expect(outcome("h' = x #" + String(repeating: "-", count: CellTokens.longestText)).contains("at most 65536"))
    #expect(outcome((0..<8000).map { "a\($0)" }.joined(separator: ",") + " = W @ x\nh' = a1 + U @ h") == "accepted")
    #expect(outcome("input " + (0..<8000).map { "a\($0)" }.joined(separator: ",") + "\nh' = x").contains("operations"))
    // Parts of a long sum have as many terms each: one is a cell, thousands are too many operands.
    let (sum, cuts) = (String(repeating: " + x", count: 3999), (0..<4000).map { "a\($0)" }.joined(separator: ","))
    #expect(outcome("size x = 4000*H\n\(cuts) = x\(sum)\nh' = a1 + U @ h") == "accepted")
    let (few, fewRead) = ((0..<400).map { "a\($0)" }.joined(separator: ","), (0..<400).map { "sum(a\($0))" })
    #expect(outcome("\(few) = x\(sum)\nh' = U @ h + \(fewRead.joined(separator: " + "))").contains("operands"))
    let norms = (1...17).map { "a\($0) = batch_norm(a\($0 - 1), m\($0), v\($0))" }
    #expect(outcome("h' = a16 + U @ h\na0 = x\n" + norms.prefix(16).joined(separator: "\n")) == "accepted")
    #expect(outcome("h' = a17 + U @ h\na0 = x\n" + norms.joined(separator: "\n")).contains("at most 16"))
    let halves = (1..<60).map { "a\($0), b\($0) = \($0 == 1 ? "x" : "a\($0 - 1)")" }.joined(separator: "\n")
    #expect(outcome("h' = tanh(a59)\n" + halves).contains("too many parts"))
  }

  /// Texts of the library with bytes changed, left out, doubled and exchanged: whatever comes out, nothing traps.
  @Test func brokenTexts() {
    var random = SplitMix(11)
    let texts = BuiltInCells.all.map { Array($0.text.utf8) }
    let signs = Array("'[]()=,+-*/@<>#\n \t.0123456789ehxWU\0\u{e9}".utf8)
    var accepted = 0
    for round in 0..<6000 {
      var text = texts[round % texts.count]
      for _ in 0..<random.integers(1, 1..<5)[0] {
        let at = random.integers(1, 0..<max(1, text.count))[0]
        let other = random.integers(1, 0..<max(1, text.count))[0]
        switch random.next() % 5 {
        case 0: text[at] = signs[Int(random.next() % UInt64(signs.count))]
        case 1: text.remove(at: at)
        case 2: text.insert(signs[Int(random.next() % UInt64(signs.count))], at: at)
        case 3: text.swapAt(at, other)
        default: text.insert(contentsOf: text[min(at, other)..<min(max(at, other), min(at, other) + 40)], at: at)
        }
      }
      if outcome(text) == "accepted" { accepted += 1 }
    }
    #expect(accepted > 300, "as many as change a name, a number or a comment")
  }

  @Test func anyBytes() {
    var random = SplitMix(12)
    for count in [0, 1, 2, 3, 5, 9, 40, 400, 4000] {
      for _ in 0..<200 { _ = outcome((0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }) }
    }
    #expect(outcome([0]).contains("no meaning"))
    #expect(outcome(Array("h' = x".utf8) + [0xff, 0xfe]).contains("no meaning"))
  }
}
