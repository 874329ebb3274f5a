// Calls of the language's functions.

extension CellBuilder {
  mutating func call(_ written: Call) throws(CellError) -> Int {
    var call = written
    let place = call.place
    switch CellFunction(call.name) {
    case .unary(let function): return try unary(function, &call)
    case .vector(let function):
      let value = try operand(&call, "a vector")
      try call.end()
      guard values.kind(value) == .vector else {
        throw call.wrong(0, "is a number, and must be a vector", place)
      }
      return try values.make(.vector(function), [value], function.isReduction ? .number : .vector, place)
    case .special(let function):
      let node = try special(function, &call)
      try call.end()
      return node
    case nil: throw CellFunction.unknown(call.name, place)
    }
  }

  private mutating func unary(_ function: UnaryFunction, _ call: inout Call) throws(CellError) -> Int {
    let value = try operand(&call, "a vector")
    var constants: [Double] = []
    for (constant, byDefault) in function.constants {
      guard let part = call.optionalValue() else {
        guard let byDefault else { throw call.missing("the number \(constant)") }
        constants.append(byDefault)
        continue
      }
      constants.append(try number(part, constant, call.written))
    }
    try call.end()
    if (function == .clip || function == .hardTanh) && constants[0] > constants[1] {
      throw call.place.error("\(call.name) needs low <= high, has \(constants[0]) and \(constants[1])")
    }
    return try values.make(.unary(function, constants: constants), [value], values.kind(value), call.place)
  }

  private mutating func special(_ function: SpecialFunction, _ call: inout Call) throws(CellError) -> Int {
    let place = call.place
    switch function {
    case .min, .max:
      let operands = [try operand(&call, "a value"), try operand(&call, "a second value")]
      return try values.make(function == .min ? .minimum : .maximum, operands, joined(operands), place)
    case .where:
      let (a, comparison, b) = try call.comparison()
      let operands = [
        try operand(a, call.written), try operand(b, call.written), try operand(&call, "the value where it holds"),
        try operand(&call, "the value where it does not"),
      ]
      return try values.make(.select(comparison), operands, joined(operands), place)
    case .scalar:
      let argument = try call.value("a parameter")
      let part = call.written.parts[argument]
      guard case .name(let name) = part.kind, definition.numbers[name] == nil, !definition.isInput(name) else {
        throw part.place.error(
          "scalar takes the name of a parameter, and \"\(call.written.text(argument))\" is none: it has a value already"
        )
      }
      return try parameter(name, .number, part.place)
    case .dropout:
      let value = try operand(&call, "a vector")
      return try values.make(.dropout(try draw(&call)), [value], values.kind(value), place)
    case .zoneout:
      let operands = [try operand(&call, "the next value"), try operand(&call, "the previous value")]
      return try values.make(.zoneout(try draw(&call)), operands, joined(operands), place)
    case .blocks:
      let matrix = try matrix(&call)
      let count = try blockCount(try call.value("the number of blocks"), call.written)
      return try values.make(.blocks(count), [matrix], .matrix, place)
    case .batchNorm:
      let value = try operand(&call, "a vector")
      let mean = try call.value("the running mean")
      let variance = try call.value("the running variance")
      guard values.kind(value) == .vector else { throw call.wrong(0, "is a number, and must be a vector", place) }
      let operands = [value, try parameterOnly(mean, call.written), try parameterOnly(variance, call.written)]
      return try values.make(.batchNorm, operands, .vector, place)
    case .dropConnect:
      let matrix = try matrix(&call)
      return try values.make(.dropConnect(try draw(&call, perCall: true)), [matrix], .matrix, place)
    case .sumChildren:
      let value = try operand(&call, "a value")
      return try values.make(.sumChildren, [value], values.kind(value), place)
    }
  }

  /// The next argument of a call, as a vector or number.
  private func operand(_ call: inout Call, _ what: String) throws(CellError) -> Int {
    try operand(try call.value(what), call.written)
  }

  private func matrix(_ call: inout Call) throws(CellError) -> Int {
    let argument = try call.value("a matrix")
    let node = call.written.nodes[argument]
    guard values.kind(node) == .matrix else {
      throw call.written.parts[argument].place.error(
        "\"\(call.written.text(argument))\" in \(call.name) is a \(Self.noun(values.kind(node))), and must be a matrix: the "
          + "name of a parameter")
    }
    return node
  }

  /// A running mean or variance.
  private func parameterOnly(_ part: Int, _ written: WrittenParts) throws(CellError) -> Int {
    let (node, place) = (try operand(part, written), written.parts[part].place)
    guard case .parameter = values.nodes[node].operation else {
      throw place.error(
        "\"\(written.text(part))\" in batch_norm must be the name of a parameter, in which the running mean or variance is "
          + "kept")
    }
    guard values.kind(node) == .vector else {
      throw place.error("\"\(written.text(part))\" in batch_norm is a number, and must be a vector")
    }
    return node
  }

  private func number(_ part: Int, _ what: String, _ written: WrittenParts) throws(CellError) -> Double {
    guard let value = values.constant(try operand(part, written)) else {
      throw written.parts[part].place.error(
        "\(what) is \"\(written.text(part))\", and must be a number that the text gives, such as 0.5")
    }
    return value
  }

  private func draw(_ call: inout Call, perCall: Bool = false) throws(CellError) -> MaskDraw {
    let part = try call.value("a probability")
    let probability = try number(part, "the probability", call.written)
    guard probability >= 0, probability < 1 else {
      throw call.written.parts[part].place.error("the probability is \(probability), must be in [0, 1)")
    }
    return MaskDraw(
      number: names.draws[CallPlace(call.place)] ?? 0, probability: probability,
      isPerSequence: perCall ? false : call.perSequence())
  }

  private func blockCount(_ number: Int, _ written: WrittenParts) throws(CellError) -> SizeTerm {
    let part = written.parts[number]
    switch part.kind {
    case .number(let value):
      guard let count = Int(exactly: value), (1..<CellParser.largestFactor).contains(count) else { break }
      return SizeTerm(count)
    case .name(let name) where definition.numbers[name] == nil && !definition.isInput(name): return SizeTerm(name)
    default: break
    }
    throw part.place.error(
      "the number of blocks is \"\(written.text(number))\", and must be an integer of 1 or more, or the name of a size")
  }
}

/// The arguments of a call, taken one by one.
struct Call {
  let name: String
  let place: CellPlace
  let arguments: [Expression.Argument]
  /// The expression that it stands in.
  let written: WrittenParts
  private var taken = 0

  init(name: String, place: CellPlace, arguments: [Expression.Argument], written: WrittenParts) {
    (self.name, self.place, self.arguments, self.written) = (name, place, arguments, written)
  }

  /// The error for an argument of the wrong kind.
  func wrong(_ argument: Int, _ what: String, _ place: CellPlace) -> CellError {
    guard argument < arguments.count, case .value(let part) = arguments[argument] else { return place.error(what) }
    return place.error("\"\(written.text(part))\" in \(name) \(what)")
  }

  func missing(_ what: String) -> CellError { place.error("\(name) needs \(what)") }

  mutating func value(_ what: String) throws(CellError) -> Int {
    guard taken < arguments.count else { throw missing(what) }
    guard case .value(let value) = arguments[taken] else { throw unexpected(arguments[taken]) }
    taken += 1
    return value
  }

  mutating func optionalValue() -> Int? {
    guard taken < arguments.count, case .value(let value) = arguments[taken] else { return nil }
    taken += 1
    return value
  }

  mutating func comparison() throws(CellError) -> (Int, Expression.Comparison, Int) {
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
    case .value(let value): written.parts[value].place.error("\(name) takes \(taken) arguments, and this is one more")
    case .comparison(let a, _, _): written.parts[a].place.error("\(name) takes no comparison here")
    case .perSequence(let place): place.error("\(name) takes no \"per_sequence\" here")
    }
  }
}
