internal import TraceAnalysis

extension Comparison {
  /// Sentences on what could not be compared that anybody reads.
  private static let mostNotes = 20

  /// The same with texts that can be shown: see ``String/printable``. None is longer than anybody reads.
  var printable: Comparison {
    var comparison = self
    comparison.base = base.map(\.printable)
    comparison.head = head.printable
    comparison.failure = failure.map { failure in
      var failure = failure
      failure.command = failure.command.shown
      failure.output = failure.output.suffix(Comparison.mostNotes).map(\.shown)
      return failure
    }
    for index in gates.indices {
      comparison.gates[index].subject.name = gates[index].subject.name.shown
      if let place = gates[index].subject.place {
        comparison.gates[index].subject.place = SourcePlace(
          function: place.function.shown, file: place.file.shown, line: place.line)
      }
      comparison.gates[index].waiver?.reason = gates[index].waiver?.reason.shown ?? ""
      comparison.gates[index].waiver?.until = gates[index].waiver?.until.shown ?? ""
    }
    comparison.notes = notes.prefix(Comparison.mostNotes).map(\.shown)
    if notes.count > Comparison.mostNotes {
      comparison.notes.append("and \(notes.count - Comparison.mostNotes) more notes")
    }
    return comparison
  }
}

extension SideSummary {
  fileprivate var printable: SideSummary {
    var side = self
    side.program = program.prefix(50).map(\.shown)
    side.machine.host = machine.host.shown
    side.machine.recorder = machine.recorder.shown
    return side
  }
}

extension String {
  /// Letters of a name at most.
  private static let mostShown = 300

  /// Printable, and without the middle where it is longer than anybody reads.
  var shown: String {
    guard utf8.count > String.mostShown else { return printable }
    let scalars = unicodeScalars
    guard scalars.count > String.mostShown else { return printable }
    let half = String.mostShown / 2
    return
      (String(String.UnicodeScalarView(scalars.prefix(half))) + ".."
      + String(String.UnicodeScalarView(scalars.suffix(half)))).printable
  }
}
