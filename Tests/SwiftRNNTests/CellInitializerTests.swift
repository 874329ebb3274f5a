import Testing

@testable import SwiftRNN

/// What parameters of cells of equations start with: by their place in the equations, and by `init` lines.
@Suite struct CellInitializerTests {
  private static let sizes = ["O": 5, "P": 4, "Rw": 2, "Ru": 3, "B": 7, "heads": 2]

  private func network(
    _ text: String, inputs: Int = 6, hidden: Int = 6, layers: Int = 1, bidirectional: Bool = false
  ) throws -> Network<Double> {
    let cell = try Cell(Cell.builtInNames.contains(text) ? "like \(text)" : text)
    var configuration = NetworkConfiguration(.equations, inputSize: inputs, hiddenSize: hidden)
    (configuration.layers, configuration.bidirectional) = (layers, bidirectional)
    return try Network(cell, configuration, sizes: Self.sizes.filter { cell.sizeNames.contains($0.key) })
  }

  /// Of a cell with batch_norm they are those of its layer.
  private func equations(_ text: String) throws -> Equations<Double> {
    let whole = try network(text)
    let layer = whole.stack?.blocks.first?.network ?? whole
    return try #require(layer.equations)
  }

  private func roles(_ text: String) throws -> (ParameterRoles, [String]) {
    let equations = try equations(text)
    return (ParameterRoles(equations.first.layer), equations.cell.graph.parameters.map(\.name))
  }

  private func parameters(
    _ network: Network<Double>, _ change: (inout Initializer) -> Void = { _ in }
  ) throws -> NetworkParameters<Double> {
    var initializer = Initializer()
    change(&initializer)
    return try network.makeParameters(seed: 2, initializer: initializer)
  }

  // MARK: Roles

  /// input, recurrent, other matrices, biases, the rest; and rows of a gate where a matrix has more.
  @Test(arguments: [
    ("lstm", "input weight_ih/6, recurrent weight_hh/6, bias bias_ih bias_hh"),
    ("lstm_peephole", "input weight_ih/6, recurrent weight_hh/6, bias bias_ih bias_hh, rest pi pf po"),
    ("lstm_projected", "input weight_ih/6, recurrent weight_hh/6, other weight_hr, bias bias_ih bias_hh"),
    (
      "lstm_layer_norm",
      "input weight_ih/6, recurrent weight_hh/6, bias bias_ih bias_hh bias_c, rest gain_ih gain_hh gain_c"
    ),
    ("lstm_drop_connect", "input weight_ih/6, recurrent weight_hh/6, bias bias_ih bias_hh"),
    ("gru_before", "input weight_ih/6, recurrent weight_hh/6, bias bias_ih bias_hh"),
    ("jordan", "input W, recurrent U, other V, bias b d"),
    ("mut3", "input Wz Wr W, recurrent Uz Ur U, bias bz br b"),
    ("ind_rnn", "input W, bias b, rest u"),
    ("fast_grnn_low_rank", "input W1 W2, recurrent U2, other U1, bias bz bn, rest zeta nu"),
    ("li_gru", "input Wz Wn, recurrent Uz Un, bias bz bn, rest mz vz gz mn vn gn"),
    ("li_gru_layer_norm", "input W/6, recurrent U/6, bias b, rest g"),
    ("slstm", "input Wi Wf Wz Wo, recurrent Ui/3 Uf/3 Uz/3 Uo/3, bias bi bf bz bo"),
    ("cfc", "input Wu, recurrent Uu, other Wg Wk Wa Wb, bias bu bg bk ba bb"),
    ("lem", "input V1 V2 Vz Vy, recurrent W1 W2 Wz, other Wy, bias b1 b2 bz by"),
    ("tree_child_sum", "input Wi Wf Wo Wu, recurrent Ui Uf Uo Uu, bias bi bf bo bu"),
    ("h' = tanh(U @ h + W @ x)\ny = V @ h' + d", "input W, recurrent U, other V, bias d"),
    ("h' = tanh(U @ c + W @ x)\nc' = h", "input W, recurrent U"),
  ])
  func rolesAreSeenFromTheEquations(_ text: String, _ expected: String) throws {
    let (roles, names) = try roles(text)
    let equations = try equations(text)
    var found: [String] = []
    for (role, word) in [
      (ParameterRoles.Role.input, "input"), (.recurrent, "recurrent"), (.other, "other"), (.bias, "bias"),
      (.rest, "rest"),
    ] {
      let those = zip(names.indices, names).filter { roles.parameters[$0.0].role == role }.map { number, name in
        let rows = equations.first.layer.shape(ofParameter: number).rows
        let block = roles.parameters[number].blockRows
        return block == rows ? name : "\(name)/\(block)"
      }
      if !those.isEmpty { found.append(([word] + those).joined(separator: " ")) }
    }
    #expect(found.joined(separator: ", ") == expected)
  }

  /// The gates that keep a state, and those of what is new, as `name` or `name[rows]`.
  @Test(arguments: [
    ("lstm", "bias_ih[6..<12]+bias_hh[6..<12]; bias_ih[0..<6]+bias_hh[0..<6]"),
    ("lstm_onnx", "bias_ih[6..<12]+bias_hh[6..<12]; bias_ih[0..<6]+bias_hh[0..<6]"),
    ("lstm_zoneout", "bias_ih[6..<12]+bias_hh[6..<12]; bias_ih[0..<6]+bias_hh[0..<6]"),
    ("lstm_projected_bias", "bias_ih[6..<12]+bias_hh[6..<12]; bias_ih[0..<6]+bias_hh[0..<6]"),
    ("lstm_separate", "bf; bi"), ("greff", "bf; bi"), ("fgr", "bf; bi"), ("nig", "bf; "), ("janet", "bf; "),
    ("gru", "bias_ih[6..<12]+bias_hh[6..<12]; "), ("gru_before", "bias_ih[6..<12]+bias_hh[6..<12]; "),
    ("sru", "bf; "), ("ugrnn", "bg; "), ("tree_child_sum", "bf; bi"), ("tree_binary", "bf bf; bi"),
    ("lstm_no_bias", "; "),
  ])
  func gatesThatKeepAStateAreSeenFromTheEquations(_ text: String, _ expected: String) throws {
    let (roles, names) = try roles(text)
    let equations = try equations(text)
    func described(_ gates: [[ParameterPart]]) -> String {
      gates.map { gate in
        gate.map { part in
          let whole = equations.first.layer.shape(ofParameter: part.parameter).rows == part.rows
          return names[part.parameter] + (whole ? "" : "[\(part.row..<part.row + part.rows)]")
        }.joined(separator: "+")
      }.joined(separator: " ")
    }
    #expect(roles.gates.count == 1)
    let biases = try #require(roles.gates.first)
    #expect("\(described(biases.forget)); \(described(biases.input))" == expected)
  }

  @Test(arguments: [
    "rnn", "lstm_1997", "lstm_cifg", "nfg", "cifg", "mgu", "gru_z_new", "min_gru", "cornn", "slstm", "cfc",
  ])
  func cellsWithoutAForgetGateRefuseOne(_ name: String) throws {
    let network = try network(name)
    for gate in [Initializer.ForgetGate.constant(1), .chrono(longest: 50)] {
      var initializer = Initializer()
      initializer.forgetGate = gate
      let chosen = initializer
      refused("no forget gate: no sigmoid multiplies a state in the sum that is its next value") {
        () throws(RNNError) in _ = try network.makeParameters(seed: 0, initializer: chosen)
      }
    }
  }

  /// Texts that are a cell with kernels of its own start as it does, bit for bit, whatever is asked for.
  @Test func theSameCellStartsTheSame() throws {
    let pairs: [(String, NetworkConfiguration)] = [
      ("lstm", .lstm(inputSize: 5, hiddenSize: 6, layers: 2, bidirectional: true)),
      ("gru", .gru(inputSize: 5, hiddenSize: 6, layers: 2, bidirectional: true)),
      ("gru_before", .gru(inputSize: 5, hiddenSize: 6, layers: 2, resetAfter: false, bidirectional: true)),
    ]
    for (name, configuration) in pairs {
      let ours = try network(name, inputs: 5, hidden: 6, layers: 2, bidirectional: true)
      let fused = try Network<Double>(configuration)
      for gate in [Initializer.ForgetGate.asBias, .constant(2), .chrono(longest: 60)] {
        for (weights, recurrent) in [
          (Initializer.Distribution.torch, Initializer.Distribution.torch), (.glorotNormal, .orthogonal),
          (.heUniform, .identity(scale: 0.5)), (.lecunUniform, .glorotUniform),
        ] {
          var initializer = Initializer()
          (initializer.weights, initializer.recurrent, initializer.forgetGate) = (weights, recurrent, gate)
          initializer.bias = .normal(deviation: 0.1)
          #expect(
            try ours.makeParameters(seed: 7, initializer: initializer).flat
              == fused.makeParameters(seed: 7, initializer: initializer).flat, "\(name)")
        }
      }
    }
  }

  @Test func gatesOfTreesShareTheirBias() throws {
    let drawn = try parameters(network("tree_binary")) { $0.forgetGate = .constant(1) }
    #expect(drawn["bf_l0"]?.elements == Array(repeating: 1, count: 6))
  }

  @Test func diagonalBlocksAreOrthogonalEach() throws {
    let drawn = try parameters(network("slstm", hidden: 6)) { $0.recurrent = .orthogonal }
    let u = try #require(drawn["Uf_l0"])
    #expect(u.shape == [6, 3])
    for block in 0..<2 {
      for i in 0..<3 {
        for j in 0..<3 {
          let product = try (0..<3).reduce(0) { $0 + (try u[3 * block + i, $1] * u[3 * block + j, $1]) }
          #expect(abs(product - (i == j ? 1 : 0)) < 1e-13)
        }
      }
    }
  }

  // MARK: init lines

  @Test func whatTheTextSaysHolds() throws {
    let text = """
      a, b = W @ x + d
      Ua, Ub = U
      h' = tanh(a + Ua @ h) * sigmoid(b + Ub @ h) + p * h + scalar(s) * h
      init Ua = identity(0.5)
      init Ub = orthogonal
      init W = uniform(2, 3)
      init d = chrono(20)
      init p = normal(0.01)
      init s = uniform(-4, -3.5)
      init h = -0.5
      """
    let network = try network(text, layers: 2, bidirectional: true)
    for recurrent in [Initializer.Distribution.torch, .zeros] {
      let drawn = try parameters(network) {
        ($0.weights, $0.recurrent, $0.bias) = (recurrent, recurrent, .constant(9))
      }
      for suffix in ["_l0", "_l0_reverse", "_l1", "_l1_reverse"] {
        let u = try #require(drawn["U" + suffix]).elements
        #expect(Array(u[..<36]) == (0..<36).map { $0 % 7 == 0 ? 0.5 : 0 })
        for i in 0..<6 {
          for j in 0..<6 {
            let product = (0..<6).reduce(0) { $0 + u[36 + 6 * i + $1] * u[36 + 6 * j + $1] }
            #expect(abs(product - (i == j ? 1 : 0)) < 1e-13)
          }
        }
        #expect(try #require(drawn["W" + suffix]).elements.allSatisfy { $0 >= 2 && $0 <= 3 })
        #expect(try #require(drawn["d" + suffix]).elements.allSatisfy { $0 >= 0 && $0 < 2.945 })
        #expect(try #require(drawn["p" + suffix]).elements.allSatisfy { abs($0) < 0.06 && $0 != 0 })
        let s = try #require(drawn["s" + suffix]).elements
        #expect(s.count == 1 && s[0] >= -4 && s[0] <= -3.5)
      }
    }
    #expect(network.equations?.first.states[0].initial == -0.5)
  }

  @Test func theForgetGateIsAskedForBeyondTheText() throws {
    let drawn = try parameters(network("fast_grnn")) { $0.forgetGate = .constant(-2) }
    #expect(drawn["bz_l0"]?.elements == Array(repeating: -2, count: 6))
    #expect(drawn["bn_l0"]?.elements == Array(repeating: 1, count: 6))
  }

  @Test func cellsOfTheLibraryStartAsInTheirPapers() throws {
    let irnn = try parameters(network("rnn_relu"))
    #expect(irnn["weight_hh_l0"]?.elements == (0..<36).map { $0 % 7 == 0 ? 1 : 0 })
    #expect(irnn["bias_ih_l0"]?.elements == Array(repeating: 0, count: 6))
    #expect(try #require(irnn["weight_ih_l0"]).elements.allSatisfy { abs($0) < 0.006 && $0 != 0 })
    let liGRU = try parameters(network("li_gru"))
    #expect(liGRU["vz_l0"]?.elements == Array(repeating: 1, count: 6))
    #expect(liGRU["mn_l0"]?.elements == Array(repeating: 0, count: 6))
    #expect(try #require(parameters(network("ind_rnn_clipped"))["u_l0"]).elements.allSatisfy { $0 >= 0 && $0 < 1 })
    // Lines for names that an equation has dropped go with them.
    #expect(try #require(parameters(network("nig"))["Rz_l0"]).elements.allSatisfy { abs($0) < 0.6 })
  }

  @Test func linesThatAreInheritedForSomethingElseAreDropped() throws {
    let vector = try parameters(network("like rnn_relu\nh' = relu(weight_ih @ x + weight_hh * h + bias_ih + bias_hh)"))
    #expect(try #require(vector["weight_hh_l0"]).elements.allSatisfy { abs($0) < 0.41 && $0 != 0 })
    let state = try network("like ind_rnn\nh' = relu(W @ x + u * h + b)\nu' = u + h")
    #expect(state.states.map(\.name) == ["h", "u"] && state.equations?.first.states[1].initial == 0)
  }

  @Test(arguments: [
    ("init U = orthogonl", 12, "there is no distribution \"orthogonl\" (did you mean \"orthogonal\"?)"),
    ("init U = xavier", 10, "there is no distribution \"xavier\""),
    ("init U = orthogonal(1, 2)", 10, "orthogonal takes 0 or 1 numbers, and has 2"),
    ("init U = uniform(1)", 10, "uniform takes 2 numbers, and has 1"),
    ("init U = uniform(2, -1)", 10, "uniform needs low <= high, has 2.0 and -1.0"),
    ("init U = normal", 10, "normal takes 1 numbers, and has 0"),
    ("init U = normal(-1)", 10, "the number of normal must be in [0, 1e30]"),
    ("init U = identity(1e31)", 10, "the number of identity must be in [-1e30, 1e30]"),
    ("init b = chrono(1)", 10, "the number of chrono must be in [2, 1e15]"),
    ("init U = normal(", 10, "expected \")\" for this"),
    ("init U = normal(x)", 17, "expected a number, found \"x\""),
    ("init U = normal(1", 16, "expected \")\" for this"),
    ("init U =", 9, "expected a number or a distribution, found the end of the line"),
    ("init U = (1)", 10, "expected a number or a distribution"),
    ("init b = identity", 6, "\"b\" is no matrix: a number, uniform, normal or chrono is for it"),
    ("init h = normal(1)", 6, "\"h\" is a state, and starts with a number: distributions are for parameters"),
    ("init U = 1 2", 12, "expected an operator or the end of the line"),
  ])
  func refusedLines(_ line: String, _ column: Int, _ text: String) throws {
    let error = #expect(throws: CellError.self) { try Cell("h' = tanh(W @ x + U @ h + b)\n\(line)") }
    #expect(error?.message.hasPrefix(text) == true, "\(error?.message ?? "")")
    #expect(error?.line == 2, "\(line)")
    // A word has its place, whatever is wrong with its numbers; a "(" that is not closed has its own.
    if line != "init U = orthogonl" && line != "init U = normal(" { #expect(error?.column == column, "\(line)") }
  }
}
