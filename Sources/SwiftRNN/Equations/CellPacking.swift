// A cell's parameters in the layout of its programs: packed matrices, and the prepared row.
import Kernels

/// Parameters of one direction of one layer for one program.
struct PackedCell<Scalar: RNNScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  let packed: Pointer
  /// One row, and a vector behind it that whole-vector reads may touch.
  let prepared: Pointer
  /// Matrices with their masks applied.
  let masked: Pointer
  /// Slots of the prepared row's own program.
  private let slots: Pointer

  init(_ arena: inout Arena, _ program: CellProgram<Scalar>, maskedElements: Int) {
    packed = arena.take(Scalar.self, program.packedElements)
    prepared = arena.take(Scalar.self, program.preparedWidth + 64)
    masked = arena.take(Scalar.self, maskedElements)
    slots = arena.take(Scalar.self, program.slotsWidth + 64)
  }

  /// Packs all, shared out over the members of a team; the prepared row by one of them.
  ///
  /// - Parameters:
  ///   - tensors: the direction's parameters.
  ///   - masks: in training.
  @inline(never)
  func pack(
    _ network: Network<Scalar>, _ program: CellProgram<Scalar>, _ tensors: UnsafePointer<UnsafeRawPointer?>,
    _ layer: CellInLayer, _ masks: CellMasks?, _ member: inout TeamMember
  ) {
    if !program.masked.isEmpty, let masks {
      var start = 0
      for matrix in program.masked {
        let elements = layer.elements(ofParameter: matrix.parameter)
        let (first, quarters) = (start, (elements + 3) / 4)
        let parts = min(member.members, max(1, quarters))
        member.share(parts) { some in
          for part in some {
            let range = Split.range(quarters, part, parts)
            masks.apply(
              matrix.mask, tensor(tensors, matrix.parameter), masked + first,
              range.lowerBound * 4..<min(range.upperBound * 4, elements), network.kernels)
          }
        }
        start += elements
      }
    }
    var total = 0
    for section in program.sections {
      for stage in section.stages { for group in stage.groups { total += group.panels.count } }
    }
    let parts = member.members
    member.share(parts) { some in
      for part in some {
        let range = Split.range(total, part, parts)
        var before = 0
        for section in program.sections {
          for stage in section.stages {
            for group in stage.groups {
              let (low, high) = (max(range.lowerBound - before, 0), min(range.upperBound - before, group.panels.count))
              if low < high {
                for panel in low..<high { pack(group, panel: panel, network, program, tensors, layer) }
              }
              before += group.panels.count
            }
          }
        }
      }
    }
    member.share(1) { _ in prepare(network, program, tensors) }
  }

  private func tensor(_ tensors: UnsafePointer<UnsafeRawPointer?>, _ number: Int) -> UnsafePointer<Scalar> {
    tensors[number].unsafelyUnwrapped.assumingMemoryBound(to: Scalar.self)
  }

  private func source(
    _ matrix: MatrixSource, _ program: CellProgram<Scalar>, _ tensors: UnsafePointer<UnsafeRawPointer?>,
    _ layer: CellInLayer
  ) -> UnsafePointer<Scalar> {
    guard let mask = matrix.mask else { return tensor(tensors, matrix.parameter) + matrix.offset }
    var start = 0
    for other in program.masked {
      if other == MaskedMatrix(parameter: matrix.parameter, mask: mask) { break }
      start += layer.elements(ofParameter: other.parameter)
    }
    return UnsafePointer(masked + (start + matrix.offset))
  }

  private func pack(
    _ group: ProductGroup, panel: Int, _ network: Network<Scalar>, _ program: CellProgram<Scalar>,
    _ tensors: UnsafePointer<UnsafeRawPointer?>, _ layer: CellInLayer
  ) {
    let panels = group.panels
    let lanes = panels.lanes
    let (first, width) = (panels.column(panel), panels.vectors(panel) * lanes)
    var k = packed + (group.packed + group.depth * first)
    for (number, segment) in group.segments.enumerated() {
      var column = first
      var member = 0
      while column < first + width {
        while member + 1 < group.members.count, group.members[member + 1].column <= column { member += 1 }
        let units = group.members[member]
        let end = member + 1 < group.members.count ? group.members[member + 1].column : first + width
        let count = min(end, first + width) - column
        let matrix = units.matrices[number]
        let unit = column - units.column
        var arguments = PackArguments(
          source: source(matrix, program, tensors, layer) + unit * matrix.unitStride, kStride: matrix.kStride,
          unitStride: matrix.unitStride, depth: segment.depth, lanes: count,
          valid: max(0, min(count, units.units - unit)), out: k + (column - first), outStride: width)
        network.kernels.panels.pack(&arguments)
        column += count
      }
      k += segment.depth * width
    }
  }

  private func prepare(
    _ network: Network<Scalar>, _ program: CellProgram<Scalar>, _ tensors: UnsafePointer<UnsafeRawPointer?>
  ) {
    for (number, column, count) in program.parameters {
      (prepared + column).update(from: tensor(tensors, number), count: count)
    }
    runOnce(network, program, section: ForwardSection.prepared)
  }

  /// Runs a section whose only row is the prepared one.
  @inline(never)
  func runOnce(_ network: Network<Scalar>, _ program: CellProgram<Scalar>, section: Int) {
    CellRun<Scalar>.withTables { table, tile in
      let nothing = UnsafeMutablePointer<UnsafePointer<Scalar>>(bitPattern: 64).unsafelyUnwrapped
      CellRun(
        network: network, program: program, packed: UnsafePointer(packed), prepared: prepared, slots: slots,
        slotRows: 1, table: table, tile: tile, operands: nothing,
        sums: UnsafeMutablePointer<Pointer>(bitPattern: 64).unsafelyUnwrapped, pointerRows: 0, masks: nil,
        maskRows: UnsafeMutablePointer<MaskRow>(bitPattern: 64).unsafelyUnwrapped
      ).run(section, rows: 1)
    }
  }
}

extension CellInLayer {
  func elements(ofParameter number: Int) -> Int {
    let shape = shape(ofParameter: number)
    return shape.rows * shape.columns
  }

  /// Rows and columns; of diagonal blocks, the rows of all blocks, and the columns of one. A vector has one column.
  func shape(ofParameter number: Int) -> (rows: Int, columns: Int) {
    let node = graph.parameters[number].node
    guard graph.parameters[number].kind == .matrix else {
      return (graph.parameters[number].kind == .number ? 1 : extents.rows[node], 1)
    }
    return (extents.rows[node], extents.columns[node] / blocks(ofParameter: number))
  }

  private func blocks(ofParameter number: Int) -> Int {
    let node = graph.parameters[number].node
    for (user, value) in graph.nodes.enumerated() where value.operands.first == node {
      if case .blocks = value.operation { return extents.blocks[user] }
    }
    return 1
  }
}
