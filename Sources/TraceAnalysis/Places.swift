internal import TraceModel

/// The places of numbers in the order in which they came: mostly there are a few, which are looked
/// through, and seldom so many that they are better looked up.
struct Places<Number: RecordingNumber> {
  private static var mostLookedThrough: Int { 8 }

  private var first: [UInt32] = []
  private var others: [UInt32: Int] = [:]

  /// The place of a number; that behind the last one if it is new.
  @inline(__always)
  mutating func place(of number: Number) -> Int {
    let number = number.rawValue
    for place in first.indices where first[place] == number { return place }
    return placeAmongOthers(number)
  }

  /// The place of a number; nil where it has none.
  func known(_ number: Number) -> Int? {
    first.firstIndex(of: number.rawValue) ?? others[number.rawValue]
  }

  private mutating func placeAmongOthers(_ number: UInt32) -> Int {
    if first.count < Places.mostLookedThrough {
      first.append(number)
      return first.count - 1
    }
    if let place = others[number] { return place }
    let place = first.count + others.count
    others[number] = place
    return place
  }
}
