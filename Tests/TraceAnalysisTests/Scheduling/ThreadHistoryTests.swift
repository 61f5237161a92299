import TestSupport
import Testing
import TraceModel

@testable import TraceAnalysis

@Suite struct ThreadHistoryTests {
  private func times(running: Int64, sleeping: Int64 = 0) -> StateTimes {
    var times = StateTimes()
    times[.running] = running
    times[.sleeping] = sleeping
    return times
  }

  /// A history in which, from 0 on, each second nanosecond is one of sleep: `count` moments, 10 apart.
  private func history(_ count: Int) -> ThreadHistory {
    var history = ThreadHistory(start: .zero)
    for step in 1...Int64(count) {
      let lock: UInt32 = step % 2 == 0 ? 5 : 0
      history.append(
        times(running: 10 * ((step + 1) / 2), sleeping: 10 * (step / 2)),
        at: Timestamp(nanoseconds: 10 * step), waitingFor: lock)
    }
    return history
  }

  private func sum(_ history: ThreadHistory, at time: Int64) -> StateTimes? {
    history.sum(at: Timestamp(nanoseconds: time))
  }

  @Test func `Between two moments it is told in proportion`() {
    let history = history(4)
    #expect(sum(history, at: 0) == times(running: 0))
    #expect(sum(history, at: 7) == times(running: 7))
    #expect(sum(history, at: 10) == times(running: 10))
    #expect(sum(history, at: 13) == times(running: 10, sleeping: 3))
    #expect(sum(history, at: 40) == times(running: 20, sleeping: 20))
    #expect(sum(history, at: 99) == times(running: 20, sleeping: 20))
    #expect(sum(history, at: -1) == nil)
  }

  @Test func `What is long past is told less exactly, and its sums are kept`() throws {
    let history = history(100_000)
    #expect(sum(history, at: 0) == times(running: 0))
    #expect(sum(history, at: 1_000_000) == times(running: 500_000, sleeping: 500_000))
    // The latest moments are all there.
    for step in 99_900...100_000 as ClosedRange<Int64> {
      #expect(
        sum(history, at: 10 * step)
          == times(running: 10 * ((step + 1) / 2), sleeping: 10 * (step / 2)))
    }
    // Of any moment the sum is whole, and goes on.
    var before = StateTimes()
    for time in stride(from: Int64(0), through: 1_000_000, by: 777) {
      let now = try #require(sum(history, at: time))
      #expect(now.total == time)
      #expect(now[.running] >= before[.running] && now[.sleeping] >= before[.sleeping])
      before = now
    }
  }

  @Test func `Locks that were waited for are told for the part that is asked for`() {
    let history = history(6)
    var found: [UInt32: Int64] = [:]
    history.forEachLock(
      from: Timestamp(nanoseconds: 13), to: Timestamp(nanoseconds: 55)
    ) { found[$0, default: 0] += $1 }
    // From 13 to 20, 30 to 40 and 50 to 55.
    #expect(found == [5: 22])
  }

  @Test func `A part of times is whole, whatever does not divide`() {
    var whole = StateTimes()
    for (place, activity) in ThreadActivity.allCases.enumerated() {
      whole[activity] = Int64(place * place + 1)
    }
    let total = whole.total
    for part in 0...total { #expect(whole.scaled(part, of: total).total == part) }
    #expect(whole.scaled(-5, of: total) == StateTimes())
    #expect(whole.scaled(5, of: 0) == StateTimes())
    // Beyond the whole it goes on at that pace, and stays a number.
    #expect(whole.scaled(3 * total, of: total).total == 3 * total)
    #expect(times(running: .max).scaled(.max, of: .max)[.running] == .max)
    #expect(times(running: .max).scaled(.max, of: 1)[.running] == .max)
    #expect(times(running: .min).scaled(.max, of: 1)[.running] == .min)
  }
}
