/// Where scheduling is to be recorded from.
public enum SchedulingChoice: String, CaseIterable, Sendable {
  /// The best that the machine allows.
  case auto
  /// The kernel's tracepoints.
  case kernel
  /// Records of switches, without wakers.
  case switches
  /// Samples from /proc.
  case procfs
  /// Nowhere.
  case off
}
