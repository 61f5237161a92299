public import ArgumentParser
public import LinuxSystem
public import TraceRecorder

// What `ctrace record` lets choose is what the recorder does: the words are its own.

extension SchedulingChoice: ExpressibleByArgument {}
extension CounterClock.Choice: ExpressibleByArgument {}
