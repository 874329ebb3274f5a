// How large the values of a cell are: as terms such as 4 * H, found once, and as numbers for a layer.
//
// Sizes that meet are equal, and a cut's whole is a multiple of its parts. So sizes fall into classes, within which each
// is a known multiple of the class's own: a union-find (Galler and Fischer 1964) whose edges carry a ratio.

/// A fraction above zero.
struct SizeRatio: Hashable, Sendable {
  var numerator = 1
  var denominator = 1

  /// nil: more than a size can be.
  static func product(_ a: SizeRatio, _ b: SizeRatio) -> SizeRatio? {
    let (n, over) = a.numerator.multipliedReportingOverflow(by: b.numerator)
    let (d, under) = a.denominator.multipliedReportingOverflow(by: b.denominator)
    if over || under { return nil }
    let common = greatestCommonDivisor(n, d)
    let ratio = SizeRatio(numerator: n / common, denominator: d / common)
    return ratio.numerator < CellParser.largestFactor && ratio.denominator < CellParser.largestFactor ? ratio : nil
  }

  var inverse: SizeRatio { SizeRatio(numerator: denominator, denominator: numerator) }

  private static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
    var (a, b) = (a, b)
    while b != 0 { (a, b) = (b, a % b) }
    return a
  }
}

/// The sizes of a cell's values in terms of those that a layer gives: I, H and other names.
struct CellSizes: Sendable {
  /// A size that something has: the class's own is `ratio` times `size`.
  struct Term: Sendable {
    let size: SizeTerm
    let ratio: SizeRatio
    /// Where it met what the class had before.
    let place: CellPlace
  }

  /// What a variable's size is: `ratio` times the size of its class.
  struct Found {
    let root: Int
    let ratio: SizeRatio
  }

  private var parents: [Int]
  /// size = ratio * the parent's size
  private var ratios: [SizeRatio]
  /// Of roots: variables below.
  private var counts: [Int]
  /// Of roots.
  private var terms: [[Term]]
  /// Those behind the first few of a root, to be looked up: a text may give thousands of sizes to what meets.
  private var known: Set<Known> = []

  private struct Known: Hashable {
    let root: Int
    let size: SizeTerm
    let ratio: SizeRatio
  }

  /// Rows of a matrix, or the size of a vector; and the columns of a matrix.
  static func variable(_ node: Int, columns: Bool = false) -> Int { 2 * node + (columns ? 1 : 0) }

  init(_ graph: CellGraph) throws(CellError) {
    let count = 2 * graph.nodes.count
    parents = Array(0..<count)
    ratios = Array(repeating: SizeRatio(), count: count)
    counts = Array(repeating: 1, count: count)
    terms = Array(repeating: [], count: count)
    for (node, size, place) in graph.givenSizes { try give(Self.variable(node), size, place) }
    let given = Set(graph.givenSizes.map(\.node))
    let x = graph.inputs[0].node
    if !given.contains(x) { try give(Self.variable(x), SizeTerm("I"), graph.nodes[x].place) }
    for state in graph.states {
      let place = graph.nodes[state.next].place
      if !given.contains(state.previous) { try give(Self.variable(state.previous), SizeTerm("H"), place) }
      if graph.nodes[state.next].kind == .vector { try join(state.previous, state.next, place) }
    }
    for node in graph.nodes.indices { try relate(node, graph) }
    try fillUnknown(graph)
  }

  /// What nothing has given a size is H wide: the narrowest of each such class.
  private mutating func fillUnknown(_ graph: CellGraph) throws(CellError) {
    var narrowest: [Int: (variable: Int, ratio: SizeRatio)] = [:]
    var order: [Int] = []
    for variable in parents.indices where exists(variable, graph) {
      let found = try find(variable, graph.nodes[variable / 2].place)
      if !terms[found.root].isEmpty { continue }
      guard let best = narrowest[found.root] else {
        narrowest[found.root] = (variable, found.ratio)
        order.append(found.root)
        continue
      }
      // Numbers below 2^31.
      if found.ratio.numerator * best.ratio.denominator < best.ratio.numerator * found.ratio.denominator {
        narrowest[found.root] = (variable, found.ratio)
      }
    }
    for root in order {
      guard let variable = narrowest[root]?.variable else { continue }
      try give(variable, SizeTerm("H"), graph.nodes[variable / 2].place)
    }
  }

  private func exists(_ variable: Int, _ graph: CellGraph) -> Bool {
    let kind = graph.nodes[variable / 2].kind
    return kind == .matrix || (kind == .vector && variable % 2 == 0)
  }

  private mutating func relate(_ node: Int, _ graph: CellGraph) throws(CellError) {
    let value = graph.nodes[node]
    let operands = value.operands
    switch value.operation {
    case .constant, .input, .parameter, .state: break
    case .childState(let state, _): try join(graph.states[state].previous, node, value.place)
    case .product:
      try join(operands[0], node, value.place)
      try join(Self.variable(operands[0], columns: true), Self.variable(operands[1]), SizeRatio(), value.place)
    case .cut(_, let parts):
      let ratio = SizeRatio(numerator: parts, denominator: 1)
      try join(Self.variable(operands[0]), Self.variable(node), ratio, value.place)
      if value.kind == .matrix { try joinColumns(operands[0], node, value.place) }
    case .dropConnect, .blocks:
      try join(operands[0], node, value.place)
      try joinColumns(operands[0], node, value.place)
    case .vector(let function) where function.isReduction: break
    default:
      for operand in operands where graph.nodes[operand].kind == .vector { try join(operand, node, value.place) }
    }
  }

  // MARK: Classes

  private func find(_ variable: Int, _ place: CellPlace) throws(CellError) -> Found {
    var (root, ratio) = (variable, SizeRatio())
    while parents[root] != root {
      guard let product = SizeRatio.product(ratio, ratios[root]) else { throw Self.tooManyParts(place) }
      ratio = product
      root = parents[root]
    }
    return Found(root: root, ratio: ratio)
  }

  private static func tooManyParts(_ place: CellPlace) -> CellError { place.error("cut into too many parts") }

  private mutating func give(_ variable: Int, _ size: SizeTerm, _ place: CellPlace) throws(CellError) {
    let found = try find(variable, place)
    append(Term(size: size, ratio: found.ratio.inverse, place: place), to: found.root)
  }

  private mutating func append(_ term: Term, to root: Int) {
    if terms[root].prefix(4).contains(where: { $0.size == term.size && $0.ratio == term.ratio }) { return }
    if terms[root].count >= 4 {
      guard known.insert(Known(root: root, size: term.size, ratio: term.ratio)).inserted else { return }
    }
    terms[root].append(term)
  }

  private mutating func join(_ a: Int, _ b: Int, _ place: CellPlace) throws(CellError) {
    try join(Self.variable(a), Self.variable(b), SizeRatio(), place)
  }

  private mutating func joinColumns(_ a: Int, _ b: Int, _ place: CellPlace) throws(CellError) {
    try join(Self.variable(a, columns: true), Self.variable(b, columns: true), SizeRatio(), place)
  }

  /// size(a) = ratio * size(b)
  private mutating func join(_ a: Int, _ b: Int, _ ratio: SizeRatio, _ place: CellPlace) throws(CellError) {
    let (a, b) = (try find(a, place), try find(b, place))
    // size(a) = a.ratio * A = ratio * b.ratio * B, so A = edge * B
    guard let right = SizeRatio.product(ratio, b.ratio), let edge = SizeRatio.product(a.ratio.inverse, right) else {
      throw Self.tooManyParts(place)
    }
    if a.root == b.root {
      guard edge == SizeRatio() else {
        throw place.error(
          "what meets here is of different size: one is \(edge.numerator)/\(edge.denominator) of the other")
      }
      return
    }
    // The smaller class below the larger one: paths stay short.
    let isBelow = counts[a.root] <= counts[b.root]
    let (below, above, down) = isBelow ? (a.root, b.root, edge) : (b.root, a.root, edge.inverse)
    parents[below] = above
    ratios[below] = down
    counts[above] += counts[below]
    for term in terms[below] {
      // below = down * above = term.ratio * size
      guard let scaled = SizeRatio.product(down.inverse, term.ratio) else { throw Self.tooManyParts(place) }
      append(Term(size: term.size, ratio: scaled, place: place), to: above)
    }
    terms[below] = []
  }

  // MARK: What was found

  /// Of roots.
  func classTerms(_ root: Int) -> [Term] { terms[root] }

  var roots: [Int] { parents.indices.filter { parents[$0] == $0 } }

  /// nil: of no value; all others were found when the sizes were.
  func classOf(_ variable: Int) -> Found? {
    var (root, ratio) = (variable, SizeRatio())
    while parents[root] != root {
      guard let product = SizeRatio.product(ratio, ratios[root]) else { return nil }
      ratio = product
      root = parents[root]
    }
    return Found(root: root, ratio: ratio)
  }
}
