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
      var calls: [CellPlace] = []
      for part in definition.expressions[equation.expression].parts {
        switch part.kind {
        case .name(let name), .next(let name), .child(let name, _):
          if firstPlaces[name] == nil { firstPlaces[name] = firstPlaces.count }
        case .call("dropout", _), .call("zoneout", _), .call("drop_connect", _): calls.append(part.place)
        default: break
        }
      }
      // A call stands behind those within it; of the text, before them.
      for place in calls.sorted(by: { $0.offset < $1.offset }) { draws[CallPlace(place)] = draws.count }
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
    // Parts of a cut share an expression: what one of them has read is done for all of them.
    var isRead = [Bool](repeating: false, count: definition.expressions.count)
    var read: Set<Int> = []
    var roots = [output]
    var next = 0
    while next < roots.count {
      let root = roots[next]
      next += 1
      // Without recursion: a text can have ten thousand equations, each of which reads the one before.
      var path: [(equation: Int, reads: [(Int, CellPlace)], next: Int)] = []
      func open(_ equation: Int) throws(CellError) {
        marks[equation] = .open
        if isRead[definition.equations[equation].expression] { return path.append((equation, [], 0)) }
        let (reads, previous) = try Self.reads(definition, equation)
        path.append((equation, reads, 0))
        for state in previous where read.insert(state).inserted { roots.append(state) }
      }
      if marks[root] == nil { try open(root) }
      while !path.isEmpty {
        // In place: a copy of the path's end would be one of all that it reads.
        let (last, next) = (path.count - 1, path[path.count - 1].next)
        guard next < path[last].reads.count else {
          marks[path[last].equation] = .done
          isRead[definition.equations[path[last].equation].expression] = true
          order.append(path[last].equation)
          path.removeLast()
          continue
        }
        path[last].next += 1
        let (equation, place) = path[last].reads[next]
        switch marks[equation] {
        case .done: break
        case nil: try open(equation)
        case .open:
          let cycle = path.drop { $0.equation != equation }.map { definition.equations[$0.equation].target }
          let shown = (cycle.count > 8 ? cycle.prefix(8) + ["…"] : cycle + [definition.equations[equation].target])
          // Most often a prime is missing, or is too much.
          let next = path.lazy.drop { $0.equation != equation }.map { definition.equations[$0.equation] }.first(
            where: \.isNext)
          let name = (next ?? definition.equations[equation]).name
          let hint =
            next == nil
            ? "for \(name) of the step before, let its equation give \(name)'"
            : "\(name) of the step before is read without the prime"
          throw place.error("a cycle: \(shown.joined(separator: " needs ")) (\(hint))")
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
    for part in definition.expressions[definition.equations[number].expression].parts {
      switch part.kind {
      case .name(let name):
        guard let equation = definition.numbers[name] else { break }
        if definition.equations[equation].isNext {
          states.append(equation)
        } else {
          reads.append((equation, part.place))
        }
      case .next(let name):
        guard let equation = definition.numbers[name], definition.equations[equation].isNext else {
          throw noState(definition, name, part.place, "\(name)'")
        }
        reads.append((equation, part.place))
      case .child(let name, let child):
        guard let equation = definition.numbers[name], definition.equations[equation].isNext else {
          throw noState(definition, name, part.place, "\(name)[\(child)]")
        }
        states.append(equation)
      default: break
      }
    }
    return (reads, states)
  }

  private static func noState(
    _ definition: CellDefinition, _ name: String, _ place: CellPlace, _ read: String
  ) -> CellError {
    if let equation = definition.equation(of: name) {
      let line = equation.place.line(from: place)
      return place.error("\(read) needs a state, and \(line) gives \(name), not \(name)'")
    }
    let states = definition.equations.filter(\.isNext).map { "\($0.name)'" }
    return place.error("no equation gives \(name)'\(Suggestion.text(for: "\(name)'", among: states))")
  }
}
