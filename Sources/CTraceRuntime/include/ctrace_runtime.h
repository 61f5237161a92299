// The runtime has no interface of its own: it exports the libc functions that it stands in for
// (exports.map lists them), and nothing in this package may depend on it.
