// Lists without memory of their own: an array of what a pass does would be an allocation in every pass, and would end
// the process where there is no memory left.

/// At most `capacity` elements, in place.
struct ShortList<let capacity: Int, Element> {
  private var elements = InlineArray<capacity, Element?>(repeating: nil)
  private(set) var count = 0

  init() {}

  /// One element.
  init(_ element: Element) { append(element) }

  var indices: Range<Int> { 0..<count }

  /// To fewer than `capacity` elements: a full list drops what is added.
  mutating func append(_ element: Element) {
    assert(count < capacity)
    guard count < capacity else { return }
    elements[count] = element
    count += 1
  }

  subscript(index: Int) -> Element { elements[index].unsafelyUnwrapped }

  func contains(_ matches: (Element) -> Bool) -> Bool {
    for index in indices where matches(self[index]) { return true }
    return false
  }
}

/// A list in the workspace, of as many elements as that was laid out for. Its length is there, too: what one thread lists
/// the others find.
struct WorkspaceList<Element: BitwiseCopyable> {
  let capacity: Int
  private let length: UnsafeMutablePointer<Int>
  private let elements: UnsafeMutablePointer<Element>

  /// - Parameter length: room for a number.
  init(_ arena: inout Arena, capacity: Int, length: UnsafeMutablePointer<Int>) {
    (self.capacity, self.length) = (capacity, length)
    elements = arena.take(Element.self, capacity)
  }

  var count: Int { length.pointee }
  var indices: Range<Int> { 0..<count }

  func removeAll() { length.pointee = 0 }

  /// To fewer than `capacity` elements: a full list drops what is added.
  ///
  /// - Returns: the element's index.
  @discardableResult
  func append(_ element: Element) -> Int {
    let index = count
    assert(index < capacity)
    guard index < capacity else { return index }
    elements[index] = element
    length.pointee = index + 1
    return index
  }

  subscript(index: Int) -> Element { elements[index] }
}

/// One or two of something: the directions of a layer.
struct OneOrTwo<Element> {
  let first: Element
  let second: Element?

  init(_ first: Element, _ second: Element? = nil) {
    self.first = first
    self.second = second
  }

  /// What `make` gives for 0 and, if `count` is 2, for 1.
  @inline(__always)
  init(count: Int, _ make: (Int) -> Element) { self.init(make(0), count > 1 ? make(1) : nil) }

  @inline(__always) var count: Int { second == nil ? 1 : 2 }

  @inline(__always) subscript(index: Int) -> Element { index == 0 ? first : second.unsafelyUnwrapped }
}

extension OneOrTwo: BitwiseCopyable where Element: BitwiseCopyable {}
