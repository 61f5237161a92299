// What recording an item of a dispatch queue costs: `async FORM ITEMS-PER-ROUND ROUNDS`, where FORM is
// `async`, `sync` or `actor`.
//
// async: the queue is suspended while the items are put in, and then resumed: both are done by one thread
// at a time, so that the time of a round is all the work there was. sync: nobody else uses the queue.
// actor: messages from one task to two actors by turns; it goes over to each in its own thread, as nobody
// else sends any. A pause between rounds lets the recorder empty the rings.
import Dispatch
import Glibc

@inline(never) func nothing() {}

func async(_ queue: DispatchQueue, _ items: Int) {
  queue.suspend()
  for _ in 0..<items { queue.async { nothing() } }
  queue.resume()
  queue.sync {}
}

func sync(_ queue: DispatchQueue, _ items: Int) {
  for _ in 0..<items { queue.sync { nothing() } }
}

actor Counter {
  var count = 0
  func increment() { count += 1 }
}

let counters = [Counter(), Counter()]

func messages(_ items: Int) async {
  let (one, other) = (counters[0], counters[1])
  await Task.detached {
    for _ in 0..<items / 2 {
      await one.increment()
      await other.increment()
    }
  }.value
}

let arguments = CommandLine.arguments
guard arguments.count == 4, let items = Int(arguments[2]), let count = Int(arguments[3]) else {
  print("usage: async async|sync|actor ITEMS-PER-ROUND ROUNDS")
  exit(2)
}
let queue = DispatchQueue(label: "benchmark.queue")
let clock = ContinuousClock()
var rounds: [Double] = []
for _ in 0..<count {
  let start = clock.now
  switch arguments[1] {
  case "sync": sync(queue, items)
  case "actor": await messages(items)
  default: async(queue, items)
  }
  let time = clock.now - start
  rounds.append(Double(time.components.attoseconds) / 1e9 / Double(items))
  usleep(10000)
}
rounds.sort()
print("best \(rounds[0]) median \(rounds[rounds.count / 2])")
