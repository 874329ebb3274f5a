// The statistics of `batch_norm` in training: mean and variance over all steps of all sequences of a call (Ioffe, Szegedy
// 2015; over time too: Laurent 2016), in the place of the running ones.
//
// A network of what is normalised runs over all rows before the layer does, whose network for training reads it; and
// backward behind the layer's backward pass. With n = (v - m) r, r = 1 / sqrt(s + eps) over M rows:
//
//     dv = r dn + dm / M + ds 2 (v - m) / M
//
// The layer's own backward pass gives the first term, as the gradient of an input, and dm and ds as if m and s were
// parameters.
import Kernels

/// One call of `batch_norm` in a layer.
struct LayerStatistic<Scalar: RNNScalar>: Sendable {
  /// Its output is what is normalised.
  let network: Network<Scalar>
  /// The running mean and variance among the parameters of a direction.
  let mean: Int
  let variance: Int
  /// Of one direction.
  let width: Int
  /// Its output's number among the inputs that the layer's network for training has behind those of the cell, whose
  /// gradient is the first term above; nil: that goes another way (``CellStatistic/input``).
  let input: Int?

  /// A layer's network as it trains: with inputs for what is normalised.
  static func training(of network: Network<Scalar>) throws(RNNError) -> Network<Scalar> {
    guard let equations = network.equations, let cell = equations.cell.training else { return network }
    do throws(CellError) {
      let own = try Equations(cell, of: equations, lanes: network.kernels.lanes)
      var c = network.configuration
      c.equationsFingerprint = c.equationsFingerprint ^ 1 << 62
      return try made(c, network.kernels, own)
    } catch {
      throw .cell(error)
    }
  }

  /// Those of a layer's network.
  static func all(of network: Network<Scalar>) throws(RNNError) -> [LayerStatistic] {
    guard let equations = network.equations else { return [] }
    var found: [LayerStatistic] = []
    for (number, statistic) in equations.cell.statistics.enumerated() {
      do throws(CellError) {
        let own = try Equations(statistic.cell, of: equations, lanes: network.kernels.lanes)
        var c = network.configuration
        c.equationsWidth = own.first.outputWidth
        c.equationsFingerprint = c.equationsFingerprint &+ UInt64(number &+ 1) | 1 << 63
        found.append(
          LayerStatistic(
            network: try made(c, network.kernels, own), mean: statistic.mean, variance: statistic.variance,
            width: own.first.outputWidth, input: statistic.input))
      } catch {
        throw .cell(error)
      }
    }
    return found
  }

  private static func made(
    _ c: NetworkConfiguration, _ kernels: KernelTable<Scalar>, _ equations: Equations<Scalar>
  ) throws(CellError) -> Network<Scalar> {
    do throws(RNNError) {
      return try Network(c, kernels: kernels, equations: equations, isInterpreted: true)
    } catch {
      throw equations.cell.graph.nodes[equations.cell.graph.output].place.error("\(error)")
    }
  }
}

/// Sums over the valid rows of a pass, unit by unit in the order of steps and sequences: the same bits for any threads.
extension StackRows {
  /// How many there are.
  var count: Int {
    guard let lengths else { return steps &* sequences }
    return (0..<sequences).reduce(0) { $0 &+ Int(lengths[$1]) }
  }

  /// The mean and the variance, over all rows, of `width` columns. Sums are of distances from the first row: the mean of
  /// equal numbers is that number.
  @inline(never)
  func moments<Scalar: RNNScalar>(
    _ values: Rows<Scalar>, _ width: Int, mean: UnsafeMutablePointer<Scalar>, variance: UnsafeMutablePointer<Scalar>
  ) {
    let share = 1 / Scalar(max(count, 1))
    var first: UnsafePointer<Scalar>?
    each { s, n in if first == nil { first = UnsafePointer(values[s, n]) } }
    let start = first
    runTeam(min(threads, max(1, width / 16))) { member in
      let parts = member.members
      member.share(parts) { some in
        for part in some {
          let columns = Split.range(width, part, parts)
          for i in columns { (mean[i], variance[i]) = (0, 0) }
          each { s, n in
            let row = values[s, n]
            if let start {
              for i in columns { mean[i] += row[i] - start[i] }
            }
          }
          for i in columns { mean[i] = mean[i] * share + (start?[i] ?? 0) }
          each { s, n in
            let row = values[s, n]
            for i in columns { variance[i] += (row[i] - mean[i]) * (row[i] - mean[i]) }
          }
          for i in columns { variance[i] *= share }
          for i in columns where !(variance[i] < .infinity) {
            (mean[i], variance[i]) = shrunkMoments(values, i, share)
          }
        }
      }
    }
  }

  /// Mean and variance of a column whose sums overflow, from the column times a small power of two: infinite only where
  /// the type does not hold the variance itself.
  @inline(never)
  private func shrunkMoments<Scalar: RNNScalar>(
    _ values: Rows<Scalar>, _ column: Int, _ share: Scalar
  ) -> (mean: Scalar, variance: Scalar) {
    let shrink = Scalar(MemoryLayout<Scalar>.size == 4 ? 0x1p-100 : 0x1p-600)
    var (mean, variance): (Scalar, Scalar) = (0, 0)
    each { s, n in mean += values[s, n][column] * shrink }
    mean *= share
    each { s, n in
      let deviation = values[s, n][column] * shrink - mean
      variance += deviation * deviation
    }
    return (mean / shrink, variance * share / shrink / shrink)
  }

  @inline(__always)
  private func each(_ body: (_ s: Int, _ n: Int) -> Void) {
    for s in 0..<steps {
      for n in 0..<sequences where s < length(n) { body(s, n) }
    }
  }
}
