// From a cell's equations to its graph.

struct CellBuilder {
  let definition: CellDefinition
  let names: CellNames
  var values = CellValues()
  /// What each expression gives, once it is computed.
  private var expressions: [Int?]
  /// Equations that something has read.
  private var isRead: [Bool]
  /// Equations that only give a parameter another name, or cut it, and what they give, once it is read: whether the
  /// parameter is a matrix shows then.
  private var isAlias: [Bool]
  private var aliased: [Int?]
  private var parameters: [String: CellParameter] = [:]
  /// Numbers of states and inputs.
  private(set) var stateNumbers: [String: Int] = [:]
  private var inputNumbers: [String: Int] = ["x": 0]

  static func build(_ definition: CellDefinition) throws(CellError) -> CellGraph {
    var builder = CellBuilder(definition)
    return try builder.graph()
  }

  private init(_ definition: CellDefinition) {
    self.definition = definition
    names = CellNames(definition)
    expressions = Array(repeating: nil, count: definition.expressions.count)
    isRead = Array(repeating: false, count: definition.equations.count)
    isAlias = isRead
    aliased = Array(repeating: nil, count: definition.equations.count)
  }

  private mutating func graph() throws(CellError) -> CellGraph {
    let order = try CellOrder(definition)
    for (number, equation) in order.states.enumerated() {
      stateNumbers[definition.equations[equation].name] = number
    }
    for (number, input) in definition.inputs.enumerated() { inputNumbers[input.name] = number + 1 }
    // The order holds what the output needs; what it does not hold is in nobody's way.
    for number in order.order {
      isAlias[number] = namesParameter(definition.equations[number])
      if !isAlias[number] { _ = try value(ofEquation: number) }
    }
    isRead[order.output] = true
    let output = try vector(ofEquation: order.output)
    var states: [CellState] = []
    for number in order.states {
      isRead[number] = true
      let equation = definition.equations[number]
      states.append(
        CellState(
          name: equation.name, previous: try state(equation.name, equation.place),
          next: try vector(ofEquation: number), initial: try FirstValues.ofState(definition, equation.name)))
    }
    var inputs: [(name: String, node: Int)] = [("x", try input("x", definition.equations[order.output].place))]
    for given in definition.inputs {
      inputs.append((given.name, try input(given.name, given.place)))
    }
    for number in order.order { isRead[number] = true }
    try checkUnread()
    try checkUnread(inputs.map(\.node), [output] + states.map(\.next))
    try checkBlocks()
    let ordered = parameters.values.sorted { a, b in
      if (a.kind == .matrix) != (b.kind == .matrix) { return a.kind == .matrix }
      return names.firstPlaces[a.name] ?? 0 < names.firstPlaces[b.name] ?? 0
    }
    return CellGraph(
      nodes: values.nodes, inputs: inputs, states: states, parameters: ordered, output: output,
      initials: try initials(), givenSizes: try givenSizes())
  }

  // MARK: Names

  /// Whether an equation only gives a parameter another name, or cuts it. Those that it reads have been looked at.
  private func namesParameter(_ equation: Equation) -> Bool {
    guard !equation.isNext, let name = soleName(equation) else { return false }
    if let other = definition.numbers[name] { return !definition.equations[other].isNext && isAlias[other] }
    return !definition.isInput(name)
  }

  /// The name that an equation gives another name to.
  private func soleName(_ equation: Equation) -> String? {
    let parts = definition.expressions[equation.expression].parts
    guard parts.count == 1, case .name(let name) = parts[0].kind else { return nil }
    return name
  }

  /// What equation `number` gives, as a vector or number: of a cut its part.
  mutating func vector(ofEquation number: Int) throws(CellError) -> Int {
    let equation = definition.equations[number]
    if isAlias[number] { return try alias(number, wanted: .vector, equation.place) }
    let node = try value(ofEquation: number)
    guard values.kind(node) != .matrix else {
      throw equation.place.error(
        "\"\(equation.target)\" is a matrix, and must be a vector: a matrix can only be left of \"@\"")
    }
    return node
  }

  private mutating func value(ofEquation number: Int) throws(CellError) -> Int {
    let equation = definition.equations[number]
    let whole: Int
    if let node = expressions[equation.expression] {
      whole = node
    } else {
      whole = try value(of: definition.expressions[equation.expression])
      expressions[equation.expression] = whole
    }
    return try cut(whole, equation)
  }

  private mutating func cut(_ whole: Int, _ equation: Equation) throws(CellError) -> Int {
    if equation.parts == 1 { return whole }
    guard values.kind(whole) != .number else {
      throw equation.place.error("a number cannot be cut into \(equation.parts) parts")
    }
    // Rows of diagonal blocks are no diagonal blocks, and no matrix that is kept. What is cut already has been asked.
    var matrix: Int? = values.kind(whole) == .matrix ? whole : nil
    while let number = matrix {
      if case .cut = values.nodes[number].operation { break }
      if case .blocks = values.nodes[number].operation {
        throw equation.place.error("diagonal blocks cannot be cut; a product with them can")
      }
      matrix = values.nodes[number].operands.first
    }
    return try values.make(
      .cut(part: equation.part, parts: equation.parts), [whole], values.kind(whole), equation.place)
  }

  private mutating func alias(_ number: Int, wanted: ValueKind, _ place: CellPlace) throws(CellError) -> Int {
    // From the name that is read back to the parameter, then forward: a chain of names can be long.
    var chain: [Int] = []
    var (next, name) = (Optional(number), "")
    while let number = next, aliased[number] == nil {
      chain.append(number)
      guard let read = soleName(definition.equations[number]) else { break }
      (name, next) = (read, definition.numbers[read])
    }
    var node: Int
    if let next, let known = aliased[next] {
      node = known
      guard values.kind(node) == wanted else {
        let name = definition.equations[number].name
        throw place.error("\"\(name)\" is a \(Self.noun(values.kind(node))) elsewhere, and a \(Self.noun(wanted)) here")
      }
    } else {
      node = try parameter(name, wanted, place)
    }
    for number in chain.reversed() {
      node = try cut(node, definition.equations[number])
      aliased[number] = node
    }
    return node
  }

  mutating func named(_ name: String, wanted: ValueKind, _ place: CellPlace) throws(CellError) -> Int {
    if let number = definition.numbers[name] {
      isRead[number] = true
      let equation = definition.equations[number]
      if equation.isNext { return try state(name, place) }
      if isAlias[number] { return try alias(number, wanted: wanted, place) }
      return try value(ofEquation: number)
    }
    if definition.isInput(name) { return try input(name, place) }
    return try parameter(name, wanted, place)
  }

  private mutating func state(_ name: String, _ place: CellPlace) throws(CellError) -> Int {
    try values.make(.state(stateNumbers[name] ?? 0), [], .vector, place)
  }

  private mutating func input(_ name: String, _ place: CellPlace) throws(CellError) -> Int {
    let kind: ValueKind = name == "x" || definition.sizes[name] != nil ? .vector : .number
    return try values.make(.input(inputNumbers[name] ?? 0), [], kind, place)
  }

  mutating func parameter(_ name: String, _ kind: ValueKind, _ place: CellPlace) throws(CellError) -> Int {
    if let known = parameters[name] {
      guard known.kind == kind else {
        let before = known.place.line(from: place)
        throw place.error(
          "the parameter \"\(name)\" is a \(Self.noun(known.kind)) in \(before), and a \(Self.noun(kind)) here")
      }
      return known.node
    }
    // A function's name without its parentheses is a slip, and would be a parameter.
    if CellFunction.names.contains(name) { throw place.error("expected \"(\" behind the function \"\(name)\"") }
    let node = try values.make(.parameter(parameters.count), [], kind, place)
    parameters[name] = CellParameter(name: name, kind: kind, node: node, place: place)
    return node
  }

  static func noun(_ kind: ValueKind) -> String {
    switch kind {
    case .number: "number"
    case .vector: "vector"
    case .matrix: "matrix"
    }
  }

  // MARK: What the other lines give

  private mutating func initials() throws(CellError) -> [(node: Int, value: Initializer.Distribution)] {
    var found: [(node: Int, value: Initializer.Distribution, place: CellPlace)] = []
    for (name, initial) in definition.initials where stateNumbers[name] == nil {
      guard let node = try known(name, initial.place, isInherited: initial.isInherited, "init") else { continue }
      guard isParameter(node) else {
        throw initial.place.error("\"\(name)\" is computed: \"init\" is for states and parameters")
      }
      guard values.kind(node) == .matrix || initial.value.isForVectors else {
        // Of a parameter that an equation has made something else.
        if initial.isInherited { continue }
        throw initial.place.error("\"\(name)\" is no matrix: a number, uniform, normal or chrono is for it")
      }
      found.append((node, initial.value, initial.place))
    }
    // As the texts give them: what is said of a part later holds.
    return found.sorted { $0.place.offset < $1.place.offset }.map { ($0.node, $0.value) }
  }

  /// Or a part of one.
  private func isParameter(_ node: Int) -> Bool {
    var node = node
    while case .cut = values.nodes[node].operation { node = values.nodes[node].operands[0] }
    return if case .parameter = values.nodes[node].operation { true } else { false }
  }

  private mutating func givenSizes() throws(CellError) -> [(node: Int, size: SizeTerm, place: CellPlace)] {
    var found: [(node: Int, size: SizeTerm, place: CellPlace)] = []
    for (name, given) in definition.sizes {
      guard let node = try known(name, given.place, isInherited: given.isInherited, "size") else { continue }
      guard values.kind(node) != .number else { throw given.place.error("\"\(name)\" is a number, and has no size") }
      found.append((node, given.size, given.place))
    }
    return found.sorted { $0.place.offset < $1.place.offset }
  }

  /// The node of a name that a "size" or an "init" is for; nil: an inherited one, of what has been dropped since.
  private mutating func known(
    _ name: String, _ place: CellPlace, isInherited: Bool, _ word: String
  ) throws(CellError) -> Int? {
    if stateNumbers[name] != nil { return try state(name, place) }
    if let parameter = parameters[name] { return parameter.node }
    if definition.isInput(name) { return try input(name, place) }
    if let number = definition.numbers[name], isRead[number] {
      if !isAlias[number] { return try value(ofEquation: number) }
      if let node = aliased[number] { return node }
    }
    if isInherited { return nil }
    let hint = Suggestion.text(for: name, among: definition.equations.map(\.name) + parameters.keys.sorted())
    throw place.error("\"\(word)\" is for a name that the equations read, and none reads \"\(name)\"\(hint)")
  }

  /// A parameter of blocks has another shape than a matrix, so that it cannot be both, or have two numbers of blocks.
  private func checkBlocks() throws(CellError) {
    var counts: [Int: SizeTerm?] = [:]
    for node in values.nodes {
      for operand in node.operands where values.kind(operand) == .matrix {
        guard case .parameter = values.nodes[operand].operation else {
          if case .blocks = node.operation {
            throw node.place.error("the matrix of blocks must be a parameter, as in drop_connect(blocks(U, 2), 0.5)")
          }
          continue
        }
        let count: SizeTerm? = if case .blocks(let count) = node.operation { count } else { nil }
        if let before = counts[operand], before != count {
          let name = parameters.values.first { $0.node == operand }?.name ?? "U"
          throw node.place.error(
            "the matrix \"\(name)\" is in blocks(\(name), k) in one place, and in other blocks or in none in another: "
              + "give one of them another name")
        }
        counts[operand] = count
      }
    }
  }

  /// Inputs beside x that the text itself names.
  private func checkUnread(_ inputs: [Int], _ results: [Int]) throws(CellError) {
    let read = Set(values.nodes.flatMap(\.operands) + results)
    for (given, node) in zip(definition.inputs, inputs.dropFirst()) where !given.isInherited && !read.contains(node) {
      throw given.place.error("nothing that leads to the output reads the input \"\(given.name)\"")
    }
  }

  private func checkUnread() throws(CellError) {
    var readExpressions: Set<Int> = []
    for (number, equation) in definition.equations.enumerated() where isRead[number] {
      readExpressions.insert(equation.expression)
    }
    for equation in definition.equations
    where !equation.isInherited && !readExpressions.contains(equation.expression) {
      let output = definition.numbers["y"] == nil ? "; the output is h' unless an equation gives y" : ""
      throw equation.place.error("nothing that leads to the output reads \"\(equation.target)\"\(output)")
    }
  }
}
