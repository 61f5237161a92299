// How numbers and names stand in texts.

/// `1,234,567`
func grouped(_ number: UInt64) -> String {
  var text = ""
  for (place, digit) in String(number).reversed().enumerated() {
    if place > 0 && place % 3 == 0 { text = "," + text }
    text = "\(digit)" + text
  }
  return text
}

/// `1 lock`, `2,000 locks`
func counted(_ count: Int, _ noun: String) -> String {
  "\(grouped(UInt64(max(count, 0)))) \(noun)\(count == 1 ? "" : "s")"
}

/// `4.1`
func tenths(_ number: Double) -> String {
  let tenths = bounded((number * 10).rounded())
  return "\(tenths < 0 ? "-" : "")\(abs(tenths) / 10).\(abs(tenths) % 10)"
}

/// A number as an integer, or the one next to it: what a damaged recording says may be too much for one.
func bounded(_ number: Double) -> Int { Int(min(max(number, -9e18), 9e18)) }

/// A word of a command, as a shell wants it.
func quoted(_ text: String) -> String {
  let isPlain = text.utf8.allSatisfy { byte in
    (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
      || "_-./:,+@%".utf8.contains(byte)
  }
  if isPlain, !text.isEmpty, !text.hasPrefix("-") { return text }
  return "'" + text.escaped { $0 == "'" ? "'\\''" : nil } + "'"
}
