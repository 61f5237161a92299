import Testing

@testable import LinuxSystem

@Suite struct PerfClockTests {
  private typealias Moment = CounterClock.Moment

  @Test func `The kernel's page tells the counter from its nanoseconds`() {
    // A counter of 2 GHz that was at 0 when the kernel's clock was at 1000.
    let clock = PerfClock.counter(zero: 1000, multiplier: 1 << 9, shift: 10)
    #expect(clock.stamp(1000) == 0)
    #expect(clock.stamp(1001) == 2)
    #expect(clock.stamp(1500) == 1000)
    #expect(clock.stamp(1000 + 3_600_000_000_000) == 7_200_000_000_000)
    // One of 2.1 GHz, with the numbers that Linux has for it: 2^31 / 2.1.
    let real = PerfClock.counter(zero: 0, multiplier: 1_022_611_261, shift: 31)
    #expect(real.stamp(1_000_000_000) == 2_099_999_999)
    // A year later the product has more than 64 bits.
    #expect(abs(Int64(real.stamp(31_536_000_000_000_000)) - 66_225_600_000_000_000) < 100_000_000)
  }

  @Test func `A zero before the machine's own wraps around as the kernel's does`() {
    let clock = PerfClock.counter(zero: 0 &- 1000, multiplier: 1 << 10, shift: 10)
    #expect(clock.stamp(0) == 1000)
    #expect(clock.stamp(500) == 1500)
  }

  @Test func `A page of nonsense gives zero`() {
    #expect(PerfClock.counter(zero: 0, multiplier: 0, shift: 10).stamp(5) == 0)
    #expect(PerfClock.counter(zero: 0, multiplier: 1, shift: 32).stamp(.max) == 0)
    // Before its zero there was nothing.
    #expect(PerfClock.counter(zero: 1000, multiplier: 1 << 9, shift: 10).stamp(999) == 0)
  }

  @Test func `Between two moments and beyond both lies a line`() {
    let clock = PerfClock.line(
      from: Moment(counter: 10_000, time: 500), to: Moment(counter: 13_000, time: 1500))
    #expect(clock.stamp(500) == 10_000)
    #expect(clock.stamp(1500) == 13_000)
    #expect(clock.stamp(501) == 10_003)
    #expect(clock.stamp(2500) == 16_000)
    #expect(clock.stamp(400) == 9700)
    #expect(clock.stamp(0) == 8500)
  }

  @Test func `A line of years loses no unit`() {
    let clock = PerfClock.line(
      from: Moment(counter: 7, time: 0), to: Moment(counter: 7 + 1 << 62, time: 1 << 61))
    #expect(clock.stamp(1 << 60) == 7 + 1 << 61)
    #expect(clock.stamp(12_345) == 7 + 24_690)
  }

  @Test func `A line without a length is its point`() {
    let moment = Moment(counter: 10_000, time: 500)
    let clock = PerfClock.line(from: moment, to: moment)
    for time in [0, 499, 500, 501, .max] as [UInt64] { #expect(clock.stamp(time) == 10_000) }
  }

  @Test func `Only a line gets more exact`() {
    let start = CounterClock.moment()
    var line = PerfClock.line(from: start, to: start)
    while CounterClock.moment().time < start.time + 1_000_000 {}
    line.advance()
    #expect(line.stamp(start.time) == start.counter)
    let now = CounterClock.moment()
    // A line whose second moment had not moved on would be off by all of it.
    let error = Int64(bitPattern: line.stamp(now.time) &- now.counter)
    #expect(error.magnitude < (now.counter - start.counter) / 10)
    var page = PerfClock.counter(zero: 0, multiplier: 1 << 9, shift: 10)
    page.advance()
    #expect(page.stamp(500) == 1000)
  }

  @Test func `The kernel stamps with the clock that is converted`() {
    let moment = Moment(counter: 0, time: 0)
    // Perf's own, CLOCK_MONOTONIC_RAW, CLOCK_MONOTONIC.
    #expect(PerfClock.counter(zero: 0, multiplier: 1, shift: 0).kernelClock == -1)
    #expect(PerfClock.line(from: moment, to: moment).kernelClock == 4)
    let monotonic = CounterClock(calibration: CounterClock.Calibration(), choice: .monotonic)
    #expect(PerfClock(monotonic).kernelClock == 1)
  }

  @Test func `Where both clocks are one, nothing is converted`() {
    let clock = CounterClock(calibration: CounterClock.Calibration(), choice: .monotonic)
    for time in [0, 1, 1_234_567_890, .max] as [UInt64] {
      #expect(PerfClock(clock).stamp(time) == time)
    }
  }

  @Test func `This machine's kernel and its counter agree on the present`() {
    let clock = CounterClock(calibration: CounterClock.Calibration())
    var kernel = PerfClock(clock)
    let early = CounterClock.moment()
    while CounterClock.moment().time < early.time + 1_000_000 {}
    kernel.advance()
    guard kernel.kernelClock == 4 else { return }
    let now = CounterClock.moment()
    let difference = Int64(bitPattern: kernel.stamp(now.time) &- now.counter)
    #expect(clock.span(difference.magnitude) < 1_000_000)
  }
}

@Suite struct CounterClockTests {
  @Test func `The system's clock is not converted`() {
    let before = monotonicClock
    let clock = CounterClock(calibration: CounterClock.Calibration(), choice: .monotonic)
    #expect(!clock.usesCounter && clock.step == 1 && clock.multiplier == 1 << 32)
    #expect(clock.origin >= before && clock.stamp() <= monotonicClock)
    #expect(clock.nanoseconds(clock.origin) == 0)
    #expect(clock.nanoseconds(clock.origin + 1_234_567) == 1_234_567)
    #expect(clock.nanoseconds(clock.origin - 5) == -5)
    #expect(clock.units(clock.origin - 5) == -5)
    #expect(clock.span(.max) == .max)
    #expect(clock.ticks(nanoseconds: 99) == 99)
  }

  @Test(arguments: CounterClock.Choice.allCases)
  func `A recording can begin later than its clock`(choice: CounterClock.Choice) {
    var clock = CounterClock(calibration: CounterClock.Calibration(), choice: choice)
    let first = clock.origin
    let stamp = clock.stamp()
    clock.restart()
    #expect(clock.origin >= stamp && stamp >= first)
    #expect(clock.nanoseconds(first) <= 0)
  }

  @Test func `A second is a second by either clock`() {
    let clock = CounterClock(calibration: CounterClock.Calibration())
    let ticks = clock.ticks(nanoseconds: 1_000_000_000)
    #expect(abs(clock.span(ticks) - 1_000_000_000) <= 1)
    let (time, stamp) = (monotonicClock, clock.stamp())
    while monotonicClock < time + 20_000_000 {}
    let passed = clock.span(clock.stamp() - stamp)
    // The machine may take the CPU away between two readings.
    #expect(passed > 19_000_000 && passed < 2_000_000_000)
  }
}
