// When and where: each value's section and stage, which products a sum takes in, and what has to outlive a stage.

/// A sum whose products add up in place, one chain of multiply-adds: where it starts (parameters), products in the order
/// of the text, then the rest. A product that stands alone is a sum of one.
struct Accumulator {
  /// The value.
  let node: Int
  /// By section.
  var products: [(section: Int, matrix: Int, right: Int)] = []
  /// What depends on parameters only.
  var start: [(isNegative: Bool, node: Int)] = []
  /// By section.
  var addends: [(section: Int, isNegative: Bool, node: Int)] = []
  /// Of the addends a product of two vectors, which is there before: its products are added to it.
  var opening: Int?
  /// Of its products in a section.
  var levels: [Int: Int] = [:]
  var location: Location?
  var startLocation: Location?
}

/// A value that must be written to a place in a section.
struct RequiredValue {
  let node: Int
  let location: Location
  let width: Int
  let section: Int
  /// Adds it to what is there.
  var adds = false
}

struct CellSchedule {
  let graph: SizedGraph
  let lanes: Int
  /// Of each node; nil: not needed, or given.
  private(set) var sections: [Int?]
  /// Values that are there.
  private(set) var given: [Int: Location]
  let required: [RequiredValue]
  private(set) var accumulators: [Int: Accumulator] = [:]
  /// Within its section: products that have to come before.
  private(set) var levels: [Int]
  /// In topological order.
  private(set) var needed: [Int] = []
  /// Read by a later stage of its section, or by a product; by another section.
  private(set) var outlivesStage: Set<Int> = []
  private(set) var outlivesSection: Set<Int> = []
  private(set) var uses: [Int]
  /// What has no place of its own: products of two vectors that only one sum reads, or one row of totals; and the parts
  /// of `concatenations`.
  private(set) var fused: Set<Int> = []
  /// Sums of parts that lie side by side.
  private(set) var concatenations: Set<Int> = []

  /// - Parameters:
  ///   - section: of each value that is computed; 0: from parameters only.
  ///   - given: values that are there, and where.
  init(
    _ graph: SizedGraph, lanes: Int, required: [RequiredValue], given: [Int: Location], section: (Int) -> Int
  ) {
    self.graph = graph
    self.lanes = lanes
    self.required = required
    self.given = given
    sections = Array(repeating: nil, count: graph.nodes.count)
    levels = Array(repeating: 0, count: graph.nodes.count)
    uses = Array(repeating: 0, count: graph.nodes.count)
    var isNeeded = Array(repeating: false, count: graph.nodes.count)
    for value in required { isNeeded[graph.resolved(value.node).node] = true }
    for number in graph.nodes.indices.reversed() where isNeeded[number] && given[number] == nil {
      if graph.constant(number) != nil { continue }
      for operand in operands(number) { isNeeded[operand] = true }
    }
    for number in graph.nodes.indices where isNeeded[number] && given[number] == nil {
      if graph.constant(number) != nil || graph.nodes[number].kind == .matrix { continue }
      needed.append(number)
      sections[number] = section(number)
      for operand in operands(number) { uses[operand] += 1 }
    }
    for value in required { uses[graph.resolved(value.node).node] += 1 }
    for number in needed { accumulate(number) }
    // Products that a sum has taken in are no values any more.
    needed.removeAll { sections[$0] == nil }
    for number in needed { placeLevel(number) }
    for number in needed { markReads(number) }
    for value in required {
      let node = graph.resolved(value.node).node
      if let own = sections[node], own != value.section { outlivesSection.insert(node) }
    }
    for number in needed { open(number) }
    for number in needed { fuse(number) }
    for value in required where value.adds {
      let (node, column) = graph.resolved(value.node)
      if column == 0, sections[node] == value.section, isSinglyReadProduct(node) { fused.insert(node) }
    }
  }

  /// A sum whose products all come in one stage starts with a product of two vectors of an earlier one, if it can.
  private mutating func open(_ number: Int) {
    let own = section(number)
    guard let sum = accumulators[number], !graph.isTree, sum.start.isEmpty, sum.firstSection == own,
      let level = sum.levels[own]
    else { return }
    let opening = sum.addends.first {
      !$0.isNegative && sections[$0.node] == own && isSinglyReadProduct($0.node) && levels[$0.node] < level
    }
    guard let opening else { return }
    accumulators[number]?.opening = opening.node
    fused.insert(opening.node)
  }

  private mutating func fuse(_ number: Int) {
    guard case .sum(let negative) = graph.nodes[number].operation, graph.nodes[number].kind == .vector else { return }
    let own = section(number)
    if isConcatenation(number) {
      concatenations.insert(number)
      fused.formUnion(graph.nodes[number].operands)
      return
    }
    let terms =
      accumulators[number].map { $0.finalAddends(own).map { ($0.isNegative, $0.node) } }
      ?? Array(zip(negative, graph.nodes[number].operands))
    for (isNegative, term) in terms where !isNegative {
      guard isSinglyReadProduct(term), sections[term] == own, levels[term] == levels[number],
        graph.isChilds(term) == graph.isChilds(number)
      else { continue }
      fused.insert(term)
    }
  }

  private func isSinglyReadProduct(_ number: Int) -> Bool {
    let node = graph.nodes[number]
    return node.operation == .multiply && node.kind == .vector && given[number] == nil && uses[number] == 1
      && !outlivesSection.contains(number)
      && !node.operands.contains { graph.constant(graph.resolved($0).node) != nil }
  }

  /// Whether a sum's terms are parts of it, each in a place of its own, that nothing else reads.
  private func isConcatenation(_ number: Int) -> Bool {
    guard accumulators[number] == nil, case .sum(let negative) = graph.nodes[number].operation,
      !negative.contains(true)
    else { return false }
    var (parts, size): (Set<Int>, Int?) = ([], nil)
    for term in graph.nodes[number].operands {
      let node = graph.nodes[term]
      guard case .placed(let part, _) = node.operation, parts.insert(part).inserted, given[term] == nil,
        uses[term] == 1, sections[term] == sections[number], levels[term] == levels[number],
        graph.isChilds(term) == graph.isChilds(number), !outlivesSection.contains(term)
      else { return false }
      let own = graph.rows[node.operands[0]]
      if size ?? own != own { return false }
      size = own
    }
    return true
  }

  /// The values that a node reads, matrices apart.
  private func operands(_ number: Int) -> [Int] {
    graph.nodes[number].operands.filter { graph.nodes[$0].kind != .matrix }.map { graph.resolved($0).node }
  }

  /// 0 of what is given or constant: it is there.
  func section(_ node: Int) -> Int { sections[node] ?? 0 }

  // MARK: Sums

  private mutating func accumulate(_ number: Int) {
    let node = graph.nodes[number]
    if graph.isProduct(number) {
      accumulators[number] = accumulators[number] ?? single(number)
      return
    }
    guard case .sum(let negative) = node.operation, node.kind == .vector else { return }
    var sum = Accumulator(node: number)
    var taken: [Int] = []
    for (operand, isNegative) in zip(node.operands, negative) {
      let (value, column) = graph.resolved(operand)
      if graph.constant(value) == 0 { continue }
      if !isNegative, column == 0, graph.isProduct(value), given[value] == nil, uses[value] == 1,
        graph.rows[value] == graph.rows[number], graph.isChilds(value) == graph.isChilds(number)
      {
        let product = graph.nodes[value].operands
        sum.products.append((section(value), product[0], product[1]))
        taken.append(value)
      } else if isFromParameters(value) && section(number) > 0 {
        sum.start.append((isNegative, operand))
      } else {
        sum.addends.append((section(value), isNegative, operand))
      }
    }
    if sum.products.isEmpty { return }
    for value in taken where accumulators[value]?.products.count == 1 {
      accumulators[value] = nil
      sections[value] = nil
    }
    accumulators[number] = sum
  }

  private func single(_ number: Int) -> Accumulator {
    let operands = graph.nodes[number].operands
    return Accumulator(node: number, products: [(section(number), operands[0], operands[1])])
  }

  func isFromParameters(_ node: Int) -> Bool {
    if graph.constant(node) != nil { return true }
    if let place = given[node] { return place.place == Place.prepared }
    return sections[node] == 0
  }

  mutating func setPlaces(_ number: Int, _ location: Location?, _ start: Location?) {
    accumulators[number]?.location = location
    accumulators[number]?.startLocation = start
  }

  // MARK: Stages

  /// The first stage of `section` in which a value of the node, or of its children, can read an operand: rows of the
  /// other kind are read once they are complete.
  private func level(of operand: Int, in section: Int, byChild: Bool) -> Int {
    let node = graph.resolved(operand).node
    guard sections[node] == section else { return 0 }
    return levels[node] + (graph.isChilds(node) == byChild ? 0 : 1)
  }

  private mutating func placeLevel(_ number: Int) {
    let own = section(number)
    let isChilds = graph.isChilds(number)
    guard var sum = accumulators[number] else {
      levels[number] = operands(number).map { level(of: $0, in: own, byChild: isChilds) }.max() ?? 0
      return
    }
    for product in sum.products {
      let before = 1 + level(of: product.right, in: product.section, byChild: isChilds)
      sum.levels[product.section] = max(sum.levels[product.section] ?? 0, before)
    }
    accumulators[number] = sum
    levels[number] = sum.finalAddends(own).map { level(of: $0.node, in: own, byChild: isChilds) }.max() ?? 0
    levels[number] = max(levels[number], sum.levels[own] ?? 0)
  }

  /// In which stage of a section an accumulator's addends of that section, not its last, are added.
  func earlyLevel(_ sum: Accumulator, _ section: Int) -> Int {
    sum.addends.lazy.filter { $0.section == section }.map {
      level(of: $0.node, in: section, byChild: graph.isChilds(sum.node))
    }
    .reduce(sum.levels[section] ?? 0, max)
  }

  private mutating func markReads(_ number: Int) {
    let own = section(number)
    func read(_ operand: Int, _ section: Int, level: Int, byProduct: Bool = false) {
      let node = graph.resolved(operand).node
      guard let made = sections[node] else { return }
      if made != section {
        outlivesSection.insert(node)
      } else if byProduct || levels[node] < level || graph.isChilds(node) != graph.isChilds(number) {
        outlivesStage.insert(node)
      }
    }
    guard let sum = accumulators[number] else {
      for operand in operands(number) { read(operand, own, level: levels[number]) }
      return
    }
    for product in sum.products {
      read(product.right, product.section, level: sum.levels[product.section] ?? 1, byProduct: true)
    }
    for term in sum.start { read(term.node, 0, level: 0) }
    for addend in sum.earlyAddends(own) { read(addend.node, addend.section, level: earlyLevel(sum, addend.section)) }
    for addend in sum.finalAddends(own) { read(addend.node, own, level: levels[number]) }
  }
}

extension Accumulator {
  /// The first section in which it has products.
  var firstSection: Int { products.map(\.section).min() ?? 0 }

  /// Those that are added in place before the section of the value itself.
  func earlyAddends(_ own: Int) -> [(section: Int, isNegative: Bool, node: Int)] {
    addends.filter { $0.section >= firstSection && $0.section < own }
  }

  func finalAddends(_ own: Int) -> [(section: Int, isNegative: Bool, node: Int)] {
    addends.filter { ($0.section < firstSection || $0.section >= own) && $0.node != opening }
  }
}
