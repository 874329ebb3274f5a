import Reference
import Testing

@testable import SwiftRNN

/// What texts of equations mean: sizes, states, parameters and their order; and what is refused, and where.
@Suite struct CellLanguageTests {
  private let sizes = ["O": 5, "P": 4, "Rw": 2, "Ru": 3, "B": 7, "heads": 3]

  private func extents(_ cell: Cell, _ given: [String: Int]) throws -> CellExtents {
    try CellExtents(cell.graph, cell.sizes, given: given)
  }

  /// The shape of a parameter, with the number of blocks in front where it has any.
  private func shape(_ cell: Cell, _ parameter: CellParameter, _ extents: CellExtents) -> [Int] {
    let (rows, columns) = (extents.rows[parameter.node], extents.columns[parameter.node])
    let blocks = cell.graph.nodes.indices.first {
      if case .blocks = cell.graph.nodes[$0].operation {
        cell.graph.nodes[$0].operands == [parameter.node]
      } else {
        false
      }
    }
    switch parameter.kind {
    case .matrix: return (blocks.map { [extents.blocks[$0]] } ?? []) + [rows, columns]
    default: return [rows]
    }
  }

  /// `4H×I`, `heads blocks of H×H`, `1`
  private func shape(of text: Substring, _ given: [String: Int]) -> [Int] {
    if let range = text.firstRange(of: " blocks of ") {
      return [given[String(text[..<range.lowerBound])] ?? 0] + shape(of: text[range.upperBound...], given)
    }
    return text.split(separator: "×").map { term in
      let digits = term.prefix { $0.isNumber }
      let name = String(term.dropFirst(digits.count))
      return (Int(digits) ?? 1) * (name.isEmpty ? 1 : given[name] ?? 0)
    }
  }

  @Test func builtInCellsAreWhatAnotherInterpreterMadeOfThem() throws {
    #expect(CellTable.rows.map(\.name).sorted() == BuiltInCells.names.sorted())
    for row in CellTable.rows {
      let cell = try Cell(named: row.name)
      let usesRawInput = ["mut1", "mut2", "sru", "socher"].contains(row.name)
      let given = sizes.merging(["I": usesRawInput ? 12 : 6, "H": 12]) { $1 }
      let extents = try extents(cell, given)
      #expect(cell.phases.stages == row.stages, "\(row.name)")
      let states = cell.graph.states.map { "\($0.name) \(extents.rows[$0.previous])" }
      let expectedStates = row.states.split(separator: ", ").map { text in
        "\(text.prefix { $0 != "(" }) \(shape(of: text.drop { $0 != "(" }.dropFirst().dropLast(), given)[0])"
      }
      #expect(states == expectedStates, "\(row.name)")
      let parameters = cell.graph.parameters.map { "\($0.name) \(shape(cell, $0, extents))" }
      let expected = row.parameters.split(separator: ", ").map { text in
        "\(text.prefix { $0 != "[" }) \(shape(of: text.drop { $0 != "[" }.dropFirst().dropLast(), given))"
      }
      #expect(parameters == expected, "\(row.name)")
    }
  }

  @Test func equalEquationsAreOneValue() throws {
    // A product that is written twice is made once, and so is what is computed from it.
    let cell = try Cell("h' = tanh(W @ x + U @ h) * sigmoid(U @ h) + tanh(W @ x + U @ h)")
    #expect(cell.graph.nodes.filter { $0.operation == .product }.count == 2)
    let tanhs = cell.graph.nodes.filter { $0.operation == .unary(.tanh, constants: []) }
    #expect(tanhs.count == 1)
  }

  @Test func numbersAreComputedOnce() throws {
    let cell = try Cell("k = 2 * 3 - 1\nh' = k / 5 * x + 0 + h * 1")
    let sum = Operation.sum(negative: [false, false])
    #expect(cell.graph.nodes[cell.graph.output].operation == sum)
    #expect(cell.graph.nodes.map(\.operation).filter { $0 != sum } == [.input(0), .state(0)])
    #expect(throws: CellError.self) { try Cell("h' = x + 1 / 0") }
  }

  @Test func likeReplacesEquationsInTheirPlaces() throws {
    let coupled = try Cell("like lstm\nf = 1 - i")
    #expect(coupled.graph.parameters.map(\.name) == ["weight_ih", "weight_hh", "bias_ih", "bias_hh"])
    let extents = try extents(coupled, ["I": 3, "H": 4])
    // The rows of the part that nothing reads stay.
    #expect(extents.rows[coupled.graph.parameters[0].node] == 16)
    let gates = coupled.graph.nodes.filter { $0.operation == .unary(.sigmoid, constants: []) }
    #expect(gates.count == 2)
    // What nothing reads any more is dropped: c, and with it i, f and g.
    let open = try Cell("like lstm\nh' = o * h")
    #expect(open.graph.states.map(\.name) == ["h"])
    // An equation may make a state of what was none.
    let gate = try Cell("like greff\ni' = sigmoid(Wi @ x + Rii @ i + bi)\nc' = z * i' + c * f")
    #expect(gate.graph.states.map(\.name) == ["h", "i", "c"])
  }

  @Test func numbersOfABuiltInCellAreReplacedByName() throws {
    let cell = try Cell(named: "cornn", numbers: [("dt", 0.05), ("gamma", 3)])
    let constants = cell.graph.nodes.compactMap { if case .constant(let value) = $0.operation { value } else { nil } }
    #expect(constants.contains(0.05) && constants.contains(3) && !constants.contains(0.1))
    #expect(throws: CellError.self) { try Cell(named: "cornn", numbers: [("dT", 0.05)]) }
  }

  @Test func theOutputIsYOrH() throws {
    func output(_ text: String) throws -> Operation {
      let cell = try Cell(text)
      return cell.graph.nodes[cell.graph.output].operation
    }
    #expect(try output("h' = tanh(x + h)\ny = relu(h')") == .unary(.relu, constants: []))
    #expect(try output("h = tanh(x + y)\ny' = relu(h)") == .unary(.relu, constants: []))
    #expect(try output("c' = x + c\nh = tanh(c')") == .unary(.tanh, constants: []))
    #expect(throws: CellError.self) { try Cell("c' = x + c") }
  }

  @Test func phases() throws {
    let cell = try Cell(
      """
      g  = sigmoid(p) * q
      v  = tanh(W @ x + b)
      r  = sigmoid(U @ h)
      h' = tanh(v * g + U2 @ (r * h))
      y  = softplus(V @ h' + d)
      """)
    func phase(_ operation: Operation) -> [CellPhases.Phase] {
      cell.graph.nodes.indices.filter { cell.graph.nodes[$0].operation == operation }.map { cell.phases.phases[$0] }
    }
    #expect(phase(.unary(.sigmoid, constants: [])) == [.parameters, .step])
    #expect(phase(.unary(.tanh, constants: [])).sorted { "\($0)" < "\($1)" } == [.before, .step])
    #expect(phase(.unary(.softplus, constants: [])) == [.after])
    #expect(phase(.product).sorted { "\($0)" < "\($1)" } == [.after, .before, .step, .step])
    #expect(cell.phases.stages == 2)
  }

  @Test func sizesThatFollow() throws {
    let cell = try Cell("size k = 3*H\nk = relu(A @ x)\na, b, c = k\nh' = a + b * c + B @ k")
    let found = try extents(cell, ["I": 2, "H": 5])
    #expect(cell.graph.parameters.map { [found.rows[$0.node], found.columns[$0.node]] } == [[15, 2], [5, 15]])
    let half = try Cell("size v = H/2\nv = tanh(A @ h)\nh' = B @ v + W @ x")
    #expect(try extents(half, ["I": 2, "H": 6]).rows[half.graph.parameters[0].node] == 3)
    #expect(throws: CellError.self) { try extents(half, ["I": 2, "H": 5]) }
    #expect(throws: CellError.self) { try extents(cell, ["I": 2, "H": 1 << 31]) }
    #expect(throws: CellError.self) { try extents(cell, ["I": 0, "H": 5]) }
    // Raw x beside h.
    let raw = try Cell("h' = x + h")
    #expect(try extents(raw, ["I": 4, "H": 4]).rows[raw.graph.output] == 4)
    let error = #expect(throws: CellError.self) { try extents(raw, ["I": 4, "H": 5]) }
    #expect(error?.message.contains("I = 4") == true && error?.message.contains("H = 5") == true)
  }

  /// Each text with the line and column of its error, and a word of the message.
  @Test(arguments: [
    ("h' = tanh(W @ x + b", 1, 10, "\")\""),
    ("h' = W @ x +", 1, 13, "end of the line"),
    ("h' = W @ x\nh' = U @ h", 2, 1, "each name has one"),
    ("h' = W @ x\nz = h", 2, 1, "reads \"z\""),
    ("# comment\n\nh' = tnah(W @ x)", 3, 6, "\"tanh\""),
    ("like lstn\nh' = x", 1, 6, "\"lstm\""),
    ("h' = x\nlike lstm", 2, 1, "first line"),
    ("a = b + x\nb = a\nh' = a", 2, 5, "cycle"),
    ("h' = W @ x + W", 1, 14, "matrix"),
    ("h' = (W @ x) @ h", 1, 7, "left of \"@\""),
    ("h' = W @ 3", 1, 10, "number"),
    ("h' = drop_connect(W, 0.5) + x", 1, 6, "left of \"@\""),
    ("h' = dropout(x, 1)", 1, 17, "[0, 1)"),
    ("h' = dropout(x, p)", 1, 17, "number"),
    ("h' = clip(x, 1)", 1, 6, "high"),
    ("h' = clip(x, 1, 0)", 1, 6, "low <= high"),
    ("h' = tanh(x, 1)", 1, 14, "one more"),
    ("h' = tanh(x > h)", 1, 11, "comparison"),
    ("h' = where(x, x, h)", 1, 6, "comparison"),
    ("h' = max(x)", 1, 6, "second"),
    ("h' = sigmoid * x", 1, 6, "\"(\""),
    ("h' = scalar(h) * x", 1, 13, "parameter"),
    ("x = 3", 1, 1, "x is the input"),
    ("input a\na = 2\nh' = a * x", 2, 1, "input"),
    ("input a, a\nh' = a * x", 1, 10, "already"),
    ("size W = 0\nh' = W @ x", 1, 10, "1..."),
    ("size q = 3\nh' = W @ x", 1, 6, "reads"),
    ("init q = 3\nh' = W @ x", 1, 6, "reads"),
    ("init v = 3\nv = W @ x\nh' = v + h", 1, 6, "computed"),
    ("h' = k'\nk = x", 1, 6, "not k'"),
    ("h' = k[1] + x", 1, 6, "k'"),
    ("h' = x ^ 2", 1, 8, "no meaning"),
    ("h' = 2x", 1, 7, "end of the number"),
    ("h' = 1e999 * x", 1, 6, "too large"),
    ("h' = 1e+ * x", 1, 7, "exponent"),
    ("a, b = W @ x\nh' = a + (W @ x) + b", 2, 6, "one is 1/2 of the other"),
    ("h' = blocks(U, 2) @ h + U @ x", 1, 25, "blocks"),
    ("a, b = 3\nh' = a * x + b", 1, 1, "cut"),
    ("h' = batch_norm(x, W @ x, v)", 1, 20, "parameter"),
    ("y = W @ x\nz = U @ y'", 2, 1, "reads"),
    ("", 1, 1, "output"),
  ])
  func refused(_ text: String, line: Int, column: Int, word: String) throws {
    let error = #expect(throws: CellError.self) {
      let cell = try Cell(text)
      _ = try extents(cell, ["I": 4, "H": 4])
    }
    guard let error else { return }
    #expect(error.line == line && error.column == column, "\(error)")
    #expect(error.message.contains(word), "\(error)")
    #expect(error.cell == nil)
    let caret = error.excerpt.split(separator: "\n").last ?? ""
    #expect(caret.last == "^")
  }

  /// Messages name the operand that is wrong, as the text has it, and say what to write instead.
  @Test(arguments: [
    (
      "h' = W @ x + U @ s",
      "right of \"@\" is only the parameter \"s\", so that the product is the same in every step: let \"input s\" or an "
        + "equation for s' make an input or a state of s, or write one parameter in the place of the product"
    ),
    (
      "h' = W @ x + U @ (tanh(a) * b)",
      "right of \"@\" are only the parameters \"a\", \"b\", so that the product is the same in every step: let \"input a\" or "
        + "an equation for a' make an input or a state of a, or write one parameter in the place of the product"
    ),
    ("h' = W @ (1 - 3)", "right of \"@\" is \"1 - 3\", a number, and must be a vector"),
    (
      "h' = (x + -W @ h / 2) @ h",
      "left of \"@\" is \"x + -W @ h / 2\", a vector, and must be a matrix: the name of a parameter, drop_connect(U, p) or "
        + "blocks(U, k). Products of two vectors, element by element, are written \"*\""
    ),
    (
      "h' = drop_connect(W, 0.5) + x",
      "\"drop_connect(W, 0.5)\" is a matrix, which can only be left of \"@\": write drop_connect(W, 0.5) @ v, with a vector v"
    ),
    ("h' = drop_connect(W, 0.5)", "\"h'\" is a matrix, and must be a vector: a matrix can only be left of \"@\""),
    ("h' = softmax(3) + x", "\"3\" in softmax is a number, and must be a vector"),
    ("h' = batch_norm(0.5, m, v) + x", "\"0.5\" in batch_norm is a number, and must be a vector"),
    (
      "h' = scalar(x) * x", "scalar takes the name of a parameter, and \"x\" is none: it has a value already"
    ),
    (
      "h' = drop_connect(x, 0.5) @ x",
      "\"x\" in drop_connect is a vector, and must be a matrix: the name of a parameter"
    ),
    ("h' = dropout(x, 2 * p)", "the probability is \"2 * p\", and must be a number that the text gives, such as 0.5"),
    ("h' = dropout(x, 1)", "the probability is 1.0, must be in [0, 1)"),
    (
      "h' = blocks(U, x) @ x",
      "the number of blocks is \"x\", and must be an integer of 1 or more, or the name of a size"
    ),
    (
      "h' = blocks(U, 2) @ h + U @ x",
      "the matrix \"U\" is in blocks(U, k) in one place, and in other blocks or in none in another: give one of them another "
        + "name"
    ),
    (
      "h' = blocks(drop_connect(U, 0.5), 2) @ h + x",
      "the matrix of blocks must be a parameter, as in drop_connect(blocks(U, 2), 0.5)"
    ),
    (
      "h' = batch_norm(x, W @ x, v)",
      "\"W @ x\" in batch_norm must be the name of a parameter, in which the running mean or variance is kept"
    ),
    ("h' = batch_norm(x, scalar(m), v)", "\"scalar(m)\" in batch_norm is a number, and must be a vector"),
    (
      "h' = batch_norm(U @ h, m, v) + x",
      "batch_norm is of a value that depends on a state, and must be of one that depends on inputs and parameters only, as in "
        + "batch_norm(W @ x, mean, variance)"
    ),
    (
      "h' = batch_norm(b, m, v) + x",
      "batch_norm is of parameters alone, and must be of a value that depends on an input: a batch has no statistics of it else"
    ),
    (
      "h' = batch_norm(x, m, v) + m",
      "the running mean or variance of batch_norm, \"m\" or \"v\", is read elsewhere, too: give each batch_norm two "
        + "parameters that nothing else reads"
    ),
  ])
  func messagesNameTheOperand(_ text: String, message: String) {
    let error = #expect(throws: CellError.self) { try Cell(text) }
    #expect(error?.message == message)
  }

  /// Whatever the size of an operand, a message shows a part of it.
  @Test func longOperandsAreCut() {
    let sum = (0..<500).map { "a\($0)" }.joined(separator: " + ")
    let nested = String(repeating: "tanh(", count: 40) + "x" + String(repeating: ")", count: 40)
    let name = String(repeating: "n", count: 500)
    for (operand, shown) in [
      (sum, "a0 + a1 + a2 + a3 …"), (nested, "tanh(tanh(tanh(tanh(tanh(tanh(…))))))"),
      ("x * \(name)", "x * \(name.prefix(32))…"),
    ] {
      let error = #expect(throws: CellError.self) { try Cell("h' = (\(operand)) @ x") }
      #expect(error?.message.contains("is \"\(shown)\", a vector") == true, "\(error?.message ?? "")")
    }
    let parameters = #expect(throws: CellError.self) { try Cell("h' = x + W @ (\(sum))") }
    #expect(parameters?.message.contains("are only the parameters \"a0\", \"a1\", \"a2\", …,") == true)
  }

  @Test func anErrorInAnInheritedEquationNamesItsCell() throws {
    // z is a gate of gru's, and no state.
    let own = #expect(throws: CellError.self) { try Cell("like gru\nnh = h + z'") }
    #expect(own?.cell == nil && own?.line == 2 && own?.message.contains("of gru gives z") == true)
    // z is computed before what multiplies h with weight_hh.
    let inherited = #expect(throws: CellError.self) { try Cell("like gru\nz = sigmoid(weight_hh)") }
    #expect(inherited?.cell == "gru" && inherited?.message.contains("a vector in line 2 of the text") == true)
    #expect(inherited?.excerpt.contains("rh, zh, nh = weight_hh @ h + bias_hh") == true)
    #expect(inherited?.description.hasPrefix("cell gru, line ") == true)
  }
}
