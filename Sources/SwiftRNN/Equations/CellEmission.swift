// The vector instructions of each operation.
import Kernels

extension CellAssembler {
  // MARK: Reading

  /// `width` columns of a value: numbers become vectors, and what lies in rows of others is copied, unless it is whole
  /// vectors.
  mutating func read(_ number: Int, width: Int) -> VectorOperand {
    let (node, column) = graph.resolved(number)
    if let value = graph.constant(node) { return constant(value, width: width) }
    var place = operand(node)
    if graph.nodes[node].kind == .number {
      if width == 1 && !Place.isDense(Int(place.place)) { return place }
      if Int(place.place) == Place.prepared && widens {
        return prepared(.widened, of: Location(Place.prepared, Int(place.column)), width: width)
      }
      return again(.broadcast(place, width: width)) { .broadcast }
    }
    // A slot's column is its number still.
    if column > 0 {
      if Int(place.place) == Place.slots {
        place = stage.part(of: place, column: column)
      } else {
        place.column += Int32(column)
      }
    }
    if Place.isDense(Int(place.place)) && width % lanes != 0 { return again(.copied(place, width: width)) { .copy } }
    return place
  }

  /// A number that a place has in its first column, as a vector.
  private mutating func read(operand: VectorOperand, width: Int) -> VectorOperand {
    again(.broadcast(operand, width: width)) { .broadcast }
  }

  private mutating func again(
    _ reading: CellStageBuilder.Reading, _ opcode: () -> VectorOpcode
  ) -> VectorOperand {
    if let known = stage.readings[reading] { return known }
    let (source, width): (VectorOperand, Int) =
      switch reading {
      case .broadcast(let source, let width), .copied(let source, let width): (source, width)
      case .mask: (VectorOperand(place: 0), 0)
      }
    let out = stage.slot(width)
    stage.append(Instruction(opcode(), width: width, out: out, source))
    stage.readings[reading] = out
    return out
  }

  // MARK: Writing

  /// Copies a value to where it is wanted in `section`.
  mutating func write(_ number: Int, _ section: Int) {
    for value in required[number] ?? [] where value.section == section { write(value) }
  }

  /// What is wanted in `section` but not made there.
  mutating func writeRest(_ section: Int, ofChildren: Bool) {
    for value in schedule.required
    where value.section == section && (graph.isTree && Place.isOfChildren(value.location.place)) == ofChildren {
      let node = graph.resolved(value.node).node
      if schedule.sections[node] != section { write(value) }
    }
  }

  private mutating func write(_ value: RequiredValue) {
    let out = VectorOperand(value.location)
    if value.adds {
      if let (a, b) = factors(value.node, width: value.width) {
        stage.append(Instruction(.multiplyAdd, width: value.width, out: out, a, b, out))
      } else {
        let source = read(value.node, width: value.width)
        stage.append(Instruction(.add, width: value.width, out: out, out, source))
      }
      return
    }
    let source = read(value.node, width: value.width)
    if source != out { stage.append(Instruction(.copy, width: value.width, out: out, source)) }
  }

  // MARK: Sums

  /// `into = out + terms`, in order; a product of two vectors that nothing else reads is added with one rounding.
  mutating func add(
    _ terms: [(isNegative: Bool, node: Int)], to sum: VectorOperand?, into out: VectorOperand, width: Int
  ) {
    var sum = sum
    // The first term may be the second operand of a multiply-add, but not the first.
    var terms = terms
    if sum == nil, terms.count > 1, let start = startingPair(terms[0], terms[1], into: out, width: width) {
      sum = start
      terms.removeFirst(2)
    }
    for (number, term) in terms.enumerated() {
      if let value = graph.constant(graph.resolved(term.node).node), let before = sum {
        stage.append(
          Instruction(.affine, width: width, out: out, before, k: 1, l: term.isNegative ? -value : value))
      } else if let before = sum {
        if !term.isNegative, let (a, b) = factors(term.node, width: width) {
          stage.append(Instruction(.multiplyAdd, width: width, out: out, a, b, before))
        } else {
          let operand = read(term.node, width: width)
          stage.append(Instruction(term.isNegative ? .subtract : .add, width: width, out: out, before, operand))
        }
      } else if !term.isNegative {
        sum = startingWith(term.node, width: width)
        if number == terms.count - 1, let sum { stage.append(Instruction(.copy, width: width, out: out, sum)) }
        continue
      } else if number + 1 < terms.count, terms.count == 2,
        let value = graph.constant(graph.resolved(terms[1].node).node)
      {
        let operand = read(term.node, width: width)
        let offset = terms[1].isNegative ? -value : value
        stage.append(Instruction(.affine, width: width, out: out, operand, k: -1, l: offset))
        return
      } else {
        let operand = read(term.node, width: width)
        stage.append(Instruction(.negate, width: width, out: out, operand))
      }
      sum = out
    }
  }

  /// The first two terms of a sum where one of them is a product, which the other is added to with one rounding.
  private mutating func startingPair(
    _ first: (isNegative: Bool, node: Int), _ second: (isNegative: Bool, node: Int), into out: VectorOperand, width: Int
  ) -> VectorOperand? {
    func isConstant(_ node: Int) -> Bool { graph.constant(graph.resolved(node).node) != nil }
    if isConstant(first.node) || isConstant(second.node) { return nil }
    let (product, other): ((isNegative: Bool, node: Int), (isNegative: Bool, node: Int))
    if !first.isNegative, isFused(first.node), !isFused(second.node) {
      (product, other) = (first, second)
    } else if first.isNegative, !second.isNegative, isFused(second.node) {
      (product, other) = (second, first)
    } else {
      return nil
    }
    guard let (a, b) = factors(product.node, width: width) else { return nil }
    let addend = read(other.node, width: width)
    stage.append(
      Instruction(other.isNegative ? .multiplySubtract : .multiplyAdd, width: width, out: out, a, b, addend))
    return out
  }

  private mutating func startingWith(_ node: Int, width: Int) -> VectorOperand {
    if let (a, b) = factors(node, width: width) {
      let out = stage.slot(width)
      stage.append(Instruction(.multiply, width: width, out: out, a, b))
      return out
    }
    return read(node, width: width)
  }

  /// The factors of a product that only one sum reads, which so needs no place of its own.
  mutating func factors(_ number: Int, width: Int) -> (VectorOperand, VectorOperand)? {
    guard isFused(number), graph.rows[number] == width else { return nil }
    let operands = graph.nodes[number].operands
    return (read(operands[0], width: width), read(operands[1], width: width))
  }

  /// Whether a value is made as a part of what reads it. Among the terms of a sum, concatenations apart: a product.
  func isFused(_ number: Int) -> Bool { schedule.fused.contains(number) }

  /// Where a sum of products starts: in the prepared row.
  mutating func emitStart(_ sum: Accumulator, _ location: Location) {
    let width = graph.rows[sum.node]
    let out = VectorOperand(location)
    if sum.start.isEmpty {
      stage.append(Instruction(.fill, width: width, out: out))
    } else {
      add(sum.start, to: nil, into: out, width: width)
    }
  }

  // MARK: Operations

  mutating func emit(_ number: Int, into wanted: VectorOperand?) {
    if isFused(number) { return }
    let node = graph.nodes[number]
    let width = graph.rows[number]
    let out = wanted ?? stage.slot(width)
    defer { located(number, out) }
    func append(
      _ opcode: VectorOpcode, _ operands: [VectorOperand], k: Double = 0, l: Double = 0
    ) {
      let none = VectorOperand(place: 0)
      stage.append(
        Instruction(
          opcode, width: width, out: out, operands.first ?? none, operands.count > 1 ? operands[1] : none,
          operands.count > 2 ? operands[2] : none, operands.count > 3 ? operands[3] : none, k: k, l: l))
    }
    func operand(_ index: Int) -> VectorOperand { read(node.operands[index], width: width) }
    func constantOperand(_ index: Int) -> Double? { graph.constant(graph.resolved(node.operands[index]).node) }
    switch node.operation {
    case .sum where schedule.concatenations.contains(number):
      let covered = node.operands.reduce(0) { $0 + graph.rows[graph.nodes[$1].operands[0]] }
      if covered < width { append(.fill, []) }
      for term in node.operands { place(term, in: out) }
    case .sum(let negative):
      add(zip(negative, node.operands).map { ($0, $1) }, to: nil, into: out, width: width)
    case .multiply:
      if let value = constantOperand(0) {
        append(.affine, [operand(1)], k: value)
      } else if let value = constantOperand(1) {
        append(.affine, [operand(0)], k: value)
      } else {
        append(.multiply, [operand(0), operand(1)])
      }
    case .divide: append(.divide, [operand(0), operand(1)])
    case .minimum: append(.minimum, [operand(0), operand(1)])
    case .maximum: append(.maximum, [operand(0), operand(1)])
    case .negate: append(.negate, [operand(0)])
    case .unary(let function, let constants):
      append(function.opcode, [operand(0)], k: constants.first ?? 0, l: constants.dropFirst().first ?? 0)
    case .select(let comparison):
      let (a, b, u, v) = (operand(0), operand(1), operand(2), operand(3))
      switch comparison {
      case .less: append(.selectLess, [a, b, u, v])
      case .lessOrEqual: append(.selectLessOrEqual, [a, b, u, v])
      case .greater: append(.selectLess, [b, a, u, v])
      case .greaterOrEqual: append(.selectLessOrEqual, [b, a, u, v])
      }
    case .vector(let function): emit(function, node.operands[0], into: out, width: width)
    case .batchNorm:
      let factor = reciprocalDeviation(node.operands[2], width: width)
      append(.subtract, [operand(0), operand(1)])
      append(.multiply, [out, factor])
    case .batchNormGradient:
      append(.multiply, [operand(3), reciprocalDeviation(node.operands[2], width: width)])
    case .dropout(let draw):
      let scale = 1 / (1 - draw.probability)
      append(.multiply, [operand(0), stage.mask(draw, width: width, kept: scale, dropped: 0)])
    case .zoneout(let draw):
      if graph.isTraining {
        // 1: the next value.
        let mask = stage.mask(draw, width: width, kept: 1, dropped: 0)
        append(.selectLess, [constant(0.5, width: width), mask, operand(0), operand(1)])
      } else {
        let (next, previous) = (operand(0), operand(1))
        let kept = stage.slot(width)
        stage.append(Instruction(.affine, width: width, out: kept, previous, k: draw.probability))
        append(.multiplyAdd, [next, constant(1 - draw.probability, width: width), kept])
      }
    case .zoneoutGradient(let draw, let toPrevious):
      append(
        .multiply,
        [operand(0), stage.mask(draw, width: width, kept: toPrevious ? 0 : 1, dropped: toPrevious ? 1 : 0)])
    case .placed:
      append(.fill, [])
      place(number, in: out)
    case .unaryGradient(let function, let constants):
      emitGradient(function, constants, operand(0), operand(1), into: out, width: width)
    case .minimumGradient: append(.minimumGradient, [operand(0), operand(1), operand(2)])
    case .maximumGradient: append(.minimumGradient, [operand(1), operand(0), operand(2)])
    case .vectorGradient(let function): emitGradient(function, node.operands, into: out, width: width)
    case .sumChildren:
      // A value of the node, once for each child.
      let count = read(operand: VectorOperand(place: Place.childCount), width: width)
      append(.multiply, [operand(0), count])
    case .constant, .input, .state, .childState, .parameter, .cut, .product, .dropConnect, .blocks,
      .outputGradient, .nextGradient, .overRows, .transposedProduct:
      break  // given, another name, or made by products
    }
  }

  /// Copies what a `placed` node places to its part of a vector.
  private mutating func place(_ number: Int, in whole: VectorOperand) {
    let node = graph.nodes[number]
    guard case .placed(let part, _) = node.operation else { return }
    let size = graph.rows[node.operands[0]]
    let source = read(node.operands[0], width: size)
    var target = whole
    if Int(whole.place) == Place.slots {
      target = stage.part(of: whole, column: part * size)
    } else {
      target.column += Int32(part * size)
    }
    stage.append(Instruction(.copy, width: size, out: target, source))
  }

  /// `1 / sqrt(variance + 1e-5)`; of parameters once, in the prepared row.
  private mutating func reciprocalDeviation(_ variance: Int, width: Int) -> VectorOperand {
    let operand = read(variance, width: width)
    if Int(operand.place) == Place.prepared && widens {
      return prepared(.reciprocalDeviation, of: Location(Place.prepared, Int(operand.column)), width: width)
    }
    let out = stage.slot(width)
    emitReciprocalDeviation(of: operand, into: out, width: width)
    return out
  }

  mutating func emitReciprocalDeviation(of variance: VectorOperand, into out: VectorOperand, width: Int) {
    let one = constant(1, width: width)
    stage.append(Instruction(.affine, width: width, out: out, variance, k: 1, l: 1e-5))
    stage.append(Instruction(.squareRoot, width: width, out: out, out))
    stage.append(Instruction(.divide, width: width, out: out, one, out))
  }

  private mutating func emit(_ function: VectorFunction, _ operand: Int, into out: VectorOperand, width: Int) {
    let size = graph.rows[operand]
    let opcode: VectorOpcode =
      switch function {
      case .softmax: .softmax
      case .sum: .sum
      case .mean: .mean
      case .layerNorm: .layerNorm
      case .rmsNorm: .rmsNorm
      }
    stage.append(Instruction(opcode, width: size, out: out, read(operand, width: size)))
  }
}

extension UnaryFunction {
  fileprivate var opcode: VectorOpcode {
    switch self {
    case .sigmoid: .sigmoid
    case .tanh: .tanh
    case .relu: .relu
    case .selu: .selu
    case .gelu: .gelu
    case .silu: .silu
    case .softplus: .softplus
    case .softsign: .softsign
    case .exp: .exp
    case .log: .log
    case .sqrt: .squareRoot
    case .abs: .absolute
    case .sign: .sign
    case .elu: .elu
    case .affine: .affine
    case .clip, .hardTanh: .clamp
    case .logSigmoid: .logSigmoid
    case .leakyRelu: .leakyRelu
    case .hardSigmoid: .hardSigmoid
    case .thresholdedRelu: .thresholdedRelu
    case .scaledTanh: .scaledTanh
    }
  }
}
