// Which products are one: those of a stage whose operands are the same, with their sums side by side, and where those
// sums start.
import Kernels

extension CellAssembler {
  mutating func assembleProducts(_ numbers: [Int], _ section: Int) {
    var found: [(key: ProductKey, pieces: [ProductPiece])] = []
    var places: [ProductKey: Int] = [:]
    for number in numbers where graph.isChilds(number) == isOfChildren {
      guard let sum = schedule.accumulators[number] else { continue }
      for (key, piece) in pieces(sum, section) {
        if let same = places[key] {
          found[same].pieces.append(piece)
        } else {
          places[key] = found.count
          found.append((key, [piece]))
        }
      }
    }
    // A sum's later run goes on with its earlier one.
    var runs: [[Int]] = []
    for (number, (key, _)) in found.enumerated() {
      while runs.count <= key.run { runs.append([]) }
      runs[key.run].append(number)
    }
    for number in runs.joined() { append(found[number].pieces, found[number].key, section) }
  }

  /// Products whose operands are the same, all of them. A vector's first part is where the whole is: in depth they differ.
  fileprivate struct ProductKey: Hashable {
    var run: Int
    var block: Int
    var blocks: Int
    var segments: [ProductSegment]
    var resumes: Bool
    var place: Int
    /// Where its members go on after this section.
    var later: [Int]
  }

  fileprivate struct ProductPiece {
    let node: Int
    let units: Int
    let matrices: [MatrixSource]
  }

  private func pieces(_ sum: Accumulator, _ section: Int) -> [(ProductKey, ProductPiece)] {
    let products = sum.products.filter { $0.section == section }
    let transposed: Bool = if case .transposedProduct = productOperation(sum, section) { true } else { false }
    let later = sum.products.filter { $0.section > section }.map { graph.resolved($0.right).node }
    let target = sum.location?.place ?? homePlace(sum, section)
    var found: [(ProductKey, ProductPiece)] = []
    var (run, start) = (0, 0)
    while start < products.count {
      let blocks = graph.matrix(products[start].matrix, transposed: transposed).blocks
      var end = start + 1
      while end < products.count, graph.matrix(products[end].matrix, transposed: transposed).blocks == blocks {
        end += 1
      }
      for block in 0..<blocks {
        var key = ProductKey(
          run: run, block: block, blocks: blocks, segments: [],
          resumes: sum.location != nil || run > 0, place: target, later: later)
        var (matrices, units) = ([MatrixSource](), 0)
        for product in products[start..<end] {
          var (source, _, rows, columns) = graph.matrix(product.matrix, transposed: transposed)
          let (partRows, partColumns) = (rows / blocks, columns / blocks)
          source.offset += block * partRows * partColumns
          units = transposed ? partColumns : partRows
          let depth = transposed ? partRows : partColumns
          var location = place(ofProduct: product.right)
          location.column += block * depth
          key.segments.append(ProductSegment(operand: location, depth: depth))
          matrices.append(source)
        }
        found.append((key, ProductPiece(node: sum.node, units: units, matrices: matrices)))
      }
      (start, run) = (end, run + 1)
    }
    return found
  }

  private func productOperation(_ sum: Accumulator, _ section: Int) -> Operation {
    if graph.isProduct(sum.node) { return graph.nodes[sum.node].operation }
    for operand in graph.nodes[sum.node].operands {
      let node = graph.resolved(operand).node
      if graph.isProduct(node) { return graph.nodes[node].operation }
    }
    return .product
  }

  private func place(ofProduct right: Int) -> Location {
    let (node, column) = graph.resolved(right)
    var location = locations[node] ?? Location(Place.prepared)
    location.column += column
    return location
  }

  /// Where a sum is made in place, without an addend behind its products: nil: in a place of its own.
  private func directPlace(_ sum: Accumulator, _ section: Int) -> Location? {
    guard schedule.section(sum.node) == section, sum.finalAddends(section).isEmpty,
      let wanted = ownPlace(sum.node, section),
      !schedule.outlivesSection.contains(sum.node) || wanted.place == sectionHome(section)
    else { return nil }
    return wanted
  }

  private func homePlace(_ sum: Accumulator, _ section: Int) -> Int {
    if let direct = directPlace(sum, section) { return direct.place }
    let isLast = schedule.section(sum.node) == section
    let outlives = !isLast || (sum.finalAddends(section).isEmpty && schedule.outlivesSection.contains(sum.node))
    return outlives ? sectionHome(section) : stageHome(section)
  }

  private mutating func append(_ pieces: [ProductPiece], _ key: ProductKey, _ section: Int) {
    if key.blocks > 1 || pieces.count == 1 {
      for piece in pieces { appendGroup([piece], key, section) }
      return
    }
    var run: [ProductPiece] = []
    var end: Int?
    for piece in pieces {
      if schedule.accumulators[piece.node]?.location == nil { place(piece.node, section) }
      // Where its sum is wanted need not be behind the one before.
      if let location = schedule.accumulators[piece.node]?.location, location.column != end {
        appendGroup(run, key, section)
        run = []
      }
      run.append(piece)
      end = schedule.accumulators[piece.node]?.location.map { $0.column + padded(graph.rows[piece.node]) }
    }
    appendGroup(run, key, section)
  }

  /// Starts a sum with the product of two vectors that its products are added to.
  mutating func open(_ number: Int, _ section: Int) {
    guard let opening = schedule.accumulators[number]?.opening else { return }
    place(number, section)
    guard let location = schedule.accumulators[number]?.location else { return }
    let width = graph.rows[number]
    guard let (a, b) = factors(opening, width: width) else { return }
    stage.append(Instruction(.multiply, width: width, out: VectorOperand(location), a, b))
  }

  /// Gives a sum the place in which it adds up.
  private mutating func place(_ number: Int, _ section: Int) {
    guard let sum = schedule.accumulators[number] else { return }
    let width = graph.rows[number]
    let location = directPlace(sum, section) ?? take(homePlace(sum, section), width)
    let start = sum.start.isEmpty ? nil : take(Place.prepared, width)
    schedule.setPlaces(number, location, start)
  }

  private mutating func appendGroup(_ pieces: [ProductPiece], _ key: ProductKey, _ section: Int) {
    guard let first = pieces.first else { return }
    if schedule.accumulators[first.node]?.location == nil { place(first.node, section) }
    guard let sum = schedule.accumulators[first.node], let base = sum.location else { return }
    var members: [ProductMember] = []
    var end = 0
    for piece in pieces {
      let column = (schedule.accumulators[piece.node]?.location?.column ?? base.column) - base.column
      members.append(ProductMember(column: column, units: piece.units, matrices: piece.matrices))
      end = column + (pieces.count == 1 ? piece.units : padded(piece.units))
    }
    let shift = key.block * first.units
    let starts = pieces.map { schedule.accumulators[$0.node]?.startLocation }
    let start: Location? = key.resumes ? nil : commonStart(pieces, starts)
    groups.append(
      ProductGroup(
        segments: key.segments, members: members, out: Location(base.place, base.column + shift),
        panels: PanelLayout(lanes: lanes, units: end), start: start.map { Location($0.place, $0.column + shift) },
        resumes: key.resumes))
  }

  /// Where the sums of a group start, in the same columns as their places; those without a start of their own at zero.
  private mutating func commonStart(_ pieces: [ProductPiece], _ starts: [Location?]) -> Location? {
    if starts.allSatisfy({ $0 == nil }) { return nil }
    // Places are taken in the order of the members, and so are starts; where one has none it gets zeros.
    var isContiguous = starts[0] != nil
    for (number, start) in starts.enumerated().dropFirst() {
      guard let start, let before = starts[number - 1] else {
        isContiguous = false
        break
      }
      if start.column != before.column + padded(graph.rows[pieces[number - 1].node]) { isContiguous = false }
    }
    if isContiguous { return starts[0] }
    var first: Location?
    for piece in pieces {
      let start = take(Place.prepared, graph.rows[piece.node])
      first = first ?? start
      schedule.setPlaces(piece.node, schedule.accumulators[piece.node]?.location, start)
    }
    return first
  }
}
