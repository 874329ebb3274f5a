// What the parameters of a network start with.

/// How the parameters of a network are drawn. By default as torch does it: everything from U(-1/sqrt(H), 1/sqrt(H)).
///
///     var initializer = Initializer()
///     initializer.weights = .glorotUniform
///     initializer.recurrent = .orthogonal
///     initializer.bias = .zeros
///     initializer.forgetGate = .constant(1)
///     let parameters = try network.makeParameters(seed: 1, initializer: initializer)
///
/// Which matrices are recurrent is seen from the equations: those that multiply a state's value of the step before, as it
/// is or after functions and gates of each number, such as U in `U h` and `U (r * h)`. Matrices of inputs, and those of
/// what the step has computed, such as a projection, are the other ones.
///
/// Numbers that an `init` line of a cell's text gives hold, whatever `weights`, `recurrent` and `bias` are.
public struct Initializer: Sendable, Equatable {
  /// Matrices that are not recurrent.
  public var weights = Distribution.torch
  /// Recurrent matrices.
  public var recurrent = Distribution.torch
  /// Biases: vectors that are only added. One of those without fans: `torch`, `constant`, `uniform`, `normal`, `chrono`.
  /// Vectors that something is multiplied by, such as peepholes, are drawn as torch does.
  public var bias = Distribution.torch
  public var forgetGate = ForgetGate.asBias

  public init() {}

  /// What the bias of the gate that keeps a state starts with: of f of the LSTM, of z of the GRU; of a cell of equations,
  /// of a sigmoid that multiplies a state's value of the step before in the sum that is its next one.
  ///
  /// Where a gate has two biases, as torch's have, the first gets the number and the other one zeros.
  public enum ForgetGate: Sendable, Equatable {
    /// As any bias.
    case asBias
    /// The same for all units: 1 in Jozefowicz, Zaremba, Sutskever 2015, 5 or so for long sequences.
    case constant(Double)
    /// log U(1, longest - 1) for the gate's bias, and the same number negative for the bias of the gate of what is new,
    /// if there is one, as i of the LSTM (Tallec, Ollivier 2018, section 3). `longest` is the number of steps that
    /// dependencies span, 2 or more.
    case chrono(longest: Double)
  }

  /// - Throws: ``RNNError/invalidNumber(_:_:allowed:)``, ``RNNError/unsupported(_:)``
  func check() throws(RNNError) {
    try weights.check("weights_scale")
    try recurrent.check("recurrent_scale")
    try bias.check("bias_scale")
    guard bias.isForVectors else {
      throw .unsupported("a bias has no fans: it is torch's, constant, uniform or normal")
    }
    switch forgetGate {
    case .asBias: break
    case .constant(let value): try Distribution.constant(value).check("forget_value")
    case .chrono(let longest): try Distribution.chrono(longest: longest).check("forget_value")
    }
  }
}
