// Handles: the objects behind the opaque pointers of the header. A handle holds one reference.
import CSwiftRNN
@_spi(Door) import SwiftRNN

/// One of the two types of numbers.
enum Either<Single, Double> {
  case float(Single)
  case double(Double)
}

extension Either: Sendable where Single: Sendable, Double: Sendable {}

final class NetworkHandle: Sendable {
  let network: Either<Network<Float>, Network<Double>>
  init(_ network: Either<Network<Float>, Network<Double>>) { self.network = network }

  var configuration: NetworkConfiguration {
    switch network {
    case .float(let network): network.configuration
    case .double(let network): network.configuration
    }
  }

  /// Inputs beside x, and states: names and widths.
  var inputs: [(name: String, width: Int)] {
    switch network {
    case .float(let network): network.inputs
    case .double(let network): network.inputs
    }
  }

  var states: [(name: String, width: Int)] {
    switch network {
    case .float(let network): network.states
    case .double(let network): network.states
    }
  }

  func spareBytes(isStream: Bool = false) -> Int {
    switch network {
    case .float(let network): network.spareBytes(isStream: isStream)
    case .double(let network): network.spareBytes(isStream: isStream)
    }
  }

  var parameterCount: Int {
    switch network {
    case .float(let network): network.parameterCount
    case .double(let network): network.parameterCount
    }
  }
}

final class WeightsHandle: Sendable {
  let weights: Either<PackedWeights<Float>, PackedWeights<Double>>
  init(_ weights: Either<PackedWeights<Float>, PackedWeights<Double>>) { self.weights = weights }
}

final class StreamHandle: Sendable {
  let stream: Either<Stream<Float>, Stream<Double>>
  /// The same object, for a step, which must not count references: that takes as long as a small product.
  let uncounted: Either<Unmanaged<Stream<Float>>, Unmanaged<Stream<Double>>>

  init(_ stream: Either<Stream<Float>, Stream<Double>>) {
    self.stream = stream
    uncounted =
      switch stream {
      case .float(let stream): .float(.passUnretained(stream))
      case .double(let stream): .double(.passUnretained(stream))
      }
  }
}

enum Handle {
  /// A new reference for the caller to give back.
  static func make<Object: AnyObject>(_ object: Object) -> OpaquePointer {
    OpaquePointer(Unmanaged.passRetained(object).toOpaque())
  }

  static func object<Object: AnyObject>(
    _: Object.Type, _ pointer: OpaquePointer?, _ name: StaticString
  ) throws(RNNError) -> Object {
    guard let pointer else { throw .nullPointer(name) }
    return Unmanaged<Object>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
  }

  /// The object without counting a reference: the caller holds one, and keeps it until the call is over.
  static func uncounted<Object: AnyObject>(
    _: Object.Type, _ pointer: OpaquePointer?, _ name: StaticString
  ) throws(RNNError) -> Unmanaged<Object> {
    guard let pointer else { throw .nullPointer(name) }
    return Unmanaged<Object>.fromOpaque(UnsafeRawPointer(pointer))
  }

  static func release<Object: AnyObject>(_: Object.Type, _ pointer: OpaquePointer?) {
    guard let pointer else { return }
    Unmanaged<Object>.fromOpaque(UnsafeRawPointer(pointer)).release()
  }

  static func network(_ pointer: OpaquePointer?) throws(RNNError) -> NetworkHandle {
    try object(NetworkHandle.self, pointer, "network")
  }
}

extension Unmanaged {
  /// Runs `body` with the object, whose reference somebody else holds.
  @inline(__always)
  func with(_ body: (Instance) throws(RNNError) -> Void) throws(RNNError) {
    var refusal: RNNError?
    _withUnsafeGuaranteedRef { object in
      do throws(RNNError) { try body(object) } catch { refusal = error }
    }
    if let refusal { throw refusal }
  }
}

/// Where a result goes.
func output<Value>(_ pointer: UnsafeMutablePointer<Value>?, _ name: StaticString) throws(RNNError)
  -> UnsafeMutablePointer<Value>
{
  guard let pointer else { throw .nullPointer(name) }
  try Argument.alignment(name, UnsafeRawPointer(pointer), of: Value.self)
  return pointer
}
