internal import ArgumentParser
internal import CZlib
internal import Glibc
internal import SystemPackage
internal import TraceAnalysis

/// Shows that the gate fails where it must and passes where it must, on the machine where that matters: with a
/// program whose sections under its lock are made longer, and with one that is compared with itself.
struct SelfTest {
  /// Runs of each side: enough to tell, with as few figures as the program has, though one run is an outlier.
  private static let runs = 8
  /// What costs less in a run is nothing of the program's own.
  private static let leastNs: Int64 = 5_000_000

  func run() throws {
    let short = SelfTestProgram.pieces / 8
    let isSame = try check(
      "a program and itself", head: short, expected: .pass, because: "nothing has changed")
    let isSlower = try check(
      "a program and one whose lock is held four times as long", head: short * 4,
      expected: .regression, because: "that is a regression")
    guard isSame, isSlower else {
      throw Failure(
        message: "self-test: the gate can't be relied on here; is the machine busy? Run it again, "
          + "and see 'ctrace record' if it stays so",
        exitCode: 1)
    }
    Terminal.write("self-test: the gate works on this machine\n", to: .standardOutput)
  }

  private func check(
    _ what: String, head: Int, expected: Comparison.Verdict, because reason: String
  ) throws -> Bool {
    let begun = ContinuousClock.now
    var configuration = GateConfiguration()
    configuration.runs = SelfTest.runs
    configuration.settings.minAbsNs = SelfTest.leastNs
    let session = try GateSession(
      configuration, ProgramRunner.Options(), isQuiet: !Terminal.isTerminal(.standardError))
    let comparison = try session.compare(
      base: SelfTestProgram.program(.base, inside: SelfTestProgram.pieces / 8),
      head: SelfTestProgram.program(.head, inside: head))
    let isRight = comparison.verdict == expected
    let time = (ContinuousClock.now - begun).brief
    let code = configuration.exitCode(of: comparison.verdict)
    Terminal.write(
      isRight
        ? "ok      \(what): exit \(code), as it must, because \(reason) (\(time))\n"
        : "BROKEN  \(what): exit \(code) (\(comparison.verdict.rawValue)), though it must be "
          + "\(configuration.exitCode(of: expected)), because \(reason)\n",
      to: .standardOutput)
    return isRight
  }
}

/// The program of the self-test, which is ctrace itself, so that nothing else needs to be there: threads that
/// work under a lock and without it, as much as is counted and not for as long as a clock says.
struct SelfTestProgram: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "self-test-program", abstract: "What 'ctrace ci --self-test' runs.",
    shouldDisplay: false)

  /// Pieces of work that a thread does in each round, under the lock and without.
  static let pieces = 40
  /// Of holds that nobody waits for a sample is measured: so many that it is a large one.
  private static let rounds = 20_000

  @Argument(help: "Pieces of work of each round that are done under the lock.")
  var inside: Int

  func validate() throws {
    guard (0...SelfTestProgram.pieces).contains(inside) else {
      throw ValidationError("there are \(SelfTestProgram.pieces) pieces in a round")
    }
  }

  /// The program, as it is run.
  static func program(_ side: GateSide, inside: Int) -> GateProgram {
    GateProgram(side, arguments: ["/proc/self/exe", "self-test-program", "\(inside)"])
  }

  func run() throws {
    let shared = Shared(inside: inside, outside: SelfTestProgram.pieces - inside)
    var threads: [pthread_t] = []
    for _ in 0..<2 {
      var thread = pthread_t()
      let error = pthread_create(
        &thread, nil,
        { given in
          guard let given else { return nil }
          Unmanaged<Shared>.fromOpaque(given).takeRetainedValue().work(SelfTestProgram.rounds)
          return nil
        }, Unmanaged.passRetained(shared).toOpaque())
      guard error == 0 else {
        throw Failure(message: "no thread can be had: \(Errno(rawValue: error))", exitCode: 1)
      }
      threads.append(thread)
    }
    for thread in threads { pthread_join(thread, nil) }
  }

  /// What the threads share: a lock that stays where it is.
  private final class Shared: Sendable {
    private let inside: Int
    private let outside: Int
    private nonisolated(unsafe) let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(
      capacity: 1)

    init(inside: Int, outside: Int) {
      self.inside = inside
      self.outside = outside
      pthread_mutex_init(lock, nil)
    }

    deinit {
      pthread_mutex_destroy(lock)
      lock.deallocate()
    }

    /// Sums up some bytes over and over, which no compiler finds out to be for nothing.
    func work(_ rounds: Int) {
      let bytes = [UInt8](repeating: 1, count: 128)
      var sum: UInt = 0
      func add(_ pieces: Int) {
        for _ in 0..<pieces { sum = crc32(sum, bytes, UInt32(bytes.count)) }
      }
      for _ in 0..<rounds {
        pthread_mutex_lock(lock)
        add(inside)
        pthread_mutex_unlock(lock)
        add(outside)
      }
    }
  }
}
