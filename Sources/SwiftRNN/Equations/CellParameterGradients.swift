// The gradients of one direction's parameters: large products and sums over all rows, added to zeros or to what is
// there.
import Kernels

struct CellParameterGradients<Scalar: RNNScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  let network: Network<Scalar>
  let layer: EquationsLayer<Scalar>
  let rows: ValidRows
  let weights: PackedCell<Scalar>
  let scratch: WeightGradientScratch<Scalar>
  /// Gradients of matrices with dropped connections, before their masks.
  let unmasked: Pointer
  /// The rows that they are made of.
  let gradients: CellGradientRows<Scalar>
  /// Those of trees have rows of nodes, and others of children.
  var isOfChild = false
  /// Of each parameter; nil, there or here: not wanted.
  let pointers: UnsafePointer<UnsafeMutableRawPointer?>?
  let accumulate: Bool
  let inputs: InputRows<Scalar>
  let tape: Rows<Scalar>
  let output: Rows<Scalar>
  var initial = States<Scalar>()
  var isReverse = false
  let masks: CellMasks

  private var plan: EquationsBackwardPlan { layer.backwardPlan }
  private var rowSize: Int { isOfChild ? layer.backward.childGradientsWidth : plan.columns }

  private func gradient(_ parameter: Int) -> Pointer? {
    pointers?[parameter]?.assumingMemoryBound(to: Scalar.self)
  }

  @inline(never)
  func run(_ member: inout TeamMember) {
    guard let pointers else { return }
    let count = layer.layer.graph.parameters.count
    guard (0..<count).contains(where: { pointers[$0] != nil }) else { return }
    if !accumulate && !isOfChild {
      // Several products may add to one gradient, and none to another.
      member.share(count) { some in
        for parameter in some {
          gradient(parameter)?.update(repeating: 0, count: layer.layer.elements(ofParameter: parameter))
        }
      }
    }
    // Here, because of no rows at all nobody asks for the list of sums.
    if !plan.rowSums.isEmpty && !isOfChild {
      member.share(1) { _ in
        for sum in plan.rowSums { (weights.prepared + sum.to).update(repeating: 0, count: sum.count) }
      }
    }
    for round in plan.rounds.indices { add(round, &member) }
    if isOfChild { return }
    if plan.totals > 0 { addTotals(count, &member) }
    let isFinal = plan.vectors.contains { if case .prepared = $0.from { true } else { false } }
    if !plan.rowSums.isEmpty || isFinal { finish(&member) }
  }

  /// What was added up over the steps of each sequence: chains of sequences, then the chains in order.
  private func addTotals(_ parameters: Int, _ member: inout TeamMember) {
    let (width, chain) = (plan.totals, WeightGradient<Scalar>.chain)
    let parts = min(member.members, width / network.kernels.lanes)
    member.share(parts) { some in
      for part in some {
        let columns = Split.range(width, part, parts)
        for n in 0..<rows.sequences where n % chain > 0 {
          network.kernels.panels.addRow(
            UnsafePointer(gradients.totals + (n &* width &+ columns.lowerBound)),
            gradients.totals + ((n &- n % chain) &* width &+ columns.lowerBound), columns.count)
        }
      }
    }
    func add(_ column: Int, _ out: Pointer, _ count: Int) {
      for n in stride(from: 0, to: rows.sequences, by: chain) {
        network.kernels.panels.addRow(UnsafePointer(gradients.totals + (n &* width &+ column)), out, count)
      }
    }
    // By parameters: several vectors may be added to one.
    member.share(parameters &+ 1) { some in
      for parameter in some {
        if parameter == parameters {
          for sum in plan.rowSums {
            if case .totals(let column) = sum.from { add(column, weights.prepared + sum.to, sum.count) }
          }
        } else if let out = gradient(parameter) {
          for vector in plan.vectors where vector.parameter == parameter {
            if case .totals(let column) = vector.from { add(column, out + vector.offset, vector.count) }
          }
        }
      }
    }
  }

  /// Gradients that different threads may add to at once: those of a round share no number.
  private func add(_ round: Int, _ member: inout TeamMember) {
    let masked = (isOfChild ? plan.rounds[round].childMasked : plan.rounds[round].masked).filter {
      gradient(plan.masked[$0].matrix.parameter) != nil
    }
    if !masked.isEmpty {
      member.share(1) { _ in
        for number in masked {
          let (matrix, start) = plan.masked[number]
          (unmasked + start).update(repeating: 0, count: layer.layer.elements(ofParameter: matrix.parameter))
        }
      }
    }
    WeightGradient(kernels: network.kernels, rows: rows, accumulate: true, scratch: scratch)
      .run(&member) { list(round, in: $0) }
    if masked.isEmpty { return }
    member.share(1) { _ in
      for number in masked {
        let (matrix, start) = plan.masked[number]
        guard let out = gradient(matrix.parameter) else { continue }
        let elements = layer.layer.elements(ofParameter: matrix.parameter)
        let from = unmasked + start
        masks.apply(matrix.mask, UnsafePointer(from), from, 0..<elements, network.kernels)
        network.kernels.panels.addRow(UnsafePointer(from), out, elements)
      }
    }
  }

  private func list(_ round: Int, in lists: GradientLists<Scalar>) {
    let left = lists.lefts.append(
      LeftRows(base: UnsafePointer(gradients.rows), size: rowSize))
    for right in plan.rounds[round].rights { lists.operands.append(operand(plan.rights[right])) }
    for number in plan.rounds[round].blocks {
      let (first, second) = plan.blocks[number]
      if plan.matrices[first].isOfChild != isOfChild { continue }
      let matrix = plan.matrices[first]
      let targets = (target(matrix), second.flatMap { target(plan.matrices[$0]) })
      if targets.0 == nil && targets.1 == nil { continue }
      lists.blocks.append(
        GradientBlock(left: left, leftOffset: matrix.leftColumn, columns: matrix.rows, targets: targets))
    }
    for number in plan.rounds[round].vectors where plan.vectors[number].isOfChild == isOfChild {
      let vector = plan.vectors[number]
      guard case .rows(let column) = vector.from, let gradient = gradient(vector.parameter) else { continue }
      lists.sums.append(
        GradientSum(gradient: gradient + vector.offset, left: left, leftOffset: column, columns: vector.count))
    }
    if round > 0 || isOfChild { return }
    for sum in plan.rowSums {
      guard case .rows(let column) = sum.from else { continue }
      let prepared = weights.prepared + sum.to
      lists.sums.append(GradientSum(gradient: prepared, left: left, leftOffset: column, columns: sum.count))
    }
  }

  /// nil: not wanted.
  private func target(_ matrix: MatrixGradientPlan) -> GradientBlock<Scalar>.Target? {
    guard let gradient = gradient(matrix.matrix.parameter) else { return nil }
    let base = matrix.masked.map { unmasked + plan.masked[$0].start } ?? gradient
    return .init(operand: matrix.rightInRound, gradient: base + matrix.matrix.offset)
  }

  private func operand(_ right: GradientRight) -> OperandRows<Scalar> {
    let columns = right.columns
    switch right.place {
    case Place.tape: return OperandRows(rows: tape.offset(by: right.column), columns: columns)
    case Place.output: return OperandRows(rows: output.offset(by: right.column), columns: columns)
    case Place.gradients, Place.childGradients:
      return OperandRows(
        rows: Rows(dense: gradients.rows, sequences: rows.sequences, width: rowSize)
          .offset(by: right.column), columns: columns)
    case Place.before(0)...:
      let state = right.place &- Place.before(0)
      let (column, width, _) = layer.states[state]
      let after = plan.tape.states[state].map { tape.offset(by: $0) } ?? output
      let given = initial[state]
      let start = UnsafePointer(given ?? gradients.starts + column) + right.column
      return OperandRows(
        rows: after.offset(by: right.column), columns: columns,
        before: .init(shift: isReverse ? 1 : -1, initial: start, initialStride: given == nil ? 0 : width))
    default:
      return OperandRows(rows: inputs[right.place &- Place.input(0)].offset(by: right.column), columns: columns)
    }
  }

  /// What is made of sums over all rows.
  private func finish(_ member: inout TeamMember) {
    member.share(1) { _ in
      weights.runOnce(network, layer.backward, section: BackwardSection.final)
      for vector in plan.vectors {
        guard case .prepared(let column) = vector.from, let gradient = gradient(vector.parameter) else { continue }
        network.kernels.panels.addRow(
          UnsafePointer(weights.prepared + column), gradient + vector.offset, vector.count)
      }
    }
  }
}
