// The equations of a cell after `like`: each name once, those of the text in the places of those that they replace.

/// An equation of one name: all of what its expression gives, or one part of a cut of it.
struct Equation {
  let name: String
  /// It gives a state's next value.
  let isNext: Bool
  let place: CellPlace
  /// Which of the `parts` of a cut.
  let part: Int
  let parts: Int
  /// In `CellDefinition.expressions`: targets of a cut share theirs.
  let expression: Int
  /// From a text that this one is like.
  var isInherited: Bool

  /// As messages call it.
  var target: String { isNext ? name + "'" : name }
}

struct CellDefinition {
  private(set) var expressions: [Expression] = []
  private(set) var equations: [Equation] = []
  /// Of `x`, in the order of the texts.
  private(set) var inputs: [(name: String, place: CellPlace, isInherited: Bool)] = []
  private(set) var sizes: [String: (size: SizeTerm, place: CellPlace, isInherited: Bool)] = [:]
  private(set) var initials: [String: (value: Initializer.Distribution, place: CellPlace, isInherited: Bool)] = [:]
  /// Places of `equations`, by name.
  private(set) var numbers: [String: Int] = [:]
  private var inputNames: Set<String> = ["x"]

  /// Texts that are like each other in a row.
  private static let longestChain = 16

  /// Reads a text and those that it is like.
  ///
  /// - Parameter builtIn: the text of a cell of the library.
  init(_ source: CellSource, chain: Int = 0, builtIn: (String) -> String?, names: () -> [String]) throws(CellError) {
    let syntax = try CellParser.parse(source)
    if let like = syntax.like {
      guard chain < Self.longestChain else { throw like.place.error("too many cells are like each other") }
      guard let text = builtIn(like.name) else {
        let hint = Suggestion.text(for: like.name, among: names())
        throw like.place.error("the library has no cell \"\(like.name)\"\(hint)")
      }
      self = try CellDefinition(
        CellSource(name: like.name, Array(text.utf8)), chain: chain + 1, builtIn: builtIn, names: names)
      for i in equations.indices { equations[i].isInherited = true }
      for i in inputs.indices { inputs[i].isInherited = true }
      for name in sizes.keys { sizes[name]?.isInherited = true }
      for name in initials.keys { initials[name]?.isInherited = true }
    }
    for line in syntax.lines { try add(line.kind) }
    try checkNames()
  }

  private mutating func add(_ line: Line.Kind) throws(CellError) {
    switch line {
    case .size(let names, let size):
      for name in names {
        if let before = sizes[name.name], !before.isInherited {
          throw name.place.error("\"\(name.name)\" has a size already, in \(before.place.line(from: name.place))")
        }
        sizes[name.name] = (size, name.place, false)
      }
    case .initial(let names, let value):
      for name in names {
        if let before = initials[name.name], !before.isInherited {
          throw name.place.error("\"\(name.name)\" has an \"init\" already, in \(before.place.line(from: name.place))")
        }
        initials[name.name] = (value, name.place, false)
      }
    case .input(let names):
      for name in names {
        if name.name == "x" { throw name.place.error("x is an input of every cell") }
        guard inputNames.insert(name.name).inserted else {
          throw name.place.error("\"\(name.name)\" is an input already")
        }
        inputs.append((name.name, name.place, false))
      }
    case .equation(let targets, let expression):
      expressions.append(expression)
      for (part, target) in targets.enumerated() {
        let equation = Equation(
          name: target.name, isNext: target.isNext, place: target.place, part: part, parts: targets.count,
          expression: expressions.count - 1, isInherited: false)
        if let number = numbers[target.name] {
          if !equations[number].isInherited {
            let before =
              "\"\(equations[number].target)\" has an equation, in \(equations[number].place.line(from: target.place))"
            throw target.place.error(before + "; each name has one")
          }
          equations[number] = equation
        } else {
          numbers[target.name] = equations.count
          equations.append(equation)
        }
      }
    }
  }

  /// Names that are two things.
  private func checkNames() throws(CellError) {
    if let number = numbers["x"] { throw equations[number].place.error("x is the input, and has no equation") }
    for input in inputs {
      if let number = numbers[input.name] {
        throw equations[number].place.error("\"\(input.name)\" is an input, and has no equation")
      }
    }
    if let initial = initials.first(where: { name, _ in inputNames.contains(name) }) {
      throw initial.value.place.error("\"\(initial.key)\" is an input, and has no first value")
    }
  }

  func equation(of name: String) -> Equation? { numbers[name].map { equations[$0] } }

  func isInput(_ name: String) -> Bool { inputNames.contains(name) }
}
