internal import ArgumentParser

/// A number of bytes as users write it: `500M`, `2G`, `65536`.
struct ByteCount: ExpressibleByArgument {
  var bytes: UInt64

  init?(argument: String) {
    guard let (number, unit) = split(argument) else { return nil }
    let (kilo, mega, giga) = (1024.0, 1_048_576.0, 1_073_741_824.0)
    let factors = [
      "": 1, "B": 1, "K": kilo, "KB": kilo, "KIB": kilo, "M": mega, "MB": mega, "MIB": mega,
      "G": giga, "GB": giga, "GIB": giga,
    ]
    guard let factor = factors[unit.uppercased()], number * factor >= 1, number * factor < 1e18
    else { return nil }
    bytes = UInt64(number * factor)
  }
}

/// A span of time as users write it: `10`, `1.5s`, `300ms`, `2us`, `5m`. Without a unit, seconds.
struct TimeSpan: ExpressibleByArgument {
  var nanoseconds: UInt64

  var defaultValueDescription: String {
    nanoseconds % 1000 == 0 ? "\(nanoseconds / 1000)us" : "\(nanoseconds)ns"
  }

  init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

  init?(argument: String) {
    guard let (number, unit) = split(argument) else { return nil }
    let factors: [String: Double] = [
      "": 1e9, "s": 1e9, "ms": 1e6, "us": 1e3, "ns": 1, "m": 60e9, "h": 3600e9,
    ]
    guard let factor = factors[unit], number * factor < 9e18 else { return nil }
    nanoseconds = UInt64(number * factor)
  }
}

/// A number of at least 0 and the unit behind it.
private func split(_ text: String) -> (Double, String)? {
  let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
  guard let number = Double(digits), number.isFinite else { return nil }
  return (number, String(text.dropFirst(digits.count)))
}
