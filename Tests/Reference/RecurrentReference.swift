// Recurrent networks in plain scalar Double, one number at a time, from the equations. No blocking, no padding, no
// sharing with the library: what it computes is meant to be checked by reading.
//
//     RNN (Elman 1990)               h = act(W x + b + U h + d)
//     LSTM (Gers et al. 2000)        i, f, o = sigmoid(…), g = tanh(…);  c = f c + i g;  h = o tanh(c)
//     with projection (Sak 2014)     h = R (o tanh(c))
//     GRU (Cho 2014 v1, torch)       n = tanh(W_n x + b_n + r (U_n h + d_n));  h = (1 - z) n + z h
//     GRU (Cho 2014 v3)              n = tanh(W_n x + b_n + U_n (r h) + d_n);  h = (1 - z) n + z h

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A network as a plain description, its tensors by torch's names.
public struct RecurrentReference {
  public enum Cell: Sendable { case rnnTanh, rnnRelu, lstm, gru, gruResetBefore }

  public var cell: Cell
  public var inputSize: Int
  public var hiddenSize: Int
  public var projectionSize = 0
  public var layers = 1
  public var bidirectional = false
  /// By name, row-major; a missing bias is zero.
  public var parameters: [String: [Double]] = [:]
  /// Multiplies the output of layer `layer` at step t, sequence n, feature j before the next layer reads it.
  public var mask: (@Sendable (_ layer: Int, _ t: Int, _ n: Int, _ j: Int) -> Double)?

  public init(_ cell: Cell, inputSize: Int, hiddenSize: Int) {
    self.cell = cell
    self.inputSize = inputSize
    self.hiddenSize = hiddenSize
  }

  public var directions: Int { bidirectional ? 2 : 1 }
  public var stateWidth: Int { projectionSize > 0 ? projectionSize : hiddenSize }
  public var outputSize: Int { directions * stateWidth }
  public var gates: Int {
    switch cell {
    case .rnnTanh, .rnnRelu: 1
    case .lstm: 4
    case .gru, .gruResetBefore: 3
    }
  }

  public struct Result {
    /// `[T, N, D * P]`
    public var y: [Double]
    /// `[L * D, N, P]` and `[L * D, N, H]`
    public var h: [Double]
    public var c: [Double]
  }

  /// - Parameters:
  ///   - x: `[T, N, I]`
  ///   - lengths: nil: all T
  ///   - h, c: initial states; nil: zeros
  public func run(
    _ x: [Double], steps: Int, sequences: Int, lengths: [Int]? = nil, h: [Double]? = nil, c: [Double]? = nil
  ) -> Result {
    let (P, H) = (stateWidth, hiddenSize)
    let rows = layers * directions
    var result = Result(
      y: [Double](repeating: 0, count: steps * sequences * outputSize),
      h: h ?? [Double](repeating: 0, count: rows * sequences * P),
      c: c ?? [Double](repeating: 0, count: rows * sequences * H))
    for n in 0..<sequences {
      let length = lengths?[n] ?? steps
      // What the layer reads at each step of this sequence.
      var input = (0..<length).map { t in
        Array(x[(t * sequences + n) * inputSize..<(t * sequences + n + 1) * inputSize])
      }
      for layer in 0..<layers {
        var output = [[Double]](repeating: [], count: length)
        for direction in 0..<directions {
          let row = (layer * directions + direction) * sequences + n
          var state = Array(result.h[row * P..<(row + 1) * P])
          var memory = Array(result.c[row * H..<(row + 1) * H])
          for step in 0..<length {
            let t = direction == 0 ? step : length - 1 - step
            self.step(input[t], &state, &memory, suffix: "_l\(layer)\(direction == 1 ? "_reverse" : "")")
            output[t] = direction == 0 ? state : output[t] + state
          }
          for j in 0..<P { result.h[row * P + j] = state[j] }
          for j in 0..<H { result.c[row * H + j] = memory[j] }
        }
        input = output
        if let mask, layer < layers - 1 {
          for t in 0..<length { for j in 0..<outputSize { input[t][j] *= mask(layer, t, n, j) } }
        }
      }
      for t in 0..<length {
        for j in 0..<outputSize { result.y[(t * sequences + n) * outputSize + j] = input[t][j] }
      }
    }
    return result
  }

  /// `matrix[row, :] · v`
  private func dot(_ matrix: [Double], _ row: Int, _ v: [Double]) -> Double {
    var sum = 0.0
    for k in 0..<v.count { sum += matrix[row * v.count + k] * v[k] }
    return sum
  }

  private func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

  /// One step of one cell, in place.
  private func step(_ x: [Double], _ h: inout [Double], _ c: inout [Double], suffix: String) {
    let H = hiddenSize
    let W = parameters["weight_ih" + suffix]!
    let U = parameters["weight_hh" + suffix]!
    let b = parameters["bias_ih" + suffix] ?? [Double](repeating: 0, count: gates * H)
    let d = parameters["bias_hh" + suffix] ?? [Double](repeating: 0, count: gates * H)
    /// The sum of gate `gate` of unit j.
    func sum(_ gate: Int, _ j: Int, _ h: [Double]) -> Double {
      let row = gate * H + j
      return dot(W, row, x) + b[row] + dot(U, row, h) + d[row]
    }
    let old = h
    switch cell {
    case .rnnTanh: h = (0..<H).map { tanh(sum(0, $0, old)) }
    case .rnnRelu: h = (0..<H).map { max(0, sum(0, $0, old)) }
    case .lstm:
      var inner = [Double](repeating: 0, count: H)
      for j in 0..<H {
        let i = sigmoid(sum(0, j, old))
        let f = sigmoid(sum(1, j, old))
        let g = tanh(sum(2, j, old))
        let o = sigmoid(sum(3, j, old))
        c[j] = f * c[j] + i * g
        inner[j] = o * tanh(c[j])
      }
      if projectionSize > 0 {
        let R = parameters["weight_hr" + suffix]!
        h = (0..<projectionSize).map { dot(R, $0, inner) }
      } else {
        h = inner
      }
    case .gru:
      for j in 0..<H {
        let r = sigmoid(sum(0, j, old))
        let z = sigmoid(sum(1, j, old))
        let row = 2 * H + j
        let n = tanh(dot(W, row, x) + b[row] + r * (dot(U, row, old) + d[row]))
        h[j] = (1 - z) * n + z * old[j]
      }
    case .gruResetBefore:
      let reset = (0..<H).map { sigmoid(sum(0, $0, old)) * old[$0] }
      for j in 0..<H {
        let z = sigmoid(sum(1, j, old))
        h[j] = (1 - z) * tanh(sum(2, j, reset)) + z * old[j]
      }
    }
  }
}
