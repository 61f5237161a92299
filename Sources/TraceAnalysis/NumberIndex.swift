/// Places of numbered things in an array: the numbers themselves where they are dense, as the
/// recorder hands them out, and a dictionary where a file has others.
struct NumberIndex {
  private let isDense: Bool
  private let places: [UInt32: Int]
  /// The things' numbers by place; the first stands for all that have no definition.
  let numbers: [UInt32]

  /// Places for these numbers, which are not 0.
  init(_ numbers: some Collection<UInt32>) {
    let sorted = [0] + numbers.filter { $0 != 0 }.sorted()
    self.numbers = sorted
    isDense = sorted.last.map(Int.init) == sorted.count - 1
    places =
      isDense
      ? [:]
      : Dictionary(
        sorted.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { first, _ in first }
      )
  }

  /// The place of a number; 0 when it has no definition.
  @inline(__always)
  func place(of number: UInt32) -> Int {
    if isDense { return Int(number) < numbers.count ? Int(number) : 0 }
    return places[number] ?? 0
  }
}
