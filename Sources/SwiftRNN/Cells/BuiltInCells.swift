// The cells that come with the library: texts of equations, a file for each family.
//
// Where sources disagree a text follows the paper, and another text, or one replaced equation, is the other form.

/// A cell of the library: its name, and its equations in the language of docs/cells.md.
struct BuiltInCell: Sendable {
  let name: String
  let text: String

  init(_ name: String, _ text: String) { (self.name, self.text) = (name, text) }
}

enum BuiltInCells {
  static let all =
    vanilla + lstm + searchSpaceOdyssey + normalised + masked + gru + fast + elementwise + exponential + continuous
    + trees

  private static let texts = Dictionary(all.map { ($0.name, $0.text) }, uniquingKeysWith: { first, _ in first })

  static func text(_ name: String) -> String? { texts[name] }

  static var names: [String] { all.map(\.name) }
}
