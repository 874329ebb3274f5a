import CPrimitives
import Kernels
import Reference
import SwiftRNN
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The elementary kernels over arrays of every length: what is in a lane does not depend on the others, and nothing
/// outside the array is touched.
@Suite struct ElementaryShapeTests {
  static let sizes: [Int] = {
    let aroundVectors: [Int] = [2, 4, 8, 16].flatMap { (w: Int) -> [Int] in [0, 1, w - 1, w, w + 1, 2 * w + 3] }
    return Set(aroundVectors + [3, 5, 7, 11, 13, 29, 31, 97, 1009]).sorted()
  }()

  @Test(arguments: InstructionSet.supported)
  func sizes(_ set: InstructionSet) {
    checkSizes(Float.kernels(for: set).elementary)
    checkSizes(Double.kernels(for: set).elementary)
  }

  @Test func sizesOfWideLanes() {
    checkSizes(Float.wide)
    checkSizes(Double.wide)
  }

  func checkSizes<Scalar: TestScalar>(_ kernels: ElementaryKernels<Scalar>) {
    var random = SplitMix(7)
    let x: [Scalar] = random.numbers(1100, -12...12)
    for function in ElementaryFunction.allCases {
      let map = kernels[function]
      // One element at a time, all in the first lane.
      let alone = x.map { results(map, [$0])[0].bits }
      for size in Self.sizes {
        for offset in [0, 1, 3] {
          var out = [Scalar](repeating: 77, count: offset + size + 40)
          var inPlace = out
          for i in 0..<size { inPlace[offset + i] = x[i] }
          let before = swiftrnn_float_control_enter()
          x.withUnsafeBufferPointer { x in
            out.withUnsafeMutableBufferPointer { out in
              if let x = x.baseAddress, let out = out.baseAddress { map(x, out + offset, size) }
            }
          }
          inPlace.withUnsafeMutableBufferPointer { both in
            if let both = both.baseAddress { map(both + offset, both + offset, size) }
          }
          swiftrnn_float_control_leave(before)
          let outside = [Scalar](repeating: 77, count: 40).map(\.bits)
          let expected = outside[..<offset] + alone[..<size] + outside
          #expect(out.map { $0.bits } == Array(expected), "\(function), \(size)")
          #expect(inPlace.map { $0.bits } == Array(expected), "\(function) in place, \(size)")
        }
      }
    }
  }

  /// Arrays that end, or begin, where the memory does: reading or writing one byte too many ends the process.
  @Test(arguments: InstructionSet.supported)
  func touchesNothingOutside(_ set: InstructionSet) throws {
    try checkOutside(Float.kernels(for: set).elementary)
    try checkOutside(Double.kernels(for: set).elementary)
  }

  func checkOutside<Scalar: TestScalar>(_ kernels: ElementaryKernels<Scalar>) throws {
    let source = try #require(IsolatedPage(), "mmap")
    let target = try #require(IsolatedPage(), "mmap")
    let size = MemoryLayout<Scalar>.size
    for count in 0...67 {
      for atEnd in [false, true] {
        let shift = atEnd ? IsolatedPage.size - count * size : 0
        let x = (source.start + shift).assumingMemoryBound(to: Scalar.self)
        let out = (target.start + shift).assumingMemoryBound(to: Scalar.self)
        for i in 0..<count { x[i] = Scalar(i) - 30 }
        for function in ElementaryFunction.allCases {
          for i in 0..<count { out[i] = 77 }
          kernels[function](x, out, count)
          #expect((0..<count).allSatisfy { out[$0] != 77 }, "\(function), \(count)")
        }
      }
    }
  }
}

/// A page of memory between two that may not be touched.
final class IsolatedPage {
  static let size = Int(sysconf(Int32(_SC_PAGESIZE)))
  private let mapping: UnsafeMutableRawPointer
  var start: UnsafeMutableRawPointer { mapping + Self.size }

  init?() {
    guard let mapping = mmap(nil, 3 * Self.size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), mapping != MAP_FAILED,
      mprotect(mapping + Self.size, Self.size, PROT_READ | PROT_WRITE) == 0
    else { return nil }
    self.mapping = mapping
  }

  deinit { munmap(mapping, 3 * Self.size) }
}
