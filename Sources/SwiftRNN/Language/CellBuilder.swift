// From a cell's equations to its graph.

/// Values by what makes them: the same operation on the same values is made once.
struct CellValues {
  private struct Key: Hashable {
    let operation: Operation
    let operands: [Int]
  }

  private(set) var nodes: [CellNode] = []
  private var numbers: [Key: Int] = [:]

  private let most: Int

  init() { most = CellGraph.mostNodes }

  /// Goes on with the values of a graph, to `most` of them.
  init(_ nodes: [CellNode], most: Int) {
    self.nodes = nodes
    self.most = most
    for (number, node) in nodes.enumerated() {
      numbers[Key(operation: node.operation, operands: node.operands)] = number
    }
  }

  func kind(_ node: Int) -> ValueKind { nodes[node].kind }

  func constant(_ node: Int) -> Double? {
    if case .constant(let value) = nodes[node].operation { value } else { nil }
  }

  mutating func make(
    _ operation: Operation, _ operands: [Int] = [], _ kind: ValueKind, _ place: CellPlace
  ) throws(CellError) -> Int {
    let key = Key(operation: operation, operands: operands)
    if let number = numbers[key] { return number }
    guard nodes.count < most else {
      throw place.error("the cell has more than \(most) operations")
    }
    nodes.append(CellNode(operation: operation, operands: operands, kind: kind, place: place))
    numbers[key] = nodes.count - 1
    return nodes.count - 1
  }
}

struct CellBuilder {
  private let definition: CellDefinition
  private let names: CellNames
  private var values = CellValues()
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
  private var stateNumbers: [String: Int] = [:]
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
          next: try vector(ofEquation: number), initial: definition.initials[equation.name]?.value ?? 0))
    }
    var inputs: [(name: String, node: Int)] = [("x", try input("x", definition.equations[order.output].place))]
    for given in definition.inputs {
      inputs.append((given.name, try input(given.name, given.place)))
    }
    for number in order.order { isRead[number] = true }
    try checkUnread()
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
    guard !equation.isNext, case .name(let name) = definition.expressions[equation.expression].kind else {
      return false
    }
    if let other = definition.numbers[name] { return !definition.equations[other].isNext && isAlias[other] }
    return !definition.isInput(name)
  }

  /// What equation `number` gives, as a vector or number: of a cut its part.
  private mutating func vector(ofEquation number: Int) throws(CellError) -> Int {
    let equation = definition.equations[number]
    if isAlias[number] { return try alias(number, wanted: .vector, equation.place) }
    let node = try value(ofEquation: number)
    guard values.kind(node) != .matrix else { throw equation.place.error("\"\(equation.target)\" must be a vector") }
    return node
  }

  private mutating func value(ofEquation number: Int) throws(CellError) -> Int {
    let equation = definition.equations[number]
    let whole: Int
    if let node = expressions[equation.expression] {
      whole = node
    } else {
      whole = try value(definition.expressions[equation.expression])
      expressions[equation.expression] = whole
    }
    return try cut(whole, equation)
  }

  private mutating func cut(_ whole: Int, _ equation: Equation) throws(CellError) -> Int {
    if equation.parts == 1 { return whole }
    guard values.kind(whole) != .number else {
      throw equation.place.error("a number cannot be cut into \(equation.parts) parts")
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
      guard case .name(let read) = definition.expressions[definition.equations[number].expression].kind else { break }
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

  private mutating func named(_ name: String, wanted: ValueKind, _ place: CellPlace) throws(CellError) -> Int {
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

  private mutating func parameter(_ name: String, _ kind: ValueKind, _ place: CellPlace) throws(CellError) -> Int {
    if let known = parameters[name] {
      guard known.kind == kind else {
        let line = known.place.source.line(at: known.place.offset).number
        throw place.error(
          "the parameter \"\(name)\" is a \(Self.noun(known.kind)) in line \(line), and a \(Self.noun(kind)) here")
      }
      return known.node
    }
    // A function's name without its parentheses is a slip, and would be a parameter.
    if CellFunctions.names.contains(name) { throw place.error("expected \"(\" behind the function \"\(name)\"") }
    let node = try values.make(.parameter(parameters.count), [], kind, place)
    parameters[name] = CellParameter(name: name, kind: kind, node: node, place: place)
    return node
  }

  private static func noun(_ kind: ValueKind) -> String {
    switch kind {
    case .number: "number"
    case .vector: "vector"
    case .matrix: "matrix"
    }
  }

  // MARK: Expressions

  /// A vector or number.
  private mutating func operand(_ expression: Expression) throws(CellError) -> Int {
    let node = try value(expression)
    guard values.kind(node) != .matrix else {
      throw expression.place.error("a matrix stands left of \"@\" only")
    }
    return node
  }

  private mutating func value(_ expression: Expression, wanted: ValueKind = .vector) throws(CellError) -> Int {
    let place = expression.place
    switch expression.kind {
    case .number(let number): return try constant(number, place)
    case .name(let name): return try named(name, wanted: wanted, place)
    case .next(let name):
      guard let number = definition.numbers[name] else { throw place.error("no equation gives \(name)'") }
      return try vector(ofEquation: number)
    case .child(let name, let child):
      return try values.make(.childState(stateNumbers[name] ?? 0, child: child), [], .vector, place)
    case .call(let name, let arguments): return try call(name, arguments, place)
    case .negated(let inner): return try negated(try operand(inner), place)
    case .product(let left, let right):
      let matrix = try value(left, wanted: .matrix)
      guard values.kind(matrix) == .matrix else {
        throw left.place.error("left of \"@\" stands a matrix: a parameter, drop_connect(U, p) or blocks(U, k)")
      }
      let vector = try operand(right)
      guard values.kind(vector) == .vector else {
        throw right.place.error("right of \"@\" stands a vector, and this is a number")
      }
      return try values.make(.product, [matrix, vector], .vector, place)
    case .sum(let terms): return try sum(terms, place)
    case .factors(let factors): return try multiplied(factors, place)
    }
  }

  private mutating func constant(_ value: Double, _ place: CellPlace) throws(CellError) -> Int {
    guard value.isFinite else { throw place.error("this is not a finite number") }
    return try values.make(.constant(value), [], .number, place)
  }

  private mutating func negated(_ node: Int, _ place: CellPlace) throws(CellError) -> Int {
    if let value = values.constant(node) { return try constant(-value, place) }
    if case .negate = values.nodes[node].operation { return values.nodes[node].operands[0] }
    return try values.make(.negate, [node], values.kind(node), place)
  }

  /// The kind of what is made of these, number by number.
  private func joined(_ nodes: [Int]) -> ValueKind {
    nodes.contains { values.kind($0) == .vector } ? .vector : .number
  }

  private mutating func sum(
    _ terms: [(isNegative: Bool, Expression)], _ place: CellPlace
  ) throws(CellError) -> Int {
    var (operands, negative): ([Int], [Bool]) = ([], [])
    var rest = 0.0
    for (isNegative, term) in terms {
      let node = try operand(term)
      if let value = values.constant(node) {
        rest += isNegative ? -value : value
      } else {
        operands.append(node)
        negative.append(isNegative)
      }
    }
    if operands.isEmpty { return try constant(rest, place) }
    if rest != 0 {
      operands.append(try constant(rest, place))
      negative.append(false)
    }
    if operands.count == 1 { return negative[0] ? try negated(operands[0], place) : operands[0] }
    return try values.make(.sum(negative: negative), operands, joined(operands), place)
  }

  private mutating func multiplied(
    _ factors: [(isDivisor: Bool, Expression)], _ place: CellPlace
  ) throws(CellError) -> Int {
    var result = try operand(factors[0].1)
    for (isDivisor, factor) in factors.dropFirst() {
      let other = try operand(factor)
      let (a, b) = (values.constant(result), values.constant(other))
      if let a, let b {
        result = try constant(isDivisor ? a / b : a * b, factor.place)
      } else if b == 1 {
        continue
      } else if a == 1 && !isDivisor {
        result = other
      } else {
        result = try values.make(isDivisor ? .divide : .multiply, [result, other], joined([result, other]), place)
      }
    }
    return result
  }

  // MARK: Calls

  private mutating func call(
    _ name: String, _ arguments: [Expression.Argument], _ place: CellPlace
  ) throws(CellError) -> Int {
    var call = Call(name: name, place: place, arguments: arguments)
    if let function = UnaryFunction(rawValue: name) {
      let value = try operand(try call.value("a vector"))
      var constants: [Double] = []
      for (constant, byDefault) in function.constants {
        guard let expression = call.optionalValue() else {
          guard let byDefault else { throw call.missing("the number \(constant)") }
          constants.append(byDefault)
          continue
        }
        constants.append(try number(expression, constant))
      }
      try call.end()
      if (function == .clip || function == .hardTanh) && constants[0] > constants[1] {
        throw place.error("\(name) needs low <= high, has \(constants[0]) and \(constants[1])")
      }
      return try values.make(.unary(function, constants: constants), [value], values.kind(value), place)
    }
    if let function = VectorFunction(rawValue: name) {
      let value = try operand(try call.value("a vector"))
      try call.end()
      guard values.kind(value) == .vector else { throw place.error("\(name) takes a vector, and this is a number") }
      return try values.make(.vector(function), [value], function.isReduction ? .number : .vector, place)
    }
    guard let function = SpecialFunction(rawValue: name) else {
      let hint = Suggestion.text(for: name, among: CellFunctions.names)
      throw place.error("there is no function \"\(name)\"\(hint)")
    }
    let node = try special(function, &call)
    try call.end()
    return node
  }

  private mutating func special(_ function: SpecialFunction, _ call: inout Call) throws(CellError) -> Int {
    let place = call.place
    switch function {
    case .min, .max:
      let operands = [try operand(try call.value("a value")), try operand(try call.value("a second value"))]
      return try values.make(function == .min ? .minimum : .maximum, operands, joined(operands), place)
    case .where:
      let (a, comparison, b) = try call.comparison()
      let operands = [
        try operand(a), try operand(b), try operand(try call.value("the value where it holds")),
        try operand(try call.value("the value where it does not")),
      ]
      return try values.make(.select(comparison), operands, joined(operands), place)
    case .scalar:
      let argument = try call.value("a parameter")
      guard case .name(let name) = argument.kind, definition.numbers[name] == nil, !definition.isInput(name) else {
        throw argument.place.error("scalar takes the name of a parameter")
      }
      return try parameter(name, .number, argument.place)
    case .dropout:
      let value = try operand(try call.value("a vector"))
      return try values.make(.dropout(try draw(&call)), [value], values.kind(value), place)
    case .zoneout:
      let operands = [try operand(try call.value("the next value")), try operand(try call.value("the previous value"))]
      return try values.make(.zoneout(try draw(&call)), operands, joined(operands), place)
    case .blocks:
      let matrix = try matrix(&call)
      return try values.make(.blocks(try blockCount(try call.value("the number of blocks"))), [matrix], .matrix, place)
    case .batchNorm:
      let value = try operand(try call.value("a vector"))
      let mean = try call.value("the running mean")
      let variance = try call.value("the running variance")
      let operands = [value, try parameterOnly(mean), try parameterOnly(variance)]
      return try values.make(.batchNorm, operands, .vector, place)
    case .dropConnect:
      let matrix = try matrix(&call)
      return try values.make(.dropConnect(try draw(&call, perCall: true)), [matrix], .matrix, place)
    case .sumChildren:
      let value = try operand(try call.value("a value"))
      return try values.make(.sumChildren, [value], values.kind(value), place)
    }
  }

  private mutating func matrix(_ call: inout Call) throws(CellError) -> Int {
    let argument = try call.value("a matrix")
    let node = try value(argument, wanted: .matrix)
    guard values.kind(node) == .matrix else { throw argument.place.error("expected a matrix, which is a parameter") }
    return node
  }

  /// A running mean or variance.
  private mutating func parameterOnly(_ expression: Expression) throws(CellError) -> Int {
    let node = try operand(expression)
    guard case .parameter = values.nodes[node].operation else {
      throw expression.place.error("expected a parameter, in which a running mean or variance is kept")
    }
    return node
  }

  private mutating func number(_ expression: Expression, _ what: String) throws(CellError) -> Double {
    let node = try operand(expression)
    guard let value = values.constant(node) else {
      throw expression.place.error("\(what) must be a number that the text gives")
    }
    return value
  }

  private mutating func draw(_ call: inout Call, perCall: Bool = false) throws(CellError) -> MaskDraw {
    let expression = try call.value("a probability")
    let probability = try number(expression, "the probability")
    guard probability >= 0, probability < 1 else {
      throw expression.place.error("the probability must be in [0, 1)")
    }
    return MaskDraw(
      number: names.draws[CallPlace(call.place)] ?? 0, probability: probability,
      isPerSequence: perCall ? false : call.perSequence())
  }

  private func blockCount(_ expression: Expression) throws(CellError) -> SizeTerm {
    switch expression.kind {
    case .number(let value):
      guard let count = Int(exactly: value), (1..<CellParser.largestFactor).contains(count) else { break }
      return SizeTerm(count)
    case .name(let name) where definition.numbers[name] == nil && !definition.isInput(name): return SizeTerm(name)
    default: break
    }
    throw expression.place.error("the number of blocks is an integer or the name of a size")
  }

  // MARK: What the other lines give

  private mutating func initials() throws(CellError) -> [(node: Int, value: Double)] {
    var found: [(node: Int, value: Double, place: CellPlace)] = []
    for (name, initial) in definition.initials where stateNumbers[name] == nil {
      guard let node = try known(name, initial.place, isInherited: initial.isInherited, "init") else { continue }
      guard isParameter(node) else {
        throw initial.place.error("\"\(name)\" is computed: \"init\" is for states and parameters")
      }
      found.append((node, initial.value, initial.place))
    }
    // As the texts give them: what is said of a part later holds.
    return found.sorted { $0.place.offset < $1.place.offset }.map { ($0.node, $0.value) }
  }

  private func isParameter(_ node: Int) -> Bool {
    switch values.nodes[node].operation {
    case .parameter: true
    case .cut: isParameter(values.nodes[node].operands[0])
    default: false
    }
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
          if case .blocks = node.operation { throw node.place.error("blocks takes a parameter") }
          continue
        }
        let count: SizeTerm? = if case .blocks(let count) = node.operation { count } else { nil }
        if let before = counts[operand], before != count {
          throw node.place.error("this matrix is in blocks, and elsewhere in others or in none")
        }
        counts[operand] = count
      }
    }
  }

  private func checkUnread() throws(CellError) {
    var readExpressions: Set<Int> = []
    for (number, equation) in definition.equations.enumerated() where isRead[number] {
      readExpressions.insert(equation.expression)
    }
    for equation in definition.equations
    where !equation.isInherited && !readExpressions.contains(equation.expression) {
      throw equation.place.error("nothing that leads to the output reads \"\(equation.target)\"")
    }
  }
}

/// The arguments of a call, taken one by one.
struct Call {
  let name: String
  let place: CellPlace
  let arguments: [Expression.Argument]
  private var taken = 0

  init(name: String, place: CellPlace, arguments: [Expression.Argument]) {
    (self.name, self.place, self.arguments) = (name, place, arguments)
  }

  func missing(_ what: String) -> CellError { place.error("\(name) needs \(what)") }

  mutating func value(_ what: String) throws(CellError) -> Expression {
    guard taken < arguments.count else { throw missing(what) }
    guard case .value(let value) = arguments[taken] else { throw unexpected(arguments[taken]) }
    taken += 1
    return value
  }

  mutating func optionalValue() -> Expression? {
    guard taken < arguments.count, case .value(let value) = arguments[taken] else { return nil }
    taken += 1
    return value
  }

  mutating func comparison() throws(CellError) -> (Expression, Expression.Comparison, Expression) {
    guard taken < arguments.count, case .comparison(let a, let comparison, let b) = arguments[taken] else {
      throw missing("a comparison such as a > b first")
    }
    taken += 1
    return (a, comparison, b)
  }

  mutating func perSequence() -> Bool {
    guard taken < arguments.count, case .perSequence = arguments[taken] else { return false }
    taken += 1
    return true
  }

  func end() throws(CellError) {
    if taken < arguments.count { throw unexpected(arguments[taken]) }
  }

  private func unexpected(_ argument: Expression.Argument) -> CellError {
    switch argument {
    case .value(let value): value.place.error("\(name) takes \(taken) arguments, and this is one more")
    case .comparison(let a, _, _): a.place.error("\(name) takes no comparison here")
    case .perSequence(let place): place.error("\(name) takes no \"per_sequence\" here")
    }
  }
}
