internal import TraceAnalysis

/// A comparison as a JUnit report, which nearly everything that runs builds can show: a test case for each
/// figure that can fail, and one for whether the runs can be judged at all.
///
/// There is no standard: this is what Jenkins accepts (`junit-10.xsd` of its xUnit plugin), and GitLab too.
struct ComparisonJUnit {
  let words: ComparisonWords

  init(_ comparison: Comparison) { words = ComparisonWords(comparison) }

  /// What came of a test case.
  private enum Outcome {
    case passed
    case failed(String)
    case skipped(String)
    case error(String)
  }

  /// The document.
  var text: String {
    let comparison = words.comparison
    var cases: [(group: String, name: String, outcome: Outcome, remark: String)] = [
      ("ctrace", "the runs can be judged", ability, "")
    ]
    // Two locks of one name are told apart by what they are only in runs.
    var times: [String: Int] = [:]
    for gate in comparison.gates where gate.gates {
      var name = "\(words.name(gate)): \(words.label(gate))"
      if gate.tier == .budget { name += ", limit" }
      let group = "ctrace.\(gate.subject.kind.rawValue)"
      let time = times[group + name, default: 0] + 1
      times[group + name] = time
      if time > 1 { name += " (\(time))" }
      let place = words.place(gate)
      cases.append((group, name, outcome(gate), place.isEmpty ? "" : "at \(place)"))
    }
    func count(_ isCounted: (Outcome) -> Bool) -> Int { cases.count { isCounted($0.outcome) } }
    let failures = count { if case .failed = $0 { true } else { false } }
    let errors = count { if case .error = $0 { true } else { false } }
    let skipped = count { if case .skipped = $0 { true } else { false } }
    let counts = "tests=\"\(cases.count)\" failures=\"\(failures)\" errors=\"\(errors)\""
    var lines = [
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "<testsuites name=\"ctrace\" \(counts)>",
      "  <testsuite name=\"ctrace\" \(counts) skipped=\"\(skipped)\">",
    ]
    for (group, name, outcome, remark) in cases {
      let start = "    <testcase classname=\"\(escaped(group))\" name=\"\(escaped(name))\""
      func element(_ kind: String, _ message: String) -> String {
        let text = [message, remark].filter { !$0.isEmpty }.joined(separator: "\n")
        return
          "\(start)>\n      <\(kind) message=\"\(escaped(message))\">\(escaped(text))</\(kind)>\n"
          + "    </testcase>"
      }
      switch outcome {
      case .passed: lines.append("\(start)/>")
      case .failed(let message): lines.append(element("failure", message))
      case .skipped(let message): lines.append(element("skipped", message))
      case .error(let message): lines.append(element("error", message))
      }
    }
    lines += ["  </testsuite>", "</testsuites>"]
    return lines.joined(separator: "\n") + "\n"
  }

  private var ability: Outcome {
    switch words.comparison.verdict {
    case .programFailed, .lossy: .error(words.sentence)
    case .inconclusive: .skipped(words.sentence)
    case .pass, .regression: .passed
    }
  }

  private func outcome(_ gate: GateResult) -> Outcome {
    switch gate.standing {
    case .failed: .failed(words.sentence(of: gate))
    case .waived, .unconfirmed, .inconclusive: .skipped(words.sentence(of: gate))
    default: .passed
    }
  }

  /// As XML 1.0 wants it, which has no way to write most control characters and a few others: these stand as
  /// `\u{…}`.
  private func escaped(_ text: String) -> String {
    text.escaped { scalar in
      switch scalar.value {
      case 0x26: "&amp;"
      case 0x3c: "&lt;"
      case 0x3e: "&gt;"
      case 0x22: "&quot;"
      // In an attribute it would become a blank.
      case 0x0a: "&#10;"
      case 0x20..<0xd800, 0xe000..<0xfffe, 0x10000...0x10ffff: nil
      default: "\\u{\(String(scalar.value, radix: 16))}"
      }
    }
  }
}
