// Trees, and other graphs without cycles, whose nodes a network of equations runs over: from the leaves up, all nodes
// of one height at once.

/// The nodes of trees. Immutable: threads may share it.
public final class Forest: Sendable {
  /// M, nodes of all trees.
  public let nodeCount: Int
  /// E, pairs of a child and its parent: in trees, nodes that are no root.
  public let edgeCount: Int
  /// Edge e of node m, in the order of its children: `firstEdges[m] ..< firstEdges[m + 1]`.
  let firstEdges: [Int]
  /// The child of each edge.
  let children: [Int]
  /// Each node has one parent at most.
  let isTrees: Bool
  /// Nodes, part after part, in each by height. Parts have no edge in common.
  let order: [Int]
  /// Of each part: where each height's nodes begin in `order`, and where the last ones end.
  let parts: [[Int]]
  /// Of each part: how many edges come before its own, and of the last one how many there are.
  let partEdges: [Int]
  /// Tells forests apart.
  let fingerprint: UInt64

  /// Trees by the parent of each node, -1 for a root. A node's children are in the order of their indices.
  ///
  /// - Throws: ``RNNError/invalidElement(_:index:_:low:high:)`` for a parent that does not exist,
  ///   ``RNNError/cycle(node:parent:grandparent:length:)`` for parents that form a cycle.
  public convenience init(parents: [Int]) throws(RNNError) {
    var (from, to): ([Int], [Int]) = ([], [])
    for (node, parent) in parents.enumerated() {
      guard parent >= -1, parent < parents.count else {
        throw .invalidElement("parents", index: node, parent, low: -1, high: parents.count - 1)
      }
      if parent < 0 { continue }
      from.append(node)
      to.append(parent)
    }
    try self.init(nodeCount: parents.count, children: from, parents: to)
  }

  /// A graph without cycles, by edges from child to parent. A node's children are in the order of the edges. For cells
  /// that use `sum_children` only, nodes may have several parents.
  ///
  /// - Throws: as ``init(parents:)``, and ``RNNError/countMismatch(_:_:expected:)``.
  public init(nodeCount: Int, children: [Int], parents: [Int]) throws(RNNError) {
    guard (0...NetworkConfiguration.largestSize).contains(nodeCount) else {
      throw .invalidSize("node_count", nodeCount, low: 0, high: NetworkConfiguration.largestSize)
    }
    guard children.count == parents.count else {
      throw .countMismatch("children", children.count, expected: parents.count)
    }
    for (edge, child) in children.enumerated() {
      for (name, node) in [("children", child), ("parents", parents[edge])] as [(StaticString, Int)]
      where node < 0 || node >= nodeCount {
        throw .invalidElement(name, index: edge, node, low: 0, high: nodeCount - 1)
      }
    }
    var counts = Array(repeating: 0, count: nodeCount + 1)
    for parent in parents { counts[parent + 1] += 1 }
    for node in 0..<nodeCount { counts[node + 1] += counts[node] }
    var next = counts
    var sorted = Array(repeating: 0, count: children.count)
    for (edge, parent) in parents.enumerated() {
      sorted[next[parent]] = children[edge]
      next[parent] += 1
    }
    var parentCounts = Array(repeating: 0, count: nodeCount)
    for child in children { parentCounts[child] += 1 }
    self.nodeCount = nodeCount
    edgeCount = children.count
    firstEdges = counts
    self.children = sorted
    isTrees = !parentCounts.contains { $0 > 1 }
    let heights = try Self.heights(nodeCount, counts, sorted, children, parents)
    // As many parts as threads: fewer nodes at once are slower, and results are the same.
    (order, parts) = Self.parts(nodeCount, heights, children, parents, most: Threads.count)
    var partEdges = [0]
    for part in parts {
      let own = order[part[0]..<part[part.count - 1]].reduce(0) { $0 + counts[$1 + 1] - counts[$1] }
      partEdges.append(partEdges[partEdges.count - 1] + own)
    }
    self.partEdges = partEdges
    var fingerprint = Fingerprint()
    fingerprint.add(counts)
    fingerprint.add(sorted)
    self.fingerprint = fingerprint.value
  }

  /// Of each node: edges on the longest way down to a leaf.
  private static func heights(
    _ nodeCount: Int, _ firstEdges: [Int], _ sorted: [Int], _ children: [Int], _ parents: [Int]
  ) throws(RNNError) -> [Int] {
    var heights = Array(repeating: 0, count: nodeCount)
    var missing = (0..<nodeCount).map { firstEdges[$0 + 1] - firstEdges[$0] }
    // Edges by child, to find whose children are complete.
    var firstUp = Array(repeating: 0, count: nodeCount + 1)
    for child in children { firstUp[child + 1] += 1 }
    for node in 0..<nodeCount { firstUp[node + 1] += firstUp[node] }
    var next = firstUp
    var up = Array(repeating: 0, count: children.count)
    for (edge, child) in children.enumerated() {
      up[next[child]] = parents[edge]
      next[child] += 1
    }
    var ready = (0..<nodeCount).filter { missing[$0] == 0 }
    var done = 0
    while done < ready.count {
      let node = ready[done]
      done += 1
      for edge in firstUp[node]..<firstUp[node + 1] {
        let parent = up[edge]
        heights[parent] = max(heights[parent], heights[node] + 1)
        missing[parent] -= 1
        if missing[parent] == 0 { ready.append(parent) }
      }
    }
    guard done == nodeCount else { throw cycle(&missing, firstEdges, sorted) }
    return heights
  }

  /// The error for a cycle, which names one from its lowest node on. Allocates nothing; looks at each edge a few times.
  ///
  /// - Parameter missing: number of each node's children that wait for a child of their own: none where it is 0, some on
  ///   cycles and above them. Nodes that have been visited become -1.
  private static func cycle(_ missing: inout [Int], _ firstEdges: [Int], _ sorted: [Int]) -> RNNError {
    // A node that waits has a child that waits, so that the way down from it ends in a cycle.
    func waitingChild(_ node: Int) -> Int {
      sorted[firstEdges[node]..<firstEdges[node + 1]].first { missing[$0] != 0 } ?? node
    }
    var node = missing.firstIndex { $0 > 0 } ?? 0
    while missing[node] > 0 {
      missing[node] = -1
      node = waitingChild(node)
    }
    var (lowest, next) = (node, waitingChild(node))
    while next != node {
      lowest = min(lowest, next)
      next = waitingChild(next)
    }
    // Down from the lowest node and back to it: the last node before it is its parent.
    var (parent, grandparent, length) = (lowest, lowest, 1)
    next = waitingChild(lowest)
    while next != lowest {
      (parent, grandparent, length) = (next, parent, length + 1)
      next = waitingChild(next)
    }
    return .cycle(node: lowest, parent: parent, grandparent: grandparent, length: length)
  }

  /// Nodes without a parent, by their indices: a tree each.
  public var roots: [Int] {
    var isRoot = Array(repeating: true, count: nodeCount)
    for child in children { isRoot[child] = false }
    return isRoot.indices.filter { isRoot[$0] }
  }

  /// The most children that a node has.
  var mostChildren: Int { (0..<nodeCount).reduce(0) { max($0, firstEdges[$1 + 1] - firstEdges[$1]) } }

  /// Nodes in parts that share no edge, of about the same size, and in each by height.
  private static func parts(
    _ nodeCount: Int, _ heights: [Int], _ children: [Int], _ parents: [Int], most: Int
  ) -> ([Int], [[Int]]) {
    var roots = Array(0..<nodeCount)
    func find(_ node: Int) -> Int {
      var node = node
      while roots[node] != node {
        roots[node] = roots[roots[node]]
        node = roots[node]
      }
      return node
    }
    for (edge, child) in children.enumerated() {
      let (a, b) = (find(child), find(parents[edge]))
      // The lower number above, so that the order of trees is that of their first nodes.
      if a != b { roots[max(a, b)] = min(a, b) }
    }
    var sizes = Array(repeating: 0, count: nodeCount)
    for node in 0..<nodeCount { sizes[find(node)] += 1 }
    let count = min(most, sizes.lazy.filter { $0 > 0 }.count)
    var part = Array(repeating: 0, count: nodeCount)
    var (current, filled) = (0, 0)
    for node in 0..<nodeCount where sizes[node] > 0 {
      if current < count - 1 && filled * count >= nodeCount * (current + 1) { current += 1 }
      part[node] = current
      filled += sizes[node]
    }
    var order: [Int] = []
    order.reserveCapacity(nodeCount)
    var members = Array(repeating: [Int](), count: count)
    for node in 0..<nodeCount { members[part[find(node)]].append(node) }
    var parts: [[Int]] = []
    for own in members where !own.isEmpty {
      let highest = own.reduce(0) { max($0, heights[$1]) }
      var starts = Array(repeating: 0, count: highest + 2)
      for node in own { starts[heights[node] + 1] += 1 }
      for height in 0...highest { starts[height + 1] += starts[height] }
      let base = order.count
      order += own
      var next = starts
      for node in own {
        order[base + next[heights[node]]] = node
        next[heights[node]] += 1
      }
      parts.append(starts.map { $0 + base })
    }
    return (order, parts)
  }
}
