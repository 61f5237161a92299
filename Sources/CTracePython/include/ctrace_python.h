// The probe has no interface but ctrace_probe_start(), which the runtime finds by its name: see
// ctrace_probe.h. Nothing in this package may depend on it.
