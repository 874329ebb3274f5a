import Kernels
import Reference
import Testing

@testable import SwiftRNN

/// What parameters start with, of the cells with kernels of their own.
@Suite struct InitializerTests {
  private func parameters(
    _ configuration: NetworkConfiguration, seed: UInt64 = 1, _ change: (inout Initializer) -> Void
  ) throws -> NetworkParameters<Double> {
    var initializer = Initializer()
    change(&initializer)
    return try Network<Double>(configuration).makeParameters(seed: seed, initializer: initializer)
  }

  /// The rows of one gate of a tensor.
  private func gate(_ tensor: Tensor<Double>?, _ number: Int, rows: Int) throws -> [[Double]] {
    let tensor = try #require(tensor)
    let columns = tensor.shape.count == 1 ? 1 : tensor.shape[1]
    let elements = tensor.elements
    return (number * rows..<(number + 1) * rows).map { Array(elements[$0 * columns..<($0 + 1) * columns]) }
  }

  // MARK: The default

  private func expectTorchs<Scalar: RNNScalar>(_: Scalar.Type, _ configuration: NetworkConfiguration) throws {
    let network = try Network<Scalar>(configuration)
    let drawn = try network.makeParameters(seed: 0x1234_5678_9abc_def0)
    let explicit = try network.makeParameters(seed: 0x1234_5678_9abc_def0, initializer: Initializer())
    #expect(drawn.flat == explicit.flat)
    let philox = Philox(seed: 0x1234_5678_9abc_def0)
    let bound = 1 / Double(configuration.hiddenSize).squareRoot()
    for (k, info) in drawn.infos.enumerated() {
      let expected = (0..<info.elements).map { i in
        let words = philox.words(UInt64(i), UInt64(k))
        return Scalar((2 * Philox.uniform53(words.0, words.1) - 1) * bound)
      }
      #expect(drawn[info.name]?.elements == expected, "\(info.name)")
    }
  }

  /// docs/equations.md has the formula: number i of tensor k from the counter (i, k).
  @Test func theDefaultIsTorchsUniform() throws {
    for configuration in [
      NetworkConfiguration.lstm(inputSize: 5, hiddenSize: 7, layers: 2, bidirectional: true, projectionSize: 3),
      .gru(inputSize: 3, hiddenSize: 6, layers: 3), .rnn(inputSize: 4, hiddenSize: 1, bias: false),
    ] {
      try expectTorchs(Float.self, configuration)
      try expectTorchs(Double.self, configuration)
    }
  }

  // MARK: Distributions

  /// Mean, variance and fourth moment of the numbers of one gate, and the largest magnitude.
  private func expect(
    _ rows: [[Double]], variance: Double, kurtosis: Double, bound: Double?, _ name: String,
    _ location: SourceLocation = #_sourceLocation
  ) {
    let numbers = rows.flatMap { $0 }
    let count = Double(numbers.count)
    let mean = numbers.reduce(0, +) / count
    let second = numbers.reduce(0) { $0 + $1 * $1 } / count
    let fourth = numbers.reduce(0) { $0 + $1 * $1 * $1 * $1 } / count
    #expect(abs(mean) < 5 * (variance / count).squareRoot(), "\(name)", sourceLocation: location)
    #expect(abs(second / variance - 1) < 5 * ((kurtosis - 1) / count).squareRoot(), "\(name)", sourceLocation: location)
    #expect(abs(fourth / (second * second) / kurtosis - 1) < 0.05, "\(name)", sourceLocation: location)
    #expect(Set(numbers).count == numbers.count, "\(name)", sourceLocation: location)
    guard let bound else { return }
    let largest = numbers.map(abs).max() ?? 0
    #expect(largest <= bound && largest > 0.999 * bound, "\(name)", sourceLocation: location)
  }

  @Test func distributionsHaveTheVariancesOfTheirFormulas() throws {
    let (inputs, hidden) = (150, 210)
    let (i, h) = (Double(inputs), Double(hidden))
    let uniform = 1.8  // the kurtosis
    let cases: [(Initializer.Distribution, String, (Double) -> Double, Double)] = [
      (.torch, "torch", { _ in 1 / (3 * h) }, uniform),
      (.uniform(bound: 0.3), "uniform", { _ in 0.03 }, uniform),
      (.normal(deviation: 0.2), "normal", { _ in 0.04 }, 3),
      (.glorotUniform, "Glorot uniform", { 2 / ($0 + h) }, uniform),
      (.glorotUniform(gain: 3), "Glorot uniform, gain 3", { 18 / ($0 + h) }, uniform),
      (.glorotNormal, "Glorot normal", { 2 / ($0 + h) }, 3),
      (.heUniform, "He uniform", { 2 / $0 }, uniform),
      (.heNormal(gain: 0.5), "He normal, gain 0.5", { 0.5 / $0 }, 3),
      (.lecunUniform, "LeCun uniform", { 1 / $0 }, uniform),
      (.lecunNormal, "LeCun normal", { 1 / $0 }, 3),
    ]
    for (distribution, name, variance, kurtosis) in cases {
      let drawn = try parameters(.lstm(inputSize: inputs, hiddenSize: hidden)) {
        $0.weights = distribution
        $0.recurrent = distribution
      }
      // Fans are those of a gate: a stacked matrix has the variance of one for each gate.
      for gate in 0..<4 {
        let input = try self.gate(drawn["weight_ih_l0"], gate, rows: hidden)
        let recurrent = try self.gate(drawn["weight_hh_l0"], gate, rows: hidden)
        func bound(_ fan: Double) -> Double? { kurtosis == 3 ? nil : (3 * variance(fan)).squareRoot() }
        expect(input, variance: variance(i), kurtosis: kurtosis, bound: bound(i), "\(name), weights")
        expect(recurrent, variance: variance(h), kurtosis: kurtosis, bound: bound(h), "\(name), recurrent")
      }
    }
  }

  @Test func uniformAndNormalBiases() throws {
    let configuration = NetworkConfiguration.gru(inputSize: 2, hiddenSize: 20_000)
    let network = try Network<Double>(configuration)
    var initializer = Initializer()
    for (distribution, variance, kurtosis) in [
      (Initializer.Distribution.uniform(low: 1, high: 3), 1.0 / 3, 1.8), (.normal(deviation: 2), 4, 3),
      (.torch, 1 / (3 * 20_000.0), 1.8),
    ] {
      initializer.bias = distribution
      var bias = Array(repeating: 0.0, count: 60_000)
      try bias.withUnsafeMutableBufferPointer { buffer in
        let pointers: [UnsafeMutableRawPointer?] = [nil, nil, UnsafeMutableRawPointer(buffer.baseAddress), nil]
        try pointers.withUnsafeBufferPointer { try network.initialize(initializer, seed: 3, parameters: $0) }
      }
      let mean = distribution == .uniform(low: 1, high: 3) ? 2.0 : 0
      expect([bias.map { $0 - mean }], variance: variance, kurtosis: kurtosis, bound: nil, "\(distribution)")
    }
    let constant = try parameters(.lstm(inputSize: 2, hiddenSize: 3)) { $0.bias = .constant(0.25) }
    #expect(constant["bias_hh_l0"]?.elements == Array(repeating: 0.25, count: 12))
  }

  @Test func normalNumbersAreNormal() {
    let random = RandomNumbers(philox: Philox(seed: 5), tensor: 2)
    let numbers = (0..<200_000).map { random.normal($0) }
    // How many are below a bound, for bounds that 0.1587, 0.5, 0.9772 and 0.99865 of all are.
    for (bound, share) in [(-1.0, 0.158655), (0.0, 0.5), (2.0, 0.977250), (3.0, 0.998650)] {
      let found = Double(numbers.count { $0 < bound }) / 200_000
      #expect(abs(found - share) < 5 * (share * (1 - share) / 200_000).squareRoot(), "\(bound)")
    }
  }

  @Test func theLogarithmOfInitialisers() {
    var worst = 0.0
    for k in stride(from: 0.01, through: 1000, by: 0.37) {
      for x in [k, 1 / k, 1 + k * 0x1p-40, 1 - k * 0x1p-40, k * 0x1p-90, 1 - k * 0x1p-12] where x > 0 && x != 1 {
        worst = max(worst, ElementaryFunction.log.exact(x).ulps(of: RandomNumbers.log(x)))
      }
    }
    #expect(worst <= 2)
    #expect(RandomNumbers.log(1) == 0)
  }

  // MARK: Orthogonal and identity

  /// That rows, or columns of a tall matrix, times each other are `gain`² times the identity.
  private func expectOrthogonal(
    _ rows: [[Double]], gain: Double = 1, _ name: String, _ location: SourceLocation = #_sourceLocation
  ) {
    let columns = rows[0].indices.map { j in rows.map { $0[j] } }
    let vectors = rows.count <= columns.count ? rows : columns
    var worst = 0.0
    for (k, a) in vectors.enumerated() {
      for (l, b) in vectors.enumerated() {
        let product = zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
        worst = max(worst, abs(product - (k == l ? gain * gain : 0)))
      }
    }
    #expect(worst < 1e-13 * gain * gain, "\(name)", sourceLocation: location)
  }

  @Test(arguments: [(1, 1, 0), (3, 5, 0), (40, 17, 0), (7, 64, 30), (90, 33, 32)])
  func orthogonalForEachGate(_ inputs: Int, _ hidden: Int, _ projected: Int) throws {
    let drawn = try parameters(
      .lstm(inputSize: inputs, hiddenSize: hidden, layers: 2, bidirectional: true, projectionSize: projected)
    ) {
      $0.weights = .orthogonal
      $0.recurrent = .orthogonal(gain: 1.5)
    }
    var seen: Set<[Double]> = []
    for suffix in ["_l0", "_l0_reverse", "_l1", "_l1_reverse"] {
      for number in 0..<4 {
        let recurrent = try gate(drawn["weight_hh" + suffix], number, rows: hidden)
        expectOrthogonal(recurrent, gain: 1.5, "weight_hh\(suffix), gate \(number)")
        seen.insert(recurrent[0])
        expectOrthogonal(try gate(drawn["weight_ih" + suffix], number, rows: hidden), "weight_ih\(suffix)")
      }
      if projected > 0 { expectOrthogonal(try gate(drawn["weight_hr" + suffix], 0, rows: projected), "weight_hr") }
    }
    #expect(seen.count == 16 || hidden == 1)
  }

  /// A matrix that is uniform among the orthogonal ones has entries of mean 0 and variance 1 / H, of either sign on its
  /// diagonal. Gram-Schmidt leaves the signs as they were drawn.
  @Test func orthogonalMatricesHaveNoDirection() throws {
    let drawn = try parameters(.rnn(inputSize: 1, hiddenSize: 4, layers: 1024)) { $0.recurrent = .orthogonal }
    let matrices = try (0..<1024).map { try gate(drawn["weight_hh_l\($0)"], 0, rows: 4) }
    for i in 0..<4 {
      for j in 0..<4 {
        let numbers = matrices.map { $0[i][j] }
        let mean = numbers.reduce(0, +) / 1024
        let variance = numbers.map { $0 * $0 }.reduce(0, +) / 1024
        // The standard errors are 1/64 and 1/128.
        #expect(abs(mean) < 0.08 && abs(variance - 0.25) < 0.04, "\(i), \(j): \(mean), \(variance)")
      }
    }
  }

  @Test func rowsThatAreSumsOfOthersBecomeOrthogonalTo() {
    for (rows, width) in [(3, 3), (4, 9), (9, 9)] {
      for kind in 0..<3 {
        var matrix = (0..<rows * width).map { i in
          kind == 0 ? 0.0 : kind == 1 ? 1.0 : Double(i / width + 1) * Double(i % width + 1) / 7
        }
        matrix.withUnsafeMutableBufferPointer { buffer in
          guard let base = buffer.baseAddress else { return }
          Orthonormal.rows(base, count: rows, width: width)
        }
        expectOrthogonal((0..<rows).map { Array(matrix[$0 * width..<($0 + 1) * width]) }, "\(rows), \(width), \(kind)")
      }
    }
  }

  @Test func identityForEachGate() throws {
    let drawn = try parameters(.lstm(inputSize: 3, hiddenSize: 5, projectionSize: 2)) {
      $0.weights = .identity
      $0.recurrent = .identity(scale: 0.5)
    }
    for number in 0..<4 {
      let recurrent = try gate(drawn["weight_hh_l0"], number, rows: 5)
      #expect(recurrent == [[0.5, 0], [0, 0.5], [0, 0], [0, 0], [0, 0]])
      #expect(try gate(drawn["weight_ih_l0"], number, rows: 5)[1] == [0, 1, 0])
    }
    #expect(try gate(drawn["weight_hr_l0"], 0, rows: 2) == [[1, 0, 0, 0, 0], [0, 1, 0, 0, 0]])
  }

  // MARK: Forget gates

  @Test func theForgetGatesRowsAreTorchs() throws {
    let configuration = NetworkConfiguration.lstm(inputSize: 3, hiddenSize: 4, layers: 2, bidirectional: true)
    let plain = try parameters(configuration) { $0.bias = .zeros }
    let drawn = try parameters(configuration) {
      $0.bias = .zeros
      $0.forgetGate = .constant(1)
    }
    for suffix in ["_l0", "_l0_reverse", "_l1", "_l1_reverse"] {
      let zeros = Array(repeating: 0.0, count: 4)
      #expect(drawn["bias_ih" + suffix]?.elements == zeros + [1, 1, 1, 1] + zeros + zeros)
      #expect(drawn["bias_hh" + suffix]?.elements == Array(repeating: 0, count: 16))
      for weight in ["weight_ih", "weight_hh"] { #expect(drawn[weight + suffix] == plain[weight + suffix]) }
    }
    // Biases of the other gates are as they would be.
    let torchs = try parameters(configuration) { _ in }
    let others = try parameters(configuration) { $0.forgetGate = .constant(-2) }
    let (a, b) = (try #require(torchs["bias_hh_l1"]).elements, try #require(others["bias_hh_l1"]).elements)
    #expect(Array(a[0..<4]) == Array(b[0..<4]) && Array(a[8...]) == Array(b[8...]))
    #expect(Array(b[4..<8]) == [0, 0, 0, 0])
    // z of the GRU keeps its state.
    let gru = try parameters(.gru(inputSize: 3, hiddenSize: 2)) {
      $0.bias = .zeros
      $0.forgetGate = .constant(3)
    }
    #expect(gru["bias_ih_l0"]?.elements == [0, 0, 3, 3, 0, 0])
  }

  @Test func chrono() throws {
    let (hidden, longest) = (4000, 784.0)
    let drawn = try parameters(.lstm(inputSize: 1, hiddenSize: hidden, projectionSize: 1)) {
      $0.bias = .zeros
      $0.forgetGate = .chrono(longest: longest)
    }
    let bias = try #require(drawn["bias_ih_l0"]).elements
    let forget = Array(bias[hidden..<2 * hidden])
    #expect(Array(bias[..<hidden]) == forget.map { -$0 })
    #expect(bias[(2 * hidden)...].allSatisfy { $0 == 0 })
    #expect(drawn["bias_hh_l0"]?.elements == Array(repeating: 0, count: 4 * hidden))
    // e^b is uniform in 1...783: its mean is 392, a quarter of it below 196.5.
    let (low, high) = (forget.min() ?? 0, forget.max() ?? 0)
    #expect(low >= 0 && low < 1 && high <= 6.6631 && high > 6.66)
    let quarter = Double(forget.count { $0 < 5.2807 }) / Double(hidden)
    #expect(abs(quarter - 0.25) < 5 * (0.25 * 0.75 / Double(hidden)).squareRoot())
    let gru = try parameters(.gru(inputSize: 3, hiddenSize: 2)) { $0.forgetGate = .chrono(longest: 100) }
    let z = try #require(gru["bias_ih_l0"]).elements[2..<4]
    #expect(z.allSatisfy { $0 > 0 && $0 < 4.6 })
    #expect(gru["bias_hh_l0"]?.elements[2..<4] == [0, 0])
  }

  /// With layer options each layer has sizes of its own; learned states start where they would without.
  @Test func layersOfDifferentWidths() throws {
    var options = LayerOptions()
    options.hiddenSizes = [6, 9]
    options.learnedInitialStates = true
    options.independentDirections = true
    let network = try Network<Double>(
      .lstm(inputSize: 4, hiddenSize: 6, layers: 2, bidirectional: true), options: options)
    var initializer = Initializer()
    initializer.recurrent = .orthogonal
    initializer.forgetGate = .constant(2)
    let drawn = try network.makeParameters(seed: 3, initializer: initializer)
    for (layer, hidden) in [(0, 6), (1, 9)] {
      for suffix in ["_l\(layer)", "_l\(layer)_reverse"] {
        for number in 0..<4 {
          expectOrthogonal(try gate(drawn["weight_hh" + suffix], number, rows: hidden), suffix)
          let input = try gate(drawn["weight_ih" + suffix], number, rows: hidden).flatMap { $0 }
          let (bound, largest) = (1 / Double(hidden).squareRoot(), input.map(abs).max() ?? 0)
          #expect(largest <= bound && largest > 0.5 * bound)
        }
        let forget = try gate(drawn["bias_ih" + suffix], 1, rows: hidden)
        #expect(forget.allSatisfy { $0 == [2] })
        #expect(try #require(drawn["initial_h" + suffix]).elements.allSatisfy { $0 == 0 })
      }
    }
  }

  // MARK: Refusals

  @Test func refusals() throws {
    let lstm = try Network<Float>(.lstm(inputSize: 3, hiddenSize: 4))
    func expectRefused(
      _ network: Network<Float>, _ expected: String, _ location: SourceLocation = #_sourceLocation,
      _ change: (inout Initializer) -> Void
    ) {
      var initializer = Initializer()
      change(&initializer)
      let chosen = initializer
      refused(expected, location) { () throws(RNNError) in
        _ = try network.makeParameters(seed: 0, initializer: chosen)
      }
    }
    expectRefused(lstm, "the number of initializer.weights is NaN, must be in [0, 1e30]") {
      $0.weights = .uniform(bound: .nan)
    }
    expectRefused(lstm, "the number of initializer.weights is -1, must be in [0, 1e30]") {
      $0.weights = .glorotUniform(gain: -1)
    }
    expectRefused(lstm, "the number of initializer.recurrent is infinity, must be in [-1e30, 1e30]") {
      $0.recurrent = .identity(scale: .infinity)
    }
    expectRefused(lstm, "the number of initializer.bias is -0.5, must be in [0, 1e30]") {
      $0.bias = .uniform(low: 1, high: 0)
    }
    expectRefused(lstm, "the number of initializer.forgetGate is 1.5, must be in [2, 1e15]") {
      $0.forgetGate = .chrono(longest: 1.5)
    }
    expectRefused(lstm, "the number of initializer.forgetGate is NaN, must be in [-1e30, 1e30]") {
      $0.forgetGate = .constant(.nan)
    }
    for distribution in [Initializer.Distribution.orthogonal, .identity, .glorotNormal, .heUniform] {
      expectRefused(lstm, "a bias has no fans: it is torch's, constant, uniform or normal") { $0.bias = distribution }
    }
    let without = "no forget gate: no sigmoid multiplies a state in the sum that is its next value"
    expectRefused(try Network(.rnn(inputSize: 3, hiddenSize: 4)), without) { $0.forgetGate = .constant(1) }
    expectRefused(try Network(.lstm(inputSize: 3, hiddenSize: 4, bias: false)), "the forget gate has no bias") {
      $0.forgetGate = .chrono(longest: 100)
    }
  }
}
