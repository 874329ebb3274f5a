import Kernels
import Reference
import SwiftRNN

/// A table of kernels to be tested.
struct TestedTable<Scalar: TestScalar> {
  var name: String
  var table: KernelTable<Scalar>
  /// Multiply-adds round once.
  var fused: Bool
}

extension TestScalar {
  /// Half the distance from 1 to the next number.
  static var unit: Double { Double(ulpOfOne) / 2 }

  /// The tables of this machine's instruction sets, and those of the lanes of AVX2 and AVX-512 compiled into this
  /// module.
  static var tables: [TestedTable<Self>] {
    InstructionSet.supported.map {
      // Without AVX2 there are no fused multiply-adds on x86-64; arm64 always has them.
      #if arch(x86_64)
        TestedTable(name: $0.rawValue, table: kernels(for: $0), fused: $0 != .baseline)
      #else
        TestedTable(name: $0.rawValue, table: kernels(for: $0), fused: true)
      #endif
    } + renamed.map { TestedTable(name: "\($0.lanes) lanes", table: $0, fused: true) }
  }

  /// `a * b + c` as the table does it.
  static func multiplyAdd(_ a: Self, _ b: Self, _ c: Self, fused: Bool) -> Self {
    fused ? c.addingProduct(a, b) : c + a * b
  }
}

/// A few rows in memory of their own, at different distances, filled with what nobody should touch.
final class TestRows<Scalar: TestScalar> {
  static var canary: Scalar { 77 }
  private let pointers: UnsafeMutablePointer<UnsafeMutablePointer<Scalar>>
  private let memory: UnsafeMutablePointer<Scalar>
  private let count: Int
  private let width: Int
  private let stride: Int
  /// Untouched numbers on either side of each row.
  private static var margin: Int { 19 }

  /// - Parameter width: elements of each row.
  init(_ count: Int, width: Int) {
    self.count = count
    self.width = width
    stride = width + 2 * Self.margin
    memory = .allocate(capacity: count * stride + 1)
    memory.initialize(repeating: Self.canary, count: count * stride + 1)
    pointers = .allocate(capacity: count + 1)
    // The last row first: nothing may rely on their order.
    for r in 0..<count { (pointers + r).initialize(to: memory + (count - 1 - r) * stride + Self.margin) }
  }

  /// Rows of random numbers.
  convenience init(_ count: Int, width: Int, _ random: inout SplitMix, _ range: ClosedRange<Double> = -1...1) {
    self.init(count, width: width)
    for r in 0..<count {
      for (j, number) in (random.numbers(width, range) as [Scalar]).enumerated() { self[r, j] = number }
    }
  }

  deinit {
    memory.deallocate()
    pointers.deallocate()
  }

  var out: UnsafePointer<UnsafeMutablePointer<Scalar>> { UnsafePointer(pointers) }
  var rows: UnsafePointer<UnsafePointer<Scalar>> {
    UnsafeRawPointer(pointers).assumingMemoryBound(to: UnsafePointer<Scalar>.self)
  }

  subscript(row: Int, column: Int) -> Scalar {
    get { pointers[row][column] }
    set { pointers[row][column] = newValue }
  }

  /// Whether nothing outside of the rows has been changed.
  var marginsAreWhole: Bool {
    (0..<count * stride + 1).allSatisfy { i in
      let inside = i < count * stride && (Self.margin..<Self.margin + width).contains(i % stride)
      return inside || memory[i].bits == Self.canary.bits
    }
  }
}
