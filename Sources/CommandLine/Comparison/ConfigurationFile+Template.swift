internal import Glibc
internal import SystemPackage

extension ConfigurationFile {
  /// Writes a file to begin with, where there is none.
  static func create() throws {
    do {
      let file = try FileDescriptor.open(
        FilePath(name), .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec],
        permissions: FilePermissions(rawValue: 0o644))
      try file.closeAfter { _ = try file.writeAll(template.utf8) }
    } catch let error as Errno {
      throw Failure(
        message: error == .fileExists
          ? "\(name) is there already and stays as it is; take it away first"
          : "\(name) cannot be written: \(error)")
    }
    Terminal.write(
      "ctrace: \(name) is written; change it as you like, then: ctrace ci -- ./prog\n",
      to: .standardError)
  }

  /// All keys, with what holds without them.
  static let template = """
    # What 'ctrace ci' and 'ctrace diff' go by. All of it may be left away: what stands behind a
    # single # holds anyway. Times have units (500us, 5ms), shares are 0.6 or 60%.

    gate:
      #runs: 10             # of each side, where runs are compared; otherwise 1
      #alpha: 0.05          # the chance to fail for nothing, over all that is tested
      #min_ratio: 1.25      # a difference is more than this factor
      #min_abs: 500us       # and makes at least this much in a run
      #max_lost: 0.1%       # of its events that a recording may lose
      #facts: [deadlock, lock-order, left-locked]     # these fail wherever they are found
      #confirm: true        # what fails is run again, and fails only if it does twice
      #inconclusive: warn   # too few runs, or no baseline: pass, warn or fail
      #expect_exit: 0       # the exit status of the program that is right

    # Limits. They need nothing to compare with; none holds unless it stands here.
    budget:
      utilisation: 90%      # the part of a run during which any lock is held
      ## wait: 500us          # for each time that a lock is acquired
      ## queue_depth: 1000    # 99 % of the time no queue is deeper
      ## queue_full: 10%      # of a run in which a queue is full
      ## gil_utilisation: 95% # the part of a run in which Python's interpreter is busy
      ## gil_hold: 50ms       # the longest that a thread keeps it from another
      ## loop_lag: 20ms       # 99 in 100 things that an event loop runs are no later
      ## run_queue: 10ms      # 99 in 100 waits for a CPU are no longer

    # Single locks and queues, by their names in 'ctrace report'.
    locks:
      ## cache_mu:
      ##   utilisation: 80%
      ##   wait: 1ms
      ## log_mu:
      ##   ignore: true

    queues:
      ## jobs:
      ##   depth: 500
      ##   full: 20%

    # Locks and queues that may be as bad as they are for now. After the last day 'ctrace ci' fails
    # until someone has looked.
    waivers:
      ## - lock: log_mu
      ##   until: 2027-01-31
      ##   reason: "#812, the log moves to a thread of its own"

    """
}
