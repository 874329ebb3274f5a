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
