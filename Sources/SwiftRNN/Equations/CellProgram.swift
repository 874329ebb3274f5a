// What a cell's equations have become for a layer: sections, each a list of stages, each of them products of rows with
// matrices and then vector instructions.
//
//     section "before"     rows of a block of steps      W x
//     section "step"       rows of a step                U h | gates | U (r * h) | the rest
//
// Made once; passes only read it.
import Kernels

/// A matrix of a parameter, or rows of one, as a product reads it: element (k, unit) at
/// `offset + k * kStride + unit * unitStride`.
struct MatrixSource: Sendable, Equatable {
  /// Among the cell's parameters.
  var parameter: Int
  var offset: Int
  var kStride: Int
  var unitStride: Int
  /// Its mask, in training.
  var mask: MaskDraw?
}

/// Some numbers of rows that a product runs over.
struct ProductSegment: Sendable, Hashable {
  var operand: Location
  var depth: Int
}

/// Some units of a product, side by side in the rows that are written.
struct ProductMember: Sendable {
  /// From the group's first column.
  var column: Int
  var units: Int
  /// For each segment.
  var matrices: [MatrixSource]
}

/// Products whose operands are the same: one matrix of all their units.
struct ProductGroup: Sendable {
  var segments: [ProductSegment]
  var members: [ProductMember]
  var out: Location
  /// Of all members, with their padding.
  var panels: PanelLayout
  /// Where sums start, in the same columns; nil: from zero.
  var start: Location?
  /// Goes on with what is there.
  var resumes: Bool
  /// Segments, those that touch joined.
  var runs: [ProductSegment] = []
  /// Where its packed matrices start among all of the program, in elements.
  var packed = 0

  var depth: Int { segments.reduce(0) { $0 &+ $1.depth } }
}

/// A mask that instructions read.
struct MaskFill: Sendable {
  var draw: MaskDraw
  var out: Location
  var width: Int
  /// Of kept units, and of the others.
  var kept: Double
  var dropped: Double
}

/// Rows of children that are added up, in their order.
struct ChildSum: Sendable {
  var from: Location
  var out: Location
  var width: Int
}

/// Sums over children, then products, then masks and instructions, tile by tile.
struct ProgramStage<Scalar: Real>: Sendable {
  /// Its rows are those of children; else those of nodes, or of steps.
  var isOfChildren = false
  var sums: [ChildSum] = []
  var groups: [ProductGroup]
  var masks: [MaskFill]
  var instructions: [VectorInstruction<Scalar>]
}

/// What is done for some rows.
struct ProgramSection<Scalar: Real>: Sendable {
  var stages: [ProgramStage<Scalar>] = []
  /// Of a tile, padded.
  var slotsWidth = 0
  /// Places that it reads or writes.
  var places: [Int] = []

  var hasMasks: Bool { stages.contains { !$0.masks.isEmpty } }
}

/// A program for one type of numbers. Immutable.
final class CellProgram<Scalar: RNNScalar>: Sendable {
  let sections: [ProgramSection<Scalar>]
  let preparedWidth: Int
  let keptWidth: Int
  let aheadWidth: Int
  let slotsWidth: Int
  let childKeptWidth: Int
  let childGradientsWidth: Int
  /// Where vectors and numbers among the parameters are copied to, in the prepared row.
  let parameters: [(parameter: Int, column: Int, count: Int)]
  /// Elements of all packed matrices.
  let packedElements: Int
  /// Products with one operand at most.
  let mostRuns: Int
  let hasMasks: Bool
  /// Matrices that are read through a mask.
  let masked: [MaskedMatrix]

  init(_ program: AssembledProgram) {
    var packed = 0
    var mostRuns = 1
    var masked: [MaskedMatrix] = []
    var isMasked: Set<MaskedMatrix> = []
    sections = program.sections.map { section in
      ProgramSection(
        stages: section.stages.map { stage in
          let groups = stage.groups.map { group in
            var group = group
            for segment in group.segments {
              if let last = group.runs.last, last.operand.place == segment.operand.place,
                last.operand.column + last.depth == segment.operand.column
              {
                group.runs[group.runs.count - 1].depth += segment.depth
              } else {
                group.runs.append(segment)
              }
            }
            group.packed = packed
            packed += group.depth * group.panels.paddedColumns
            mostRuns = max(mostRuns, group.runs.count)
            for matrix in group.members.flatMap(\.matrices) {
              guard let mask = matrix.mask else { continue }
              let new = MaskedMatrix(parameter: matrix.parameter, mask: mask)
              if isMasked.insert(new).inserted { masked.append(new) }
            }
            return group
          }
          return ProgramStage(
            isOfChildren: stage.isOfChildren, sums: stage.sums, groups: groups, masks: stage.masks,
            instructions: stage.instructions.map { VectorInstruction($0) })
        }, slotsWidth: section.slotsWidth, places: section.places)
    }
    hasMasks = program.sections.contains { $0.hasMasks }
    preparedWidth = program.widths[Place.prepared] ?? 0
    keptWidth = program.widths[Place.kept] ?? 0
    aheadWidth = program.widths[Place.ahead] ?? 0
    childKeptWidth = program.widths[Place.childKept] ?? 0
    childGradientsWidth = program.widths[Place.childGradients] ?? 0
    slotsWidth = program.sections.map(\.slotsWidth).max() ?? 0
    parameters = program.parameters
    packedElements = packed
    self.mostRuns = mostRuns
    self.masked = masked
  }
}

/// A parameter whose elements are dropped.
struct MaskedMatrix: Sendable, Hashable {
  let parameter: Int
  let mask: MaskDraw
}

extension VectorInstruction {
  init(_ other: VectorInstruction<Double>) {
    self.init(
      other.opcode, width: Int(other.width), out: other.out, other.a, other.b, other.c, other.d, k: Scalar(other.k),
      l: Scalar(other.l))
  }
}
