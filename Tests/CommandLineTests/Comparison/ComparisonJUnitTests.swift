import Foundation
import FoundationXML
import TestSupport
import Testing
import TraceAnalysis

/// The JUnit report of `ctrace diff`, checked by the rules of what reads such reports.
@Suite struct ComparisonJUnitTests {
  /// What is in a report, and where it breaks the rules of Jenkins' `junit-10.xsd`, which others share: which
  /// element may stand in which, and which attributes it may and must have.
  private final class Report: NSObject, XMLParserDelegate {
    static let parents = [
      "testsuites": "", "testsuite": "testsuites", "testcase": "testsuite",
      "failure": "testcase", "error": "testcase", "skipped": "testcase",
    ]
    static let counts: Set<String> = ["name", "tests", "failures", "errors"]
    static let attributes: [String: (must: Set<String>, may: Set<String>)] = [
      "testsuites": ([], counts.union(["time"])),
      "testsuite": (counts, counts.union(["skipped", "time", "timestamp", "hostname"])),
      "testcase": (["name", "classname"], ["name", "classname", "time", "group"]),
      "failure": ([], ["type", "message"]), "error": ([], ["type", "message"]),
      "skipped": ([], ["type", "message"]),
    ]

    var broken: [String] = []
    var cases: [String: (outcome: String, message: String)] = [:]
    var suite: [String: String] = [:]
    private var path = [""]
    private var name = ""

    init(_ text: String) {
      super.init()
      let parser = XMLParser(data: Data(text.utf8))
      parser.delegate = self
      if !parser.parse() { broken.append("\(String(describing: parser.parserError))") }
      func count(_ outcome: String) -> String { "\(cases.values.count { $0.outcome == outcome })" }
      for (attribute, count) in [
        ("tests", "\(cases.count)"), ("failures", count("failure")), ("errors", count("error")),
        ("skipped", count("skipped")),
      ] where suite[attribute] != count {
        broken.append("\(attribute) is \(suite[attribute] ?? "missing"), not \(count)")
      }
    }

    func parser(
      _ parser: XMLParser, didStartElement element: String, namespaceURI: String?,
      qualifiedName: String?, attributes: [String: String]
    ) {
      let names = Set(attributes.keys)
      if Report.parents[element] != path.last { broken.append("\(element) in \(path)") }
      if let rule = Report.attributes[element],
        !rule.must.isSubset(of: names) || !names.isSubset(of: rule.may)
      {
        broken.append("\(element) with \(names.sorted())")
      }
      path.append(element)
      switch element {
      case "testsuite": suite = attributes
      case "testcase":
        name = "\(attributes["classname"] ?? "") \(attributes["name"] ?? "")"
        if cases.updateValue(("", ""), forKey: name) != nil { broken.append("\(name) twice") }
      case "testsuites": break
      default: cases[name] = (element, attributes["message"] ?? "")
      }
    }

    func parser(
      _ parser: XMLParser, didEndElement element: String, namespaceURI: String?,
      qualifiedName: String?
    ) { path.removeLast() }
  }

  @Test func `Each figure that can fail is a test case`() throws {
    let report = Report(try ComparedRuns.twiceAsLong().diff(as: "junit"))
    #expect(report.broken.isEmpty)
    #expect(
      report.cases.keys.sorted() == [
        "ctrace the runs can be judged", "ctrace.all-locks all locks together: utilisation",
        "ctrace.all-locks all locks together: wait in all", "ctrace.lock held_mu: hold, each",
        "ctrace.lock held_mu: utilisation", "ctrace.lock other_mu: hold, each",
        "ctrace.lock other_mu: utilisation", "ctrace.lock same_mu: hold, each",
        "ctrace.lock same_mu: utilisation", "ctrace.lock waited_mu: hold, each",
        "ctrace.lock waited_mu: utilisation", "ctrace.lock waited_mu: wait, each",
      ])
    let failed = try #require(report.cases["ctrace.lock held_mu: hold, each"])
    #expect(failed == ("failure", ComparedRuns.sentence))
    #expect(report.cases.values.count { $0.outcome.isEmpty } == 11)
  }

  @Test func `What can't be told is skipped, and recordings that can't be judged are an error`()
    throws
  {
    let few = Report(try ComparedRuns.twiceAsLong(runs: 3).diff(as: "junit"))
    #expect(few.broken.isEmpty && few.cases.count == 12)
    #expect(few.cases.values.allSatisfy { $0.outcome == "skipped" })

    let lost = try ComparedRuns(
      change: { run, _ in run.lost = 5000 }, { _ in [.held("mu", 20_000)] })
    let lossy = Report(try lost.diff(as: "junit"))
    #expect(lossy.broken.isEmpty)
    #expect(lossy.cases["ctrace the runs can be judged"]?.outcome == "error")
  }

  @Test func `No name breaks the document`() throws {
    let bad = (0...0x20).compactMap { Unicode.Scalar($0) }.map { String($0) }.joined()
    let runs = try ComparedRuns { isHead in
      [ComparedRuns.hostileName, bad + "\u{fffe}\u{ffff}\u{1fffe}\u{85}\u{2028}", "]]>", ""].map {
        .held($0, isHead ? 20_400 : 10_200)
      }
    }
    let text = try runs.diff(as: "junit")
    let report = Report(text)
    #expect(report.broken.isEmpty)
    #expect(
      report.cases.keys.contains { $0.contains("<img src=x onerror=alert(1)>&amp;\\u{a}::error") })
    // Two figures of each lock, that of all, and whether there is anything to judge.
    #expect(report.cases.count == 10)
    guard Machine.has("xmllint") else { return }
    let file = try runs.folder.write(text.utf8, to: "report.xml")
    let lint = try Program.run("xmllint", "--noout", file)
    #expect(lint.status == 0, "\(lint.errors)")
  }

  @Test func `Locks that only their kind tells apart are two test cases`() throws {
    let runs = try ComparedRuns { isHead in
      ["mutex", "rwlock"].map { kind in
        var lock = LockFigures.held("mu", isHead ? 20_400 : 10_200)
        lock.kind = kind
        return lock
      }
    }
    let report = Report(try runs.diff(as: "junit"))
    #expect(report.broken.isEmpty)
    #expect(report.cases["ctrace.lock mu: hold, each (2)"]?.outcome == "failure")
  }
}
