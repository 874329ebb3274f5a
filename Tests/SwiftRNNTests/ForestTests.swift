import Reference
import Testing

@testable import SwiftRNN

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A recursive cell over the nodes of trees, by plain recursion over nodes and children in Double.
private struct TreeEvaluator {
  let cell: Cell
  let extents: CellExtents
  let parameters: [[Double]]
  let children: [[Int]]
  let x: [[Double]]

  private final class Memory {
    var states: [Int: [[Double]]] = [:]
  }

  /// Outputs and states of all nodes.
  func run() -> (outputs: [[Double]], states: [[[Double]]]) {
    let memory = Memory()
    let outputs = x.indices.map { value(cell.graph.output, $0, nil, memory) }
    return (outputs, x.indices.map { states($0, memory) })
  }

  private func states(_ node: Int, _ memory: Memory) -> [[Double]] {
    if let known = memory.states[node] { return known }
    let found = cell.graph.states.map { state -> [Double] in
      let next = value(state.next, node, nil, memory)
      let width = extents.rows[state.previous]
      return next.count == 1 && width > 1 ? Array(repeating: next[0], count: width) : next
    }
    memory.states[node] = found
    return found
  }

  /// A value of tree node `m`, or of its child `child`.
  private func value(_ number: Int, _ m: Int, _ child: Int?, _ memory: Memory) -> [Double] {
    let node = cell.graph.nodes[number]
    func operand(_ i: Int) -> [Double] { value(node.operands[i], m, child, memory) }
    func each(_ f: ([Double]) -> Double) -> [Double] {
      let all = node.operands.indices.map(operand)
      let count = all.map(\.count).max() ?? 0
      return (0..<count).map { i in f(all.map { $0.count == 1 ? $0[0] : $0[i] }) }
    }
    switch node.operation {
    case .constant(let value): return [value]
    case .input: return x[m]
    case .parameter: return parameters[cell.graph.parameters.firstIndex { $0.node == number } ?? 0]
    case .state(let state): return child.map { states($0, memory)[state] } ?? []
    case .childState(let state, let k):
      let width = extents.rows[cell.graph.states[state].previous]
      return k <= children[m].count
        ? states(children[m][k - 1], memory)[state] : Array(repeating: 0, count: width)
    case .sumChildren:
      let width = node.kind == .number ? 1 : extents.rows[number]
      return children[m].reduce(Array(repeating: 0, count: width)) { sum, c in
        let own = value(node.operands[0], m, c, memory)
        return sum.indices.map { sum[$0] + (own.count == 1 ? own[0] : own[$0]) }
      }
    case .sum(let negative): return each { zip($0, negative).reduce(0) { $1.1 ? $0 - $1.0 : $0 + $1.0 } }
    case .multiply: return each { $0[0] * $0[1] }
    case .divide: return each { $0[0] / $0[1] }
    case .negate: return each { -$0[0] }
    case .unary(let function, let constants):
      return each { ActivationReference.value(function.rawValue, $0[0], constants) }
    case .select(let sign):
      return each { sign == .greater ? ($0[0] > $0[1] ? $0[2] : $0[3]) : ($0[0] < $0[1] ? $0[2] : $0[3]) }
    case .cut(let part, let parts):
      let whole = operand(0)
      let size = whole.count / parts
      return Array(whole[(part * size)..<((part + 1) * size)])
    case .product:
      let (matrix, vector) = (operand(0), operand(1))
      return (0..<matrix.count / vector.count).map { r in
        vector.indices.reduce(0) { $0 + matrix[r * vector.count + $1] * vector[$1] }
      }
    default: return []
    }
  }
}

@Suite struct ForestTests {
  private struct Case {
    let cell: Cell
    let network: Network<Double>
    let forest: Forest
    let children: [[Int]]
    let parameters: [Double]
    let x: [Double]
    let dy: [Double]
    let dStates: [[Double]]

    init(_ text: String, inputs: Int, hidden: Int, parents: [Int], seed: UInt64) throws {
      try self.init(
        text, inputs: inputs, hidden: hidden, forest: Forest(parents: parents),
        children: parents.indices.map { m in parents.indices.filter { parents[$0] == m } }, seed: seed)
    }

    init(_ text: String, inputs: Int, hidden: Int, forest: Forest, children: [[Int]], seed: UInt64) throws {
      cell = try Cell(text)
      network = try Network(cell, NetworkConfiguration(.equations, inputSize: inputs, hiddenSize: hidden))
      self.forest = forest
      self.children = children
      var random = SplitMix(seed)
      parameters = random.numbers(network.flatCount, -0.6...0.6)
      x = random.numbers(forest.nodeCount * inputs)
      dy = random.numbers(forest.nodeCount * network.configuration.outputSize)
      dStates = network.states.map { random.numbers(forest.nodeCount * $0.width) }
    }

    func evaluate(_ parameters: [Double], _ x: [Double]) throws -> (outputs: [[Double]], states: [[[Double]]]) {
      let c = network.configuration
      let extents = try CellExtents(cell.graph, cell.sizes, given: ["I": c.inputSize, "H": c.hiddenSize])
      let tensors = (0..<network.parameterCount).map { index in
        let info = network.layout.info(index)
        return Array(parameters[info.offset..<info.offset + info.elements])
      }
      let rows = (0..<forest.nodeCount).map { Array(x[($0 * c.inputSize)..<(($0 + 1) * c.inputSize)]) }
      return TreeEvaluator(cell: cell, extents: extents, parameters: tensors, children: children, x: rows).run()
    }

    func loss(_ parameters: [Double], _ x: [Double]) throws -> Double {
      let (outputs, states) = try evaluate(parameters, x)
      var loss = zip(outputs.joined(), dy).reduce(0) { $0 + $1.0 * $1.1 }
      for (number, gradient) in dStates.enumerated() {
        loss += zip(states.flatMap { $0[number] }, gradient).reduce(0) { $0 + $1.0 * $1.1 }
      }
      return loss
    }

    func tensors() throws -> (x: Tensor<Double>, parameters: NetworkParameters<Double>) {
      let c = network.configuration
      return (
        try Tensor(x, shape: [forest.nodeCount, c.inputSize]),
        try network.parameters(flat: Tensor(parameters, shape: [parameters.count]))
      )
    }

    func check() throws {
      let (x, parameters) = try tensors()
      let expected = try evaluate(self.parameters, self.x)
      let (y, state) = try network(forest, x: x, parameters: parameters)
      #expect(relativeError(y.elements, Array(expected.outputs.joined())) < 1e-13)
      for (number, tensor) in state.tensors.enumerated() {
        #expect(relativeError(tensor.elements, expected.states.flatMap { $0[number] }) < 1e-13, "state \(number)")
      }
      let (again, _, tape) = try network.forward(forest, x: x, parameters: parameters)
      #expect(again == y, "training and inference")
      let gradients = try tape.backward(
        Tensor(dy, shape: [forest.nodeCount, network.configuration.outputSize]),
        dState: .init(
          try zip(dStates, network.states).map { try Tensor($0, shape: [1, forest.nodeCount, $1.width]) }))
      func difference(_ change: (Double) throws -> Double) rethrows -> Double {
        let step = 1e-5
        let near = try change(step) - change(-step)
        let far = try change(2 * step) - change(-2 * step)
        return (8 * near - far) / (12 * step)
      }
      for i in self.parameters.indices {
        let expected = try difference { change in
          var moved = self.parameters
          moved[i] += change
          return try loss(moved, self.x)
        }
        let found = gradients.parameters.flat.elements[i]
        #expect(abs(found - expected) <= 3e-8 * max(1, abs(expected)), "parameter \(i): \(found), \(expected)")
      }
      for i in self.x.indices {
        let expected = try difference { change in
          var moved = self.x
          moved[i] += change
          return try loss(self.parameters, moved)
        }
        let found = gradients.x.elements[i]
        #expect(abs(found - expected) <= 3e-8 * max(1, abs(expected)), "dx \(i): \(found), \(expected)")
      }
    }
  }

  /// Two trees and a single node; children before and behind their parents.
  private static let shapes = [[2, 2, -1, 2, 6, 6, 9, 9, 4, -1, -1], [-1], [1, 2, 3, -1], [3, 3, 3, -1, 3]]

  @Test(arguments: [
    "like tree_child_sum", "like tree_binary",
    "h' = tanh(W @ x + sum_children(U @ h) + b)",
    "h' = tanh(W @ x + sum_children(tanh(U @ h + V @ x) * h) + b)",
    "h' = tanh(W @ x + sum_children(1) * b + U @ sum_children(h))",
    "h' = tanh(W @ x + U @ sum_children(sigmoid(A @ h + B @ sum_children(h)) * h + c))",
    "h' = sum_children(b * h + k) + tanh(W @ x) * scalar(s)\nk = tanh(scalar(s) * h)",
    "c' = tanh(W @ x) + sum_children(sigmoid(F @ h) * c)\nh' = tanh(c') * sigmoid(o + U @ h[2])",
  ])
  func gradients(_ text: String) throws {
    for (number, parents) in Self.shapes.enumerated() {
      try Case(text, inputs: 3, hidden: 4, parents: parents, seed: UInt64(number + 1)).check()
    }
  }

  @Test func socher() throws {
    try Case("like socher", inputs: 4, hidden: 4, parents: [2, 2, 6, 5, 5, 6, -1], seed: 5).check()
  }

  /// A node with two parents.
  @Test func graphWithoutCircles() throws {
    let forest = try Forest(nodeCount: 5, children: [0, 0, 1, 2, 3], parents: [1, 2, 3, 3, 4])
    try Case(
      "like tree_child_sum", inputs: 3, hidden: 4, forest: forest, children: [[], [0], [0], [1, 2], [3]], seed: 7
    ).check()
    #expect(throws: RNNError.self) {
      let run = try Case(
        "like tree_binary", inputs: 3, hidden: 4, forest: forest, children: [[], [0], [0], [1, 2], [3]], seed: 7)
      let (x, parameters) = try run.tensors()
      _ = try run.network(forest, x: x, parameters: parameters)
    }
  }

  /// Child-Sum Tree-LSTM as Tai, Socher, Manning 2015 print it, without the language.
  @Test func childSumAsThePaperHasIt() throws {
    let run = try Case("like tree_child_sum", inputs: 3, hidden: 4, parents: [2, 2, 4, 4, -1, 4], seed: 9)
    let (x, parameters) = try run.tensors()
    func matrix(_ name: String, _ v: [Double]) -> [Double] {
      let all = parameters["\(name)_l0"]?.elements ?? []
      return (0..<4).map { r in v.indices.reduce(0) { $0 + all[r * v.count + $1] * v[$1] } }
    }
    func bias(_ name: String) -> [Double] { parameters["\(name)_l0"]?.elements ?? [] }
    func sum(_ vectors: [Double]...) -> [Double] { (0..<4).map { i in vectors.reduce(0) { $0 + $1[i] } } }
    func sigmoid(_ v: [Double]) -> [Double] { v.map { 1 / (1 + exp(-$0)) } }
    func node(_ m: Int) -> (h: [Double], c: [Double]) {
      let below = run.children[m].map(node)
      let own = Array(run.x[(m * 3)..<(m * 3 + 3)])
      let h = below.reduce([0, 0, 0, 0]) { zip($0, $1.h).map(+) }
      let i = sigmoid(sum(matrix("Wi", own), matrix("Ui", h), bias("bi")))
      let o = sigmoid(sum(matrix("Wo", own), matrix("Uo", h), bias("bo")))
      let u = sum(matrix("Wu", own), matrix("Uu", h), bias("bu")).map { tanh($0) }
      var c = zip(i, u).map(*)
      for child in below {
        let f = sigmoid(sum(matrix("Wf", own), matrix("Uf", child.h), bias("bf")))
        c = c.indices.map { c[$0] + f[$0] * child.c[$0] }
      }
      return (c.indices.map { o[$0] * tanh(c[$0]) }, c)
    }
    let (y, state) = try run.network(run.forest, x: x, parameters: parameters)
    let expected = run.children.indices.map(node)
    #expect(relativeError(y.elements, expected.flatMap(\.h)) < 1e-14)
    #expect(relativeError(state.tensors[1].elements, expected.flatMap(\.c)) < 1e-14)
  }

  @Test func aChainIsASequence() throws {
    let run = try Case("like tree_child_sum", inputs: 3, hidden: 4, parents: [1, 2, 3, -1], seed: 11)
    let (x, parameters) = try run.tensors()
    let (y, _) = try run.network(run.forest, x: x, parameters: parameters)
    let (sequence, _) = try run.network(x.reshaped([4, 1, 3]), parameters: parameters)
    #expect(relativeError(y.elements, sequence.elements) < 1e-14)
  }

  /// The lowest node of a cycle and the way up from it, whatever hangs on the cycle.
  @Test(arguments: [
    ([0], "0 -> 0"), ([1, 0], "0 -> 1 -> 0"), ([-1, 2, 1], "1 -> 2 -> 1"), ([3, -1, 0, 2], "0 -> 3 -> 2 -> 0"),
    // Nodes 1 and 6 are below the cycle; 0 is a tree by itself, 3 and 4 are one.
    ([-1, 5, 5, -1, 3, 2, 2], "2 -> 5 -> 2"), ([2, 4, 1, 0, 3], "0 -> 2 -> 1 -> ... -> 0, 5 nodes"),
  ])
  func cycles(_ parents: [Int], chain: String) throws {
    let start = try #require(chain.split(separator: " ").first)
    let text = message { () throws(RNNError) in _ = try Forest(parents: parents) }
    #expect(text == "the parents form a cycle at node \(start): parent chain \(chain)")
  }

  /// One that hangs below others, in a graph whose nodes have several parents; and the time stays in proportion to edges.
  @Test func cyclesOfGraphs() throws {
    let text = message { () throws(RNNError) in
      _ = try Forest(nodeCount: 5, children: [4, 3, 4, 2, 1], parents: [3, 4, 2, 1, 0])
    }
    #expect(text == "the parents form a cycle at node 3: parent chain 3 -> 4 -> 3")
    let count = 200_000
    // Many leaves of the two nodes of a cycle.
    let large = message { () throws(RNNError) in _ = try Forest(parents: (0..<count).map { count - 2 + ($0 + 1) % 2 }) }
    #expect(large?.contains("at node \(count - 2)") == true, "\(large ?? "none")")
  }

  @Test func refusals() throws {
    #expect(throws: RNNError.self) { try Forest(parents: [5, -1]) }
    #expect(throws: RNNError.self) { try Forest(parents: [-2]) }
    #expect(throws: RNNError.self) { try Forest(nodeCount: 2, children: [0], parents: [2]) }
    #expect(throws: RNNError.self) { try Forest(nodeCount: 2, children: [0, 1], parents: [1]) }
    let forest = try Forest(parents: [1, -1])
    let lstm = try Network<Double>(Cell("like lstm"), NetworkConfiguration(.equations, inputSize: 3, hiddenSize: 4))
    #expect(throws: RNNError.self) {
      try lstm(forest, x: Tensor(shape: [2, 3]), parameters: lstm.makeParameters(seed: 1))
    }
    let tree = try Network<Double>(
      Cell("like tree_child_sum"), NetworkConfiguration(.equations, inputSize: 3, hiddenSize: 4))
    #expect(throws: RNNError.self) {
      try tree(forest, x: Tensor(shape: [3, 3]), parameters: tree.makeParameters(seed: 1))
    }
  }
}
