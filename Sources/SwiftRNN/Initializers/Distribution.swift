// The distributions that parameters are drawn from.

extension Initializer {
  /// What a matrix or vector is drawn from. Fans are those of a gate: `in` columns, `out` rows of the block of a gate, H
  /// of them in stacked matrices. Keras counts all rows of a stacked matrix as `out`. Here the layout of the parameters
  /// makes no difference: a cell with a matrix for each gate starts as the one with stacked matrices does.
  public struct Distribution: Sendable, Equatable {
    /// The numbers of `swiftrnn_distribution`.
    enum Kind: Int32, Sendable {
      case torch = 0
      case constant, uniform, normal
      case glorotUniform, glorotNormal, heUniform, heNormal, lecunUniform, lecunNormal
      case orthogonal, identity
      case chrono
    }

    let kind: Kind
    /// The constant, half the width of a uniform distribution, a standard deviation, or what is multiplied by.
    let scale: Double
    /// Of a uniform distribution.
    var center = 0.0

    init(_ kind: Kind, _ scale: Double = 1) { (self.kind, self.scale) = (kind, scale) }

    /// A value of `swiftrnn_distribution`; nil: there is none.
    @_spi(Door) public init?(number: Int32, scale: Double) {
      guard let kind = Kind(rawValue: number), kind != .chrono else { return nil }
      self.init(kind, scale)
    }

    /// U(-1/sqrt(H), 1/sqrt(H)), H the hidden units of the layer: what torch's recurrent networks start with.
    public static let torch = Distribution(.torch)
    public static let zeros = Distribution.constant(0)
    public static func constant(_ value: Double) -> Distribution { Distribution(.constant, value) }
    /// U(-bound, bound)
    public static func uniform(bound: Double) -> Distribution { Distribution(.uniform, bound) }
    /// U(low, high)
    public static func uniform(low: Double, high: Double) -> Distribution {
      var distribution = Distribution(.uniform, 0.5 * high - 0.5 * low)
      distribution.center = 0.5 * low + 0.5 * high
      return distribution
    }
    /// N(0, deviation²). Not truncated, here and below, as torch's; Keras truncates at two standard deviations.
    public static func normal(deviation: Double) -> Distribution { Distribution(.normal, deviation) }
    /// U(-b, b), b = gain sqrt(6 / (in + out)) (Glorot, Bengio 2010, eq 16)
    public static func glorotUniform(gain: Double) -> Distribution { Distribution(.glorotUniform, gain) }
    public static let glorotUniform = Distribution(.glorotUniform)
    /// N(0, gain² 2 / (in + out)) (Glorot, Bengio 2010, eq 12)
    public static func glorotNormal(gain: Double) -> Distribution { Distribution(.glorotNormal, gain) }
    public static let glorotNormal = Distribution(.glorotNormal)
    /// U(-b, b), b = gain sqrt(6 / in): the variance of He, Zhang, Ren, Sun 2015, eq 10, for relu
    public static func heUniform(gain: Double) -> Distribution { Distribution(.heUniform, gain) }
    public static let heUniform = Distribution(.heUniform)
    /// N(0, gain² 2 / in) (He, Zhang, Ren, Sun 2015, eq 10)
    public static func heNormal(gain: Double) -> Distribution { Distribution(.heNormal, gain) }
    public static let heNormal = Distribution(.heNormal)
    /// U(-b, b), b = gain sqrt(3 / in) (LeCun, Bottou, Orr, Müller 1998, section 4.6)
    public static func lecunUniform(gain: Double) -> Distribution { Distribution(.lecunUniform, gain) }
    public static let lecunUniform = Distribution(.lecunUniform)
    /// N(0, gain² / in) (LeCun, Bottou, Orr, Müller 1998, eq 16)
    public static func lecunNormal(gain: Double) -> Distribution { Distribution(.lecunNormal, gain) }
    public static let lecunNormal = Distribution(.lecunNormal)
    /// `gain` times a random orthogonal matrix for each gate (Saxe, McClelland, Ganguli 2014); of one that is not square
    /// the shorter of rows and columns are orthogonal to each other. Takes some 1.5 H³ multiply-adds for a gate, on one
    /// thread: 0.6 s at H = 1024.
    public static func orthogonal(gain: Double) -> Distribution { Distribution(.orthogonal, gain) }
    public static let orthogonal = Distribution(.orthogonal)
    /// `scale` on the diagonal of each gate's block, else zeros (Le, Jaitly, Hinton 2015).
    public static func identity(scale: Double) -> Distribution { Distribution(.identity, scale) }
    public static let identity = Distribution(.identity)
    /// log U(1, longest - 1), for biases (Tallec, Ollivier 2018).
    public static func chrono(longest: Double) -> Distribution { Distribution(.chrono, longest) }

    /// Whether it is without fans and without a diagonal.
    var isForVectors: Bool {
      switch kind {
      case .torch, .constant, .uniform, .normal, .chrono: true
      default: false
      }
    }

    /// Float holds what is drawn with it.
    private static let largest = 1e30

    /// What `scale` may be; nil: it is that.
    var refusal: StaticString? {
      switch kind {
      case .torch: nil
      case .constant, .identity: scale.magnitude <= Self.largest ? nil : "in [-1e30, 1e30]"
      case .chrono: scale >= 2 && scale <= 1e15 ? nil : "in [2, 1e15]"
      default: scale >= 0 && scale + center.magnitude <= Self.largest ? nil : "in [0, 1e30]"
      }
    }

    func check(_ name: StaticString) throws(RNNError) {
      if let allowed = refusal { throw .invalidNumber(name, scale, allowed: allowed) }
    }

    /// The same for a block of known fans, as one that has none: constant, uniform, normal, orthogonal, identity, chrono.
    func resolved(in inputs: Int, out outputs: Int, hidden: Int) -> Distribution {
      let (inputs, both) = (Double(inputs), Double(inputs) + Double(outputs))
      func scaled(_ kind: Kind, _ variance: Double) -> Distribution {
        Distribution(kind, scale * variance.squareRoot())
      }
      return switch kind {
      case .torch: Distribution(.uniform, 1 / Double(hidden).squareRoot())
      case .glorotUniform: scaled(.uniform, 6 / both)
      case .glorotNormal: scaled(.normal, 2 / both)
      case .heUniform: scaled(.uniform, 6 / inputs)
      case .heNormal: scaled(.normal, 2 / inputs)
      case .lecunUniform: scaled(.uniform, 3 / inputs)
      case .lecunNormal: scaled(.normal, 1 / inputs)
      default: self
      }
    }
  }
}
