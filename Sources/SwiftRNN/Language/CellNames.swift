// What the equations name, before any is computed: which read which, in what order they can be computed, and how often
// the texts draw random numbers.

/// Where a call stands, as a key.
struct CallPlace: Hashable {
  let source: ObjectIdentifier
  let offset: Int

  init(_ place: CellPlace) { (source, offset) = (ObjectIdentifier(place.source), place.offset) }
}

/// Names and calls of all equations, in the order of the texts.
struct CellNames {
  /// How many other names stand before a name's first place.
  private(set) var firstPlaces: [String: Int] = [:]
  /// Calls that draw masks: how many stand before each.
  private(set) var draws: [CallPlace: Int] = [:]

  init(_ definition: CellDefinition) {
    var seen: Set<Int> = []
    for equation in definition.equations where seen.insert(equation.expression).inserted {
      definition.expressions[equation.expression].visit { expression in
        switch expression.kind {
        case .name(let name), .next(let name), .child(let name, _):
          if firstPlaces[name] == nil { firstPlaces[name] = firstPlaces.count }
        case .call("dropout", _), .call("zoneout", _), .call("drop_connect", _):
          draws[CallPlace(expression.place)] = draws.count
        default: break
        }
      }
    }
  }
}

extension Expression {
  /// Calls `body` with self and all within it, in the order of the text. As deep as the parser lets it be.
  func visit(_ body: (Expression) -> Void) {
    body(self)
    switch kind {
    case .number, .name, .next, .child: break
    case .call(_, let arguments):
      for argument in arguments {
        switch argument {
        case .value(let value): value.visit(body)
        case .comparison(let a, _, let b):
          a.visit(body)
          b.visit(body)
        case .perSequence: break
        }
      }
    case .sum(let terms): for (_, term) in terms { term.visit(body) }
    case .factors(let factors): for (_, factor) in factors { factor.visit(body) }
    case .negated(let inner): inner.visit(body)
    case .product(let left, let right):
      left.visit(body)
      right.visit(body)
    }
  }
}

/// The equations that the output needs, in an order in which they can be computed.
struct CellOrder {
  /// Places in `CellDefinition.equations`.
  private(set) var order: [Int] = []
  /// Of states whose previous values are read, in the order of their equations.
  private(set) var states: [Int] = []
  /// The equation of the output.
  let output: Int

  private enum Mark { case open, done }

  init(_ definition: CellDefinition) throws(CellError) {
    guard let output = definition.numbers["y"] ?? definition.numbers["h"] else {
      let end = definition.equations.last?.place
      let source = end?.source ?? CellSource([])
      throw CellPlace(source: source, offset: end?.offset ?? 0).error(
        "a cell needs an equation for its output: for y' or y, or for h' or h")
    }
    self.output = output
    var marks = [Mark?](repeating: nil, count: definition.equations.count)
    var read: Set<Int> = []
    var roots = [output]
    var next = 0
    while next < roots.count {
      let root = roots[next]
      next += 1
      // Without recursion: a text can have ten thousand equations, each of which reads the one before.
      var path: [(equation: Int, reads: [(Int, CellPlace)])] = []
      func open(_ equation: Int) throws(CellError) {
        marks[equation] = .open
        let (reads, previous) = try Self.reads(definition, equation)
        path.append((equation, reads.reversed()))
        for state in previous where read.insert(state).inserted { roots.append(state) }
      }
      if marks[root] == nil { try open(root) }
      while let last = path.last {
        guard let (equation, place) = last.reads.last else {
          marks[last.equation] = .done
          order.append(last.equation)
          path.removeLast()
          continue
        }
        path[path.count - 1].reads.removeLast()
        switch marks[equation] {
        case .done: break
        case nil: try open(equation)
        case .open:
          let circle = path.drop { $0.equation != equation }.map { definition.equations[$0.equation].target }
          let shown = (circle.count > 8 ? circle.prefix(8) + ["…"] : circle + [definition.equations[equation].target])
          throw place.error("a circle: \(shown.joined(separator: " needs "))")
        }
      }
    }
    states = read.sorted { a, b in
      let (h, other) = (definition.equations[a].name == "h", definition.equations[b].name == "h")
      return h != other ? h : a < b
    }
  }

  /// The equations that equation `number` reads, and the states whose previous values it reads.
  private static func reads(
    _ definition: CellDefinition, _ number: Int
  ) throws(CellError) -> (reads: [(Int, CellPlace)], states: [Int]) {
    var (reads, states): ([(Int, CellPlace)], [Int]) = ([], [])
    var failure: CellError?
    definition.expressions[definition.equations[number].expression].visit { expression in
      switch expression.kind {
      case .name(let name):
        guard let equation = definition.numbers[name] else { break }
        if definition.equations[equation].isNext {
          states.append(equation)
        } else {
          reads.append((equation, expression.place))
        }
      case .next(let name):
        if let equation = definition.numbers[name], definition.equations[equation].isNext {
          reads.append((equation, expression.place))
        } else if failure == nil {
          failure = Self.noState(definition, name, expression.place, "\(name)'")
        }
      case .child(let name, let child):
        if let equation = definition.numbers[name], definition.equations[equation].isNext {
          states.append(equation)
        } else if failure == nil {
          failure = Self.noState(definition, name, expression.place, "\(name)[\(child)]")
        }
      default: break
      }
    }
    if let failure { throw failure }
    return (reads, states)
  }

  private static func noState(
    _ definition: CellDefinition, _ name: String, _ place: CellPlace, _ read: String
  ) -> CellError {
    if let equation = definition.equation(of: name) {
      let line = equation.place.line(from: place)
      return place.error("\(read) needs a state, and \(line) gives \(name), not \(name)'")
    }
    let states = definition.equations.filter(\.isNext).map(\.name)
    return place.error("no equation gives \(name)'\(Suggestion.text(for: name, among: states))")
  }
}
