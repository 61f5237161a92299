/// How much more may be read of a file whose parts refer to one another.
///
/// In a sound file nothing that is read once is referred to twice, so all of it together is no more
/// than the file is long. Without a limit a hostile one could have everything refer to its longest
/// part, and reading it would take the square of its length.
struct Allowance {
  private var remaining: UInt64

  init(_ amount: UInt64) { remaining = amount }

  /// Takes some of what is left; false where there is not as much.
  mutating func spend(_ amount: UInt64 = 1) -> Bool {
    guard amount <= remaining else { return false }
    remaining -= amount
    return true
  }
}
