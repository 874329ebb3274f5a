// Classes from the most likely down, as far as they are asked for.

/// A heap of the classes of one row: the largest key first, the lower index first among equals.
///
/// A heap and not a sort: the first k of n cost n + k log n, and no memory beyond the caller's.
struct LikelihoodOrder {
  struct Entry: BitwiseCopyable {
    var key: Int
    var index: Int
  }

  /// `0 ..< remaining` is the heap; what was taken lies behind it, the first at the very end.
  private let entries: UnsafeMutablePointer<Entry>
  private let count: Int
  private(set) var remaining: Int

  /// - Parameter entries: `count` of them, in any order; rearranged.
  init(_ entries: UnsafeMutablePointer<Entry>, count: Int) {
    self.entries = entries
    self.count = count
    remaining = count
    for parent in stride(from: count / 2 - 1, through: 0, by: -1) { sift(down: parent) }
  }

  var taken: Int { count - remaining }

  /// The class that was taken as number `rank`.
  func taken(_ rank: Int) -> Int { entries[count - 1 - rank].index }

  /// A class that has not been taken, `i` in `0 ..< remaining`, in no order.
  func untaken(_ i: Int) -> Int { entries[i].index }

  /// Takes the most likely class of those that remain; there is one.
  mutating func take() {
    remaining -= 1
    let top = entries[0]
    entries[0] = entries[remaining]
    entries[remaining] = top
    sift(down: 0)
  }

  private func precedes(_ a: Entry, _ b: Entry) -> Bool { a.key > b.key || (a.key == b.key && a.index < b.index) }

  private func sift(down start: Int) {
    let entry = entries[start]
    var hole = start
    while true {
      var child = 2 * hole + 1
      guard child < remaining else { break }
      if child + 1 < remaining, precedes(entries[child + 1], entries[child]) { child += 1 }
      guard precedes(entries[child], entry) else { break }
      entries[hole] = entries[child]
      hole = child
    }
    if start < remaining { entries[hole] = entry }
  }
}
