// The sizes of a cell's values in a layer: numbers for I, H and the other names, checked.

struct CellExtents: Sendable {
  /// Of each node: the size of a vector, or the rows of a matrix; 1 for a number.
  let rows: [Int]
  /// Of each node: the columns of a matrix, else 1.
  let columns: [Int]
  /// Of each node that is made of blocks: how many; else 1.
  let blocks: [Int]

  static let largest = NetworkConfiguration.largestSize

  /// - Parameter given: I, H, and what else the cell's sizes name.
  init(_ graph: CellGraph, _ sizes: CellSizes, given: [String: Int]) throws(CellError) {
    // What each class is: a fraction, because its own size may be that of a part of a part.
    var classes: [Int: (numerator: Int, denominator: Int)] = [:]
    for root in sizes.roots {
      var first: (value: (numerator: Int, denominator: Int), term: CellSizes.Term)?
      for term in sizes.classTerms(root) {
        let value = try Self.value(term.size, term.ratio, given, term.place)
        guard let before = first else {
          first = (value, term)
          continue
        }
        let (a, b) = (value, before.value)
        guard a.numerator.multipliedFullWidth(by: b.denominator) == b.numerator.multipliedFullWidth(by: a.denominator)
        else {
          throw term.place.error(
            "sizes that meet here differ: \(Self.text(before.term, given)) and \(Self.text(term, given))")
        }
      }
      classes[root] = first?.value
    }
    var (rows, columns) = (Array(repeating: 1, count: graph.nodes.count), Array(repeating: 1, count: graph.nodes.count))
    var blocks = rows
    for (number, node) in graph.nodes.enumerated() where node.kind != .number {
      rows[number] = try Self.size(CellSizes.variable(number), sizes, classes, node.place)
      if node.kind == .matrix {
        columns[number] = try Self.size(CellSizes.variable(number, columns: true), sizes, classes, node.place)
      }
      guard case .blocks(let term) = node.operation else { continue }
      let count = try Self.value(term, SizeRatio(), given, node.place).numerator
      for (size, name) in [(rows[number], "rows"), (columns[number], "columns")] where size % count != 0 {
        throw node.place.error("\(size) \(name) cannot be cut into \(count) blocks")
      }
      blocks[number] = count
    }
    (self.rows, self.columns, self.blocks) = (rows, columns, blocks)
  }

  /// A size as what it makes of its class, such as "H/2".
  private static func text(_ term: CellSizes.Term, _ given: [String: Int]) -> String {
    let ratio =
      SizeRatio.product(
        SizeRatio(numerator: term.size.factor, denominator: term.size.divisor), term.ratio) ?? term.ratio
    let divisor = ratio.denominator == 1 ? "" : "/\(ratio.denominator)"
    guard let name = term.size.name else { return "\(ratio.numerator)\(divisor)" }
    let factor = ratio.numerator == 1 ? "" : "\(ratio.numerator) "
    return "\(factor)\(name)\(divisor) with \(name) = \(given[name] ?? 0)"
  }

  private static func value(
    _ term: SizeTerm, _ ratio: SizeRatio, _ given: [String: Int], _ place: CellPlace
  ) throws(CellError) -> (numerator: Int, denominator: Int) {
    var value = 1
    if let name = term.name {
      guard let number = given[name] else { throw place.error("the size \"\(name)\" must be given with the layer") }
      guard (1...largest).contains(number) else {
        throw place.error("the size \"\(name)\" is \(number), must be in 1...\(largest)")
      }
      value = number
    }
    let (scaled, over) = value.multipliedReportingOverflow(by: term.factor)
    let (numerator, overflow) = scaled.multipliedReportingOverflow(by: ratio.numerator)
    let (denominator, under) = term.divisor.multipliedReportingOverflow(by: ratio.denominator)
    if over || overflow || under { throw place.error("this size is too large") }
    return (numerator, denominator)
  }

  private static func size(
    _ variable: Int, _ sizes: CellSizes, _ classes: [Int: (numerator: Int, denominator: Int)], _ place: CellPlace
  ) throws(CellError) -> Int {
    guard let found = sizes.classOf(variable), let value = classes[found.root] else { return 1 }
    let (numerator, over) = value.numerator.multipliedReportingOverflow(by: found.ratio.numerator)
    let (denominator, under) = value.denominator.multipliedReportingOverflow(by: found.ratio.denominator)
    if over || under { throw place.error("this size is too large") }
    guard numerator % denominator == 0 else {
      throw place.error("a size would have to be \(numerator)/\(denominator), which is no integer")
    }
    let size = numerator / denominator
    guard size <= largest else { throw place.error("a size would have to be \(size), must be at most \(largest)") }
    return size
  }
}
