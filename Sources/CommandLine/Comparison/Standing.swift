internal import TraceAnalysis

/// Where a figure stands for those who read of it, what matters most first.
enum Standing: CaseIterable {
  /// It fails the build.
  case failed
  /// It would, if it were not put up with for now.
  case waived
  /// It was worse in the first runs, and not in those that were to confirm that.
  case unconfirmed
  /// There is not enough to tell.
  case inconclusive
  /// It is worse, but the time has only another name.
  case moved
  /// It is worse, and only shown.
  case shown
  case new
  case gone
  case improved
  /// As before, or within its limit; or it cannot be told and would not matter.
  case same

  /// The word of tables; none stands there for `same`.
  var word: String {
    switch self {
    case .failed: "FAILED"
    case .waived: "waived"
    case .unconfirmed: "unconfirmed"
    case .inconclusive: "can't tell"
    case .moved: "moved"
    case .shown: "worse, shown"
    case .new: "new"
    case .gone: "gone"
    case .improved: "better"
    case .same: "as before"
    }
  }
}

extension GateResult {
  /// Where it stands.
  var standing: Standing {
    if fails { return .failed }
    if waiver != nil { return .waived }
    return switch verdict {
    case .regressed, .exceeded: gates ? .unconfirmed : .shown
    case .inconclusive: gates ? .inconclusive : .same
    case .moved: .moved
    case .new: .new
    case .gone: .gone
    case .improved: .improved
    case .same, .met: .same
    }
  }
}

extension Comparison {
  /// The figures that stand somewhere, in their order.
  func gates(_ standing: Standing) -> [GateResult] { gates.filter { $0.standing == standing } }

  /// What has a name among what was tested, counted: a lock has several figures.
  func subjects(_ kind: GateSubject.Kind, where isCounted: (GateResult) -> Bool = { _ in true })
    -> Int
  {
    Set(gates.filter { $0.subject.kind == kind && isCounted($0) }.map(\.subject.name)).count
  }
}
