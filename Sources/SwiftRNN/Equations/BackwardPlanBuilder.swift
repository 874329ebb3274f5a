// How the plan of a backward pass is made: which values are wanted where, in which sections, and what the tape holds.

struct BackwardPlanBuilder {
  let layer: CellInLayer
  private var isOfRows: [Bool]
  private var isOfChild: [Bool]
  private var sized: SizedGraph
  private var required: [RequiredValue] = []
  private var taken: [Int: Int] = [:]
  private var gradientColumns: [Int: Int] = [:]
  private var totalColumns: [Int: Int] = [:]
  private var rights: [GradientRight] = []
  private var rightNumbers: [GradientRight: Int] = [:]
  private var masked: [(matrix: MaskedMatrix, start: Int)] = []
  private var maskedNumbers: [MaskedMatrix: Int] = [:]
  private var maskedElements = 0

  init(_ layer: CellInLayer) {
    self.layer = layer
    isOfRows = layer.cell.backward.isOfRows
    isOfChild = layer.cell.backward.isOfChild
    sized = SizedGraph(
      layer.cell, layer.extents, nodes: layer.cell.backward.nodes, isTraining: true,
      isOfChild: layer.isTree ? isOfChild : nil)
  }

  private var nodes: [CellNode] { sized.nodes }
  private var cell: Cell { layer.cell }
  private var graph: CellGraph { layer.graph }

  /// What reaches each state's value before the step, on a chain, where child 1 is the step before.
  private mutating func previousGradients() -> [Int] {
    var found: [Int] = []
    for state in graph.states.indices {
      let child = cell.backward.children.first { !layer.isTree && $0.state == state && $0.child == 1 }?.gradient
      let terms = [cell.backward.previous[state], child].compactMap { $0 }
      if terms.count == 1 {
        found.append(ofChildren(terms[0]))
        continue
      }
      let place = nodes[graph.states[state].next].place
      let node =
        terms.isEmpty
        ? CellNode(operation: .constant(0), operands: [], kind: .number, place: place)
        : CellNode(operation: .sum(negative: [false, false]), operands: terms, kind: .vector, place: place)
      found.append(append(node, isOfRows: !terms.isEmpty, isOfChild: false))
    }
    return found
  }

  /// - Returns: its number.
  private mutating func append(_ node: CellNode, isOfRows: Bool, isOfChild: Bool) -> Int {
    sized.append(node, isOfChild: isOfChild)
    self.isOfRows.append(isOfRows)
    self.isOfChild.append(isOfChild)
    return nodes.count - 1
  }

  /// A copy of a value, where it has to be one: of rows of children, or behind the steps.
  private mutating func copy(_ node: Int, isOfChild: Bool) -> Int {
    append(
      CellNode(
        operation: .sum(negative: [false]), operands: [node], kind: nodes[node].kind, place: nodes[node].place),
      isOfRows: true, isOfChild: isOfChild)
  }

  /// A value as one of rows of children, which may be the same for all of them.
  private mutating func ofChildren(_ node: Int) -> Int {
    !layer.isTree || isOfChild[node] ? node : copy(node, isOfChild: true)
  }

  mutating func plan() throws(CellError) -> EquationsBackwardPlan {
    let previous = previousGradients()
    let parameters = layer.parameterColumns()
    var given = parameters.given
    for (number, node) in nodes.enumerated() {
      switch node.operation {
      case .outputGradient: given[number] = Location(Place.dy)
      case .nextGradient(let state): given[number] = Location(Place.arriving(state))
      default: break
      }
    }
    for (number, input) in graph.inputs.enumerated() { given[input.node] = Location(Place.input(number)) }
    for (number, state) in graph.states.enumerated() { given[state.previous] = Location(Place.before(number)) }
    let children = layer.childStates
    for (number, child) in children.enumerated() { given[child.node] = Location(Place.child(number)) }
    let backward = cell.backward
    let stepRoots =
      previous
      + backward.matrices.filter { sized.constant(sized.resolved($0.right).node) == nil }.flatMap {
        [$0.left, $0.right]
      } + backward.parameters.map(\.gradient)
    let tape = layer.tape(roots: stepRoots + backward.inputs.compactMap { $0 }, sized, given: given)
    // What parameters alone make is made again, once: there are rows of the tape in the steps only.
    if given[graph.output] == nil && isOfRows[graph.output] { given[graph.output] = Location(Place.output) }
    for entry in tape.entries where given[entry.node] == nil && isOfRows[entry.node] {
      given[entry.node] = Location(Place.tape, entry.column)
    }
    for entry in tape.childEntries where given[entry.node] == nil {
      given[entry.node] = Location(Place.childTape, entry.column)
    }
    taken[Place.prepared] = parameters.width

    for (state, gradient) in previous.enumerated() {
      required.append(
        RequiredValue(
          node: gradient, location: Location(Place.leaving(state)), width: layer.width(ofState: state),
          section: BackwardSection.step))
    }
    var childStates: [Int] = []
    for (number, child) in children.enumerated() {
      let found = backward.children.first { $0.state == child.state && $0.child == child.child }
      guard let gradient = found?.gradient else { continue }
      childStates.append(number)
      required.append(
        RequiredValue(
          node: gradient, location: Location(Place.childLeaving(number)), width: layer.width(ofState: child.state),
          section: BackwardSection.step))
    }
    let matrices = try matrixGradients(given)
    let vectors = vectorGradients()
    let rowSums = rowSums(&given)
    var inputs: [Int?] = []
    for (number, gradient) in backward.inputs.enumerated() {
      inputs.append(
        gradient.map {
          want(
            behind($0), Place.ahead, width: layer.width(ofInput: number),
            layer.isTree ? BackwardSection.step : BackwardSection.after)
        })
    }
    let isInStep = stepClosure(stepRoots, given)
    let dependsOnSums = dependsOnSums()
    let schedule = CellSchedule(sized, lanes: layer.lanes, required: required, given: given) { node in
      if dependsOnSums[node] { return BackwardSection.final }
      if !isOfRows[node] { return BackwardSection.prepared }
      return isInStep[node] || layer.isTree ? BackwardSection.step : BackwardSection.after
    }
    let program = CellAssembler.program(
      schedule,
      homes: (
        [Place.prepared, Place.gradients, Place.ahead, Place.prepared],
        [Place.prepared, Place.kept, Place.ahead, Place.prepared]
      ), taken: taken, parameters: parameters.list)
    return EquationsBackwardPlan(
      program: program, tape: tape, matrices: matrices, rights: rights, masked: masked,
      maskedElements: maskedElements, vectors: vectors, rowSums: rowSums, inputs: inputs,
      childStates: childStates)
  }

  /// A column of `place` for a value.
  private mutating func want(_ node: Int, _ place: Int, width: Int, _ section: Int) -> Int {
    let column = taken[place] ?? 0
    taken[place] = column + layer.padded(width)
    required.append(
      RequiredValue(
        node: node, location: Location(place, column), width: width, section: section, adds: place == Place.totals))
    return column
  }

  /// Where a value is whose sum over all rows is wanted: in the gradient rows if it is there already, or if they are
  /// those of nodes of trees; else it is added up over the steps of each sequence, which takes less memory.
  private mutating func summed(_ node: Int) -> SummedRows {
    let (value, column) = sized.resolved(node)
    if layer.isTree || gradientColumns[value] != nil { return .rows(gradientColumn(node)) }
    if let known = totalColumns[value] { return .totals(known + column) }
    let width = sized.nodes[value].kind == .number ? 1 : sized.rows[value]
    let found = want(value, Place.totals, width: width, BackwardSection.step)
    totalColumns[value] = found
    return .totals(found + column)
  }

  /// A column of the gradient rows, or of those of children, for a value.
  private mutating func gradientColumn(_ node: Int) -> Int {
    let (value, column) = sized.resolved(node)
    if let known = gradientColumns[value] { return known + column }
    let width = sized.nodes[value].kind == .number ? 1 : sized.rows[value]
    let found = want(
      value, sized.isChilds(value) ? Place.childGradients : Place.gradients, width: width, BackwardSection.step)
    gradientColumns[value] = found
    return found + column
  }

  /// What reaches the next states is there in the steps only: behind them its copy.
  private mutating func behind(_ gradient: Int) -> Int {
    guard case .nextGradient = nodes[sized.resolved(gradient).node].operation else { return gradient }
    return copy(gradient, isOfChild: false)
  }

  // MARK: Parameters

  private mutating func matrixGradients(_ given: [Int: Location]) throws(CellError) -> [MatrixGradientPlan] {
    var found: [MatrixGradientPlan] = []
    // What is multiplied by nothing, such as a second child's state on a chain, has no gradient.
    for gradient in cell.backward.matrices where sized.constant(sized.resolved(gradient.right).node) == nil {
      let (source, blocks, rows, columns) = sized.matrix(gradient.matrix, transposed: false)
      let (right, offset) = sized.resolved(gradient.right)
      let isOfChild = sized.isChilds(right) || sized.isChilds(sized.resolved(gradient.left).node)
      let left = gradientColumn(isOfChild ? ofChildren(gradient.left) : gradient.left)
      var place = GradientRight(place: Place.gradients, column: 0, columns: columns)
      if isOfChild {
        // Rows of the states of children lie anywhere: their copies do not.
        let isGiven = given[right] != nil
        (place.place, place.column) = (
          Place.childGradients, gradientColumn(isGiven ? copy(gradient.right, isOfChild: true) : gradient.right)
        )
      } else if let location = given[right], location.place != Place.prepared, location.place < Place.childKept {
        (place.place, place.column) = (location.place, location.column + offset)
      } else {
        place.column = gradientColumn(gradient.right)
      }
      let (partRows, partColumns) = (rows / blocks, columns / blocks)
      for block in 0..<blocks {
        var source = source
        source.offset += block * partRows * partColumns
        let right = GradientRight(
          place: place.place, column: place.column + block * partColumns, columns: partColumns)
        let number = rightNumbers[right] ?? rights.count
        if number == rights.count {
          rights.append(right)
          rightNumbers[right] = number
        }
        found.append(
          MatrixGradientPlan(
            matrix: source, isOfChild: isOfChild, leftColumn: left + block * partRows, rows: partRows,
            right: number, columns: partColumns, masked: maskedNumber(source)))
      }
    }
    return found
  }

  private mutating func maskedNumber(_ source: MatrixSource) -> Int? {
    guard let mask = source.mask else { return nil }
    let matrix = MaskedMatrix(parameter: source.parameter, mask: mask)
    if let known = maskedNumbers[matrix] { return known }
    maskedNumbers[matrix] = masked.count
    masked.append((matrix, maskedElements))
    maskedElements += layer.elements(ofParameter: source.parameter)
    return masked.count - 1
  }

  private mutating func vectorGradients() -> [VectorGradientPlan] {
    var found: [VectorGradientPlan] = []
    for gradient in cell.backward.parameters {
      var (node, offset) = (gradient.parameter, 0)
      let count = sized.nodes[node].kind == .number ? 1 : sized.rows[node]
      while case .cut(let part, _) = sized.nodes[node].operation {
        offset += part * sized.rows[node]
        node = sized.nodes[node].operands[0]
      }
      let from =
        gradient.isOfRows
        ? summed(gradient.gradient)
        : .prepared(want(gradient.gradient, Place.prepared, width: count, BackwardSection.final))
      found.append(
        VectorGradientPlan(
          parameter: sized.parameters[node] ?? 0, offset: offset, count: count,
          isOfChild: gradient.isOfRows && sized.isChilds(sized.resolved(gradient.gradient).node), from: from))
    }
    return found
  }

  private mutating func rowSums(_ given: inout [Int: Location]) -> [RowSum] {
    var found: [RowSum] = []
    for (number, node) in nodes.enumerated() where node.operation == .overRows {
      let count = node.kind == .number ? 1 : sized.rows[number]
      let to = taken[Place.prepared] ?? 0
      taken[Place.prepared] = to + layer.padded(count)
      given[number] = Location(Place.prepared, to)
      found.append(RowSum(from: summed(node.operands[0]), to: to, count: count))
    }
    return found
  }

  // MARK: Sections

  /// What the steps need, and what the gradients of parameters are made of.
  private func stepClosure(_ roots: [Int], _ given: [Int: Location]) -> [Bool] {
    var isInStep = Array(repeating: false, count: nodes.count)
    for root in roots { isInStep[sized.resolved(root).node] = true }
    for value in required where value.section == BackwardSection.step {
      isInStep[sized.resolved(value.node).node] = true
    }
    for (number, node) in nodes.enumerated() where node.operands.contains(where: isNextGradient) {
      isInStep[number] = true
    }
    for number in nodes.indices.reversed() where isInStep[number] && given[number] == nil {
      for operand in nodes[number].operands { isInStep[sized.resolved(operand).node] = true }
    }
    return isInStep
  }

  private func isNextGradient(_ node: Int) -> Bool {
    if case .nextGradient = nodes[sized.resolved(node).node].operation { true } else { false }
  }

  private func dependsOnSums() -> [Bool] {
    var depends = Array(repeating: false, count: nodes.count)
    for (number, node) in nodes.enumerated() {
      depends[number] = node.operation == .overRows || node.operands.contains { depends[$0] }
    }
    return depends
  }
}
