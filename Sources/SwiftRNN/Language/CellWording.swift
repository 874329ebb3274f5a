// Parts of a text as messages quote them.

extension WrittenParts {
  /// A part as a text would have it, for a message: deep and long parts are cut.
  func text(_ part: Int) -> String {
    let whole = text(part, binding: .sum, depth: 0)
    return whole.utf8.count > Self.longest ? "\(whole.prefix(Self.longest))…" : whole
  }

  /// Operators, from the loosest to the tightest.
  private enum Binding: Int {
    case sum, factors, sign, product, atom
  }

  /// Levels, terms and bytes of a name that a message shows: a text may have thousands.
  private static let deepest = 6
  private static let mostTerms = 4
  private static let longestName = 32
  /// Characters of a part.
  private static let longest = 96

  /// - Parameter binding: the loosest operator that needs no parentheses there.
  private func text(_ part: Int, binding: Binding, depth: Int) -> String {
    guard depth < Self.deepest else { return "…" }
    func inner(_ part: Int, _ binding: Binding) -> String { text(part, binding: binding, depth: depth + 1) }
    func listed<Element>(_ elements: [Element], _ shown: (Int, Element) -> String) -> String {
      let first = elements.prefix(Self.mostTerms).enumerated().map { shown($0.offset, $0.element) }.joined()
      return first + (elements.count > Self.mostTerms ? " …" : "")
    }
    let (own, written): (Binding, String) =
      switch parts[part].kind {
      case .number(let value): (.atom, Int(exactly: value).map { "\($0)" } ?? "\(value)")
      case .name(let name): (.atom, Self.short(name))
      case .next(let name): (.atom, "\(Self.short(name))'")
      case .child(let name, let child): (.atom, "\(Self.short(name))[\(child)]")
      case .call(let name, let arguments):
        (
          .atom,
          "\(Self.short(name))("
            + listed(arguments) { number, argument in
              let comma = number > 0 ? ", " : ""
              return switch argument {
              case .value(let value): comma + inner(value, .sum)
              case .comparison(let a, let sign, let b): "\(comma)\(inner(a, .sum)) \(sign.rawValue) \(inner(b, .sum))"
              case .perSequence: comma + "per_sequence"
              }
            } + ")"
        )
      case .sum(let terms):
        (
          .sum,
          listed(terms) { number, term in
            (number > 0 ? term.isNegative ? " - " : " + " : term.isNegative ? "-" : "") + inner(term.part, .factors)
          }
        )
      case .factors(let factors):
        (
          .factors,
          listed(factors) { number, factor in
            (number > 0 ? factor.isDivisor ? " / " : " * " : "") + inner(factor.part, .sign)
          }
        )
      case .negated(let value): (.sign, "-" + inner(value, .sign))
      case .product(let left, let right): (.product, "\(inner(left, .atom)) @ \(inner(right, .sign))")
      }
    return own.rawValue < binding.rawValue ? "(\(written))" : written
  }

  private static func short(_ name: String) -> String {
    name.utf8.count > longestName ? "\(name.prefix(longestName))…" : name
  }
}

/// Products of parameters alone, which would be the same in every step.
enum ParametersAlone {
  /// The message for a product whose vector depends on no input and no state.
  static func message(product: CellNode, _ graph: CellGraph) -> String {
    // Operands have lower numbers than what is made of them.
    let vector = product.operands[1]
    var isRead = Array(repeating: false, count: vector + 1)
    isRead[vector] = true
    for node in (0...vector).reversed() where isRead[node] {
      for operand in graph.nodes[node].operands { isRead[operand] = true }
    }
    let names = graph.parameters.filter { $0.node <= vector && isRead[$0.node] }.map { $0.name.prefix(32) }
    let shown = names.prefix(3).map { "\"\($0)\"" }.joined(separator: ", ") + (names.count > 3 ? ", …" : "")
    let first = names.first ?? "a"
    let subject = names.count == 1 ? "is only the parameter \(shown)" : "are only the parameters \(shown)"
    return "right of \"@\" \(subject), so that the product is the same in every step: let \"input \(first)\" or an "
      + "equation for \(first)' make an input or a state of \(first), or write one parameter in the place of the product"
  }
}
