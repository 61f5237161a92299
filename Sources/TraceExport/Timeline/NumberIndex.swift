/// Finds the place of an entry by the recording's number.
///
/// The recorder numbers from 1 upwards, so an array does; what a damaged file numbers otherwise goes
/// to a dictionary.
struct NumberIndex {
  private var dense: [Int32]
  private var sparse: [UInt32: Int32] = [:]

  /// Places of `numbers` in their order. Place 0 is left for all other numbers.
  init(_ numbers: [UInt32]) {
    dense = Array(repeating: 0, count: 2 * numbers.count + 64)
    for (place, number) in zip(1..., numbers.prefix(Int(Int32.max) - 1)) {
      if number < dense.count {
        dense[Int(number)] = Int32(place)
      } else {
        sparse[number] = Int32(place)
      }
    }
  }

  /// The place of a number; 0 for one that has none.
  @inline(__always)
  subscript(number: UInt32) -> Int {
    if number < dense.count { return Int(dense[Int(number)]) }
    return sparse.isEmpty ? 0 : Int(sparse[number] ?? 0)
  }
}
