// The backward pass of a cell of equations in a layer: its program, what it reads of the forward pass, and what the
// gradients of weights and inputs are made of.
import Kernels

/// Sections of a backward program.
enum BackwardSection {
  static let prepared = 0
  static let step = 1
  /// For the rows of all steps, behind the steps: what reaches inputs only.
  static let after = 2
  /// Once, behind the sums over all rows.
  static let final = 3
}

/// Rows of the second operand of a weight gradient.
struct GradientRight: Hashable {
  /// `Place.input`, `.before`, `.tape`, `.output` or `.gradients`.
  var place: Int
  var column: Int
  var columns: Int
}

/// The gradient of some rows of a matrix: the sum over all rows of the batch of left times right.
struct MatrixGradientPlan {
  let matrix: MatrixSource
  /// Left and right are rows of children.
  let isOfChild: Bool
  /// Columns of the gradient rows.
  let leftColumn: Int
  let rows: Int
  /// Among the second operands.
  let right: Int
  /// Among those of its round.
  var rightInRound = 0
  let columns: Int
  /// Among the masked matrices.
  let masked: Int?
  /// Those of a round share no number, or all.
  var round = 0

  /// Of the parameter.
  var elements: Range<Int> { matrix.offset..<matrix.offset + rows * columns }
}

/// Where something is of which the sum over all rows of the batch is wanted: columns.
enum SummedRows {
  /// Of the gradient rows.
  case rows(Int)
  /// Of the rows of sequences in which it is added up step by step.
  case totals(Int)
  /// Of the prepared row: the sum itself.
  case prepared(Int)
}

/// A sum over all rows that goes to the prepared row.
struct RowSum {
  let from: SummedRows
  let to: Int
  let count: Int
}

/// The gradient of a vector or number among the parameters, or of a part of it.
struct VectorGradientPlan {
  let parameter: Int
  let offset: Int
  let count: Int
  /// Rows of children: the column is one of theirs.
  let isOfChild: Bool
  let from: SummedRows
  var round = 0
}

/// Gradients that threads may make at once, by their numbers: a text may have thousands of rounds, and each is to see its
/// own.
struct GradientRound {
  /// Second operands.
  var rights: [Int] = []
  var blocks: [Int] = []
  var vectors: [Int] = []
  /// Masked matrices, of products of nodes and of children.
  private(set) var masked: [Int] = []
  private(set) var childMasked: [Int] = []

  fileprivate mutating func add(masked number: Int, isOfChild: Bool) {
    if isOfChild {
      if !childMasked.contains(number) { childMasked.append(number) }
    } else {
      if !masked.contains(number) { masked.append(number) }
    }
  }
}

struct EquationsBackwardPlan {
  let program: AssembledProgram
  let tape: TapeContents
  let matrices: [MatrixGradientPlan]
  /// Matrices by number, two where they have the same left columns, which are transposed once for both.
  let blocks: [(first: Int, second: Int?)]
  let rights: [GradientRight]
  /// Matrices with dropped connections, and where their gradients are before their masks.
  let masked: [(matrix: MaskedMatrix, start: Int)]
  let maskedElements: Int
  let vectors: [VectorGradientPlan]
  let rowSums: [RowSum]
  /// Of each input, its column in the rows behind the steps; nil: nothing reaches it. Of trees, in the node's rows.
  let inputs: [Int?]
  /// Of trees: values such as `h[2]` that something reaches, by their number.
  let childStates: [Int]
  /// Of the gradient rows, and of those in which a sequence's steps are added up.
  let columns: Int
  let totals: Int

  let rounds: [GradientRound]

  init(_ layer: CellInLayer) throws(CellError) {
    var builder = BackwardPlanBuilder(layer)
    self = try builder.plan()
  }

  init(
    program: AssembledProgram, tape: TapeContents, matrices: [MatrixGradientPlan], rights: [GradientRight],
    masked: [(matrix: MaskedMatrix, start: Int)], maskedElements: Int, vectors: [VectorGradientPlan],
    rowSums: [RowSum], inputs: [Int?], childStates: [Int]
  ) {
    self.program = program
    self.tape = tape
    self.rights = rights
    self.masked = masked
    self.maskedElements = maskedElements
    self.rowSums = rowSums
    self.inputs = inputs
    self.childStates = childStates
    columns = program.widths[Place.gradients] ?? 0
    totals = program.widths[Place.totals] ?? 0
    var rounds = Rounds()
    // By second operands, because a part of a round goes operand by operand through as many blocks as it has room for,
    // and how many those are depends on the number of threads: so gradients that are added to one are in one order.
    let placed = matrices.sorted { $0.right < $1.right }.map {
      var matrix = $0
      matrix.round = rounds.add($0.matrix.parameter, $0.elements)
      return matrix
    }
    let isShared = placed.map { rounds.isShared($0.matrix.parameter, $0.elements) }
    self.vectors = vectors.map {
      var vector = $0
      if case .rows = $0.from { vector.round = rounds.add($0.parameter, $0.offset..<$0.offset + $0.count) }
      return vector
    }
    var each = Array(repeating: GradientRound(), count: max(rounds.count, rowSums.isEmpty ? 0 : 1))
    self.matrices = placed.map {
      var matrix = $0
      if each[$0.round].rights.last != $0.right { each[$0.round].rights.append($0.right) }
      matrix.rightInRound = each[$0.round].rights.count - 1
      if let masked = $0.masked { each[$0.round].add(masked: masked, isOfChild: $0.isOfChild) }
      return matrix
    }
    blocks = Self.pairs(self.matrices, isShared: isShared)
    for (number, block) in blocks.enumerated() { each[placed[block.first].round].blocks.append(number) }
    for (number, vector) in self.vectors.enumerated() {
      if case .rows = vector.from { each[vector.round].vectors.append(number) }
    }
    self.rounds = each
  }

  /// - Parameter isShared: of each matrix, whether its gradient is added to another's: it stays in its place, and does
  ///   not join an earlier block.
  private static func pairs(
    _ matrices: [MatrixGradientPlan], isShared: [Bool]
  ) -> [(first: Int, second: Int?)] {
    struct Left: Hashable {
      let column: Int
      let rows: Int
      let round: Int
      let isOfChild: Bool
    }
    var blocks: [(first: Int, second: Int?)] = []
    /// Blocks that have room for another.
    var open: [Left: [Int]] = [:]
    for (number, matrix) in matrices.enumerated() {
      let left = Left(
        column: matrix.leftColumn, rows: matrix.rows, round: matrix.round, isOfChild: matrix.isOfChild)
      let pair =
        isShared[number] ? nil : open[left]?.firstIndex { matrices[blocks[$0].first].right != matrix.right }
      if let pair, let block = open[left]?.remove(at: pair) {
        blocks[block].second = number
      } else {
        open[left, default: []].append(blocks.count)
        blocks.append((number, nil))
      }
    }
    return blocks
  }

  /// Sums over all rows, at most.
  var sumCount: Int { vectors.count + rowSums.count }
}

/// Threads take the rows of a gradient by numbers of their own: of two gradients that share some rows of a parameter, but
/// not all, they may add to the same number at once. One after the other they may not.
private struct Rounds {
  private struct Taken {
    let elements: Range<Int>
    /// Of the last gradient of these elements, and how many there are.
    var round: Int
    var gradients = 1
  }

  /// Of each parameter: each range once.
  private var taken: [Int: [Taken]] = [:]
  private(set) var count = 0

  mutating func add(_ parameter: Int, _ elements: Range<Int>) -> Int {
    var (round, own): (Int, Int?) = (0, nil)
    for (number, other) in (taken[parameter] ?? []).enumerated() where other.elements.overlaps(elements) {
      if other.elements == elements { own = number }
      round = max(round, other.elements == elements ? other.round : other.round + 1)
    }
    if let own {
      taken[parameter]?[own].round = round
      taken[parameter]?[own].gradients += 1
    } else {
      taken[parameter, default: []].append(Taken(elements: elements, round: round))
    }
    count = max(count, round + 1)
    return round
  }

  /// Whether more than one gradient has some of the elements.
  func isShared(_ parameter: Int, _ elements: Range<Int>) -> Bool {
    (taken[parameter] ?? []).reduce(0) { $0 + ($1.elements.overlaps(elements) ? $1.gradients : 0) } > 1
  }
}
