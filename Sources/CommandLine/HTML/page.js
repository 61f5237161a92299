// What the page says, section by section.

const { recording } = report;

// MARK: Head

{
  const program = (recording.program[0] ?? "?").split("/").pop();
  const ending = recording.signal ? `was killed by signal ${recording.signal}`
    : recording.exitCode === undefined || recording.exitCode === null ? "ran on" : `exited ${recording.exitCode}`;
  const runTime = report.threads.reduce((sum, thread) => sum + Math.max(thread.runNs, (thread.endNs - thread.startNs) / 20), 0);
  const overhead = runTime > 0 ? recording.overheadNs / runTime : 0;
  const isPart = recording.toNs !== undefined;
  fill(document.getElementById("head"), {}, [
    h("h1", {}, recording.program.join(" ") || "?"),
    h("p", { class: "facts" }, h("b", {}, program), isPart ? `: only ${brief(recording.fromNs)} to ${brief(recording.toNs)} of the recording` : ` ${ending} after `,
      !isPart && h("b", {}, brief(recording.durationNs)),
      ` · ${counted(data.threads, "thread")} on ${counted(recording.cpus, "CPU")} · ${grouped(recording.events)} events, `,
      h("span", { class: recording.lostEvents > 0 && "bad" }, `${grouped(recording.lostEvents)} lost`),
      !isPart && ` · est. overhead ${overhead < 0.01 ? "<1 %" : percent(Math.min(overhead, 9.99))}`,
      ` · scheduling: ${recording.scheduling}`,
      recording.unrecordedThreads > 0 && h("span", { class: "bad" }, ` · ${counted(recording.unrecordedThreads, "thread")} not recorded`),
      !recording.complete && h("span", { class: "bad" }, " · INCOMPLETE: the recorder did not finish")),
    recording.schedulingReason && h("p", { class: "facts" }, `The kernel's tracepoints: ${recording.schedulingReason}`),
    recording.notes.map((note) => h("p", { class: "facts" }, `Note: ${note}`)),
  ]);
}

// MARK: Verdict and time

{
  // What it leads to stands below: it is filled when that is there.
  const element = section("verdict", "Verdict", "");
  if (report.findings[0]?.severity === "warning") element.classList.add("warning");

  const parts = states.filter((state) => state.time).map((state) => ({
    ...state, value: report.threads.reduce((sum, thread) => sum + thread[state.time], 0),
  })).filter((part) => part.key !== "runnable" || recording.scheduling !== "off");
  const whole = parts.reduce((sum, part) => sum + part.value, 0);
  if (whole > 0) {
    section("time", "Time", `${brief(whole)} of all threads together`, bar(parts),
      legend(parts.map((part) => [part.key, `${part.words} `, h("b", {}, percent(part.value, whole)), ` ${brief(part.value)}`])));
  }
}

// MARK: The timeline

if (timeline.threads.length) section("timeline", "Timeline", "", timelineView());

// MARK: Locks

/** Parts of a lock's waits. */
const reasons = [
  ["holderRunning", "running", "holder running"], ["holderPreempted", "runnable", "holder preempted"],
  ["holderInLockWait", "lockWait", "holder waiting for a lock"],
  ["holderInQueueWait", "queueWait", "holder waiting for a condition or queue"],
  ["holderSleeping", "idle", "holder sleeping or in I/O"], ["runQueue", "runnable", "no CPU after the wakeup"],
  ["other", "unknown", "nobody known to hold it"],
];

const contendedKinds = new Set(data.contendedKinds);
const lockStacks = (lock) => stackColumns(
  ["Waited", lock.waiters.map((waiter) => stackView(`${brief(waiter.waitNs)} in ${counted(waiter.count, "time")}`, waiter.stack))],
  ["Held up others", lock.holders.map((holder) => stackView(`${brief(holder.blamedNs)} in ${counted(holder.count, "time")}`, holder.stack))]);

function lockDetails(lock) {
  const split = lock.waitSplitNs
    ? reasons.map(([field, key, words]) => ({ key, words, value: lock.waitSplitNs[field] })).filter((part) => part.value > 0) : [];
  const whole = split.reduce((sum, part) => sum + part.value, 0);
  return [
    h("p", { class: "muted" }, `${lock.kind}, ${counted(lock.acquisitions, "acquisition")}, ${grouped(lock.contended)} contended`,
      ` · longest wait ${brief(lock.waitNs.max)}`,
      lock.holdNs.total > 0 && ` · contended holds: p50 ${brief(lock.holdNs.p50)}, p99 ${brief(lock.holdNs.p99)}, longest ${brief(lock.holdNs.max)}`),
    whole > 0 && [h("h3", {}, "Why the waits took so long"), bar(split),
      legend(split.map((part) => [part.key, `${part.words} ${percent(part.value, whole)}`]))],
    lock.heldUpBy.length > 0 && [h("h3", {}, "What its holders waited for meanwhile"),
      h("p", {}, lock.heldUpBy.map((blocker, index) => `${index ? ", " : ""}${blocker.name} ${brief(blocker.blamedNs)}`))],
    lock.waitSizes?.length > 0 && [h("h3", {}, "How long the waits were"), sizes(lock.waitSizes, "waits by length")],
    lock.pairs?.length > 0 && [h("h3", {}, "Who waited for whom"), list(["waiter", "held by", "waits", "waited", "longest"],
      lock.pairs.slice(0, 10).map((pair) => [pair.waiter, pair.owner || "?", { number: grouped(pair.count) },
        { number: brief(pair.waitNs) }, { number: brief(pair.maxNs) }]))],
    lock.ifFreeNs >= recording.durationNs / 100 && h("p", {},
      `If it were free, the run would be about ${percent(lock.ifFreeNs, recording.durationNs)} shorter (an estimate).`),
    lockStacks(lock),
  ];
}

const nameColumn = (title) => ({ title, className: "name", value: (row) => named(row.name, row.pid) });
const kindColumn = { title: "kind", value: (row) => row.kind };
const waitColumns = [
  timeColumn("waited", (row) => row.waitNs.total, "all waits together"),
  timeColumn("p50", (row) => row.waitNs.p50, "half of the waits were no longer"),
  timeColumn("p99", (row) => row.waitNs.p99, "99 in 100 waits were no longer"),
  timeColumn("max", (row) => row.waitNs.max, "the longest wait"),
];
const toldApart = new Set(["gil", "thread"]);
const locks = report.locks.filter((lock) => contendedKinds.has(lock.kind) && !toldApart.has(lock.kind)
  && (lock.kind !== "python-lock" || lock.contended > 0));
const waits = report.locks.filter((lock) => !contendedKinds.has(lock.kind) && !toldApart.has(lock.kind) && lock.contended > 0);

if (locks.length) {
  section("locks", "Locks", "what a thread holds while others wait", table("Locks", [
    nameColumn("lock"), kindColumn,
    { ...partColumn("busy", (lock) => lock.utilisation ?? undefined, "part of the run in which it was held") },
    ...waitColumns,
    countColumn("acquired", (lock) => lock.acquisitions),
    partColumn("contended", (lock) => (lock.acquisitions > 0 ? Math.min(1, lock.contended / lock.acquisitions) : undefined),
      "part of the acquisitions that had to wait"),
    { title: "held by", className: "place", value: (lock) => place(lock.holders[0]?.stack) },
  ], locks, { details: lockDetails, anchor: lockAnchor, sorted: 3, leftOut: data.leftOut.locks }));
}

// MARK: Chains and the critical path

if (report.chains.some((chain) => chain.links.length)) {
  section("chains", "Blocking chains", "who waited for whom, and that one for whom",
    report.chains.filter((chain) => chain.links.length).map((chain) => h("ol", { class: "chain" },
      h("li", {}, h("span", { class: "link-box" }, threadLink(chain.waiterTid, chain.waiterPid, chain.waiter || "?"),
        h("span", { class: "muted" }, chain.count > 0
          ? `${counted(chain.count, "time")}, longest ${brief(chain.longestNs)}` : `waited ${brief(chain.waitNs)}`))),
      chain.links.map((link) => h("li", {}, h("span", { class: "link-box" },
        lockLink(link.lock, link.name),
        " held by ", threadLink(link.tid, link.pid, link.holder || "?"), h("span", { class: "muted" }, `${link.doing} ${brief(link.ns)}`)))))));
}

if (report.criticalPath.length) {
  const path = report.criticalPath;
  const whole = path.reduce((sum, part) => sum + part.ns, 0);
  section("path", "Critical path", "what had to happen for the run to end when it did",
    table("Critical path", [
      { title: "thread", className: "name", value: (part) => named(part.name, part.pid) },
      { title: "did", value: (part) => part.doing },
      { title: "waited for", className: "name", value: (part) => part.lock },
      timeColumn("time", (part) => part.ns), partColumn("of it", (part) => part.ns / Math.max(whole, 1)),
    ], path, { sorted: 3 }));
}

// MARK: Threads

if (report.threads.length) {
  const life = (thread) => Math.max(1, thread.endNs - thread.startNs);
  const parts = (thread) => states.filter((state) => state.time).map((state) => ({ ...state, value: thread[state.time] }));
  section("threads", "Threads", "each time as a part of the thread's life",
    table("Threads", [
      { title: "thread", className: "name", value: (thread) => named(thread.name || String(thread.tid), thread.pid),
        cell: (thread) => [named(thread.name || "?", thread.pid), " ", h("span", { class: "muted" }, String(thread.tid)), thread.daemon && " daemon"] },
      { title: "", value: (thread) => thread.runNs / life(thread), cell: (thread) => bar(parts(thread), { small: true }) },
      timeColumn("life", life),
      partColumn("run", (thread) => thread.runNs / life(thread)),
      partColumn("lock", (thread) => thread.lockWaitNs / life(thread), "waiting for locks"),
      partColumn("no CPU", (thread) => thread.runnableNs / life(thread), "runnable without a CPU"),
      partColumn("queue", (thread) => thread.queueWaitNs / life(thread), "waiting for conditions and queues"),
      timeColumn("run queue p99", (thread) => thread.runQueueNs?.p99, "from being woken to being on a CPU"),
      countColumn("preempted", (thread) => thread.switches?.preempted),
      { title: "waited most for", className: "name", value: (thread) => thread.waitedMostFor?.name ?? "",
        cell: (thread) => thread.waitedMostFor && [
          lockLink(thread.waitedMostFor.lock, thread.waitedMostFor.name),
          thread.waitedMostFor.owner && ` ← ${thread.waitedMostFor.owner}`] },
    ], report.threads, { anchor: threadAnchor, sorted: 4, leftOut: data.leftOut.threads, details: (thread) => [
      legend(parts(thread).filter((part) => part.value > 0).map((part) =>
        [part.key, `${part.words} ${brief(part.value)}, ${percent(part.value, life(thread))}`])),
      h("p", { class: "muted" }, `lived from ${brief(thread.startNs)} to ${brief(thread.endNs)}`,
        thread.switches && ` · gave up its CPU ${counted(thread.switches.voluntary, "time")}, preempted ${counted(thread.switches.preempted, "time")}`,
        thread.migrations > 0 && ` · changed CPUs ${counted(thread.migrations, "time")}`),
      thread.waits?.length > 0 && [h("h3", {}, "Waited for"), list(["", "kind", "held by", "waits", "waited", "longest"],
        thread.waits.map((wait) => [wait.name, wait.kind, wait.owner ?? "", { number: grouped(wait.count) },
          { number: brief(wait.waitNs) }, { number: brief(wait.maxNs) }]))],
      thread.longestWait && stackColumns(["Longest wait for a lock", [stackView(
        `${brief(thread.longestWait.waitNs)} at ${brief(thread.longestWait.startNs)} for ${thread.longestWait.name}`
        + (thread.longestWait.owner ? `, held by ${thread.longestWait.owner}` : ""), thread.longestWait.stack)]]),
      thread.wakers.length > 0 && h("p", {}, "Woken by ", thread.wakers.map((waker, index) =>
        `${index ? ", " : ""}${waker.name} (${grouped(waker.count)})`)),
    ] }));
}

// MARK: Queues

{
  const users = (list, unit) => list.map((user) => stackView(`${amount(user.items, unit)} in ${counted(user.count, "time")}`, user.stack));
  const queues = report.queues.filter((queue) => queue.enqueued > 0 || queue.dequeued > 0);
  if (queues.length) {
    section("queues", "Queues", "what has a depth",
      table("Queues", [
        nameColumn("queue"), kindColumn,
        { title: "mean", number: true, value: (queue) => queue.depth.mean, cell: (queue) => amount(queue.depth.mean, queue.unit) },
        { title: "p99", number: true, value: (queue) => queue.depth.p99, cell: (queue) => amount(queue.depth.p99, queue.unit) },
        { title: "max", number: true, value: (queue) => queue.depth.max, cell: (queue) => amount(queue.depth.max, queue.unit) },
        partColumn("full", (queue) => (queue.depth.fullNs === undefined ? undefined : queue.depth.fullNs / Math.max(1, recording.durationNs))),
        partColumn("empty", (queue) => queue.depth.emptyNs / Math.max(1, recording.durationNs)),
        { title: "in", number: true, value: (queue) => queue.enqueued, cell: (queue) => amount(queue.enqueued, queue.unit) },
        { title: "out", number: true, value: (queue) => queue.dequeued, cell: (queue) => amount(queue.dequeued, queue.unit) },
        timeColumn("in it p99", (queue) => queue.residenceNs?.p99, "how long things were in it"),
        { title: "depth", value: (queue) => queue.depth.mean, cell: (queue) => spark(queue.depth.timeline, `depth of ${queue.name}`) },
      ], queues, { anchor: queueAnchor, sorted: 7, leftOut: data.leftOut.queues, details: (queue) => [
        h("p", { class: "muted" }, queue.capacity ? `room for ${amount(queue.capacity, queue.unit)}` : "no limit known",
          queue.residenceNs && ` · in it: p50 ${brief(queue.residenceNs.p50)}, longest ${brief(queue.residenceNs.max)}`,
          queue.runNs && ` · work ${brief(queue.runNs.total)}, p99 ${brief(queue.runNs.p99)}`,
          queue.putWaitNs && ` · waited ${brief(queue.putWaitNs.total)} to put something in`,
          queue.takeWaitNs && ` · waited ${brief(queue.takeWaitNs.total)} for something to come`),
        stackColumns(["Put in", users(queue.producers, queue.unit)], ["Taken out", users(queue.consumers, queue.unit)]),
      ] }));
  }
}

// MARK: Python

for (const gil of report.gil.filter((gil) => gil.contended > 0)) {
  section(`gil-${gil.pid}`, named("GIL", gil.pid),
    `busy ${percent(gil.utilisation)}, waited ${brief(gil.waitNs.total)} in ${counted(gil.contended, "wait")}`,
    table("Threads that wanted the interpreter's lock", [
      { title: "thread", className: "name", value: (thread) => thread.name },
      partColumn("had it", (thread) => thread.heldNs / Math.max(1, gil.wallNs)),
      timeColumn("waited", (thread) => thread.waitNs.total), countColumn("waits", (thread) => thread.waits),
      timeColumn("p99", (thread) => thread.waitNs.p99), countColumn("taken", (thread) => thread.acquisitions),
      timeColumn("longest hold", (thread) => thread.longestHoldNs),
      { title: "", className: "hot", value: (thread) => (thread.starved ? "starved" : "") },
    ], gil.threads, { sorted: 2 }),
    gil.worstHold && [h("h3", {}, "The hold that was waited for longest"),
      stackView(`${brief(gil.worstHold.waitedForNs)} of ${brief(gil.worstHold.ns)} in ${gil.worstHold.thread}`, gil.worstHold.stack)],
    stackColumns(["Kept while others waited", gil.longHolds.map((hold) => stackView(`${brief(hold.ns)} in ${counted(hold.count, "time")}`, hold.stack))]));
}

// MARK: Tasks and loops

{
  const tasks = report.tasks.filter((task) => task.hub !== true);
  if (tasks.length) {
    section("tasks", "Tasks", "what event loops run by turns",
      table("Tasks", [
        nameColumn("task"), kindColumn, countColumn("tasks", (task) => task.tasks), countColumn("steps", (task) => task.steps),
        timeColumn("ran", (task) => task.runNs), timeColumn("step p99", (task) => task.stepNs.p99),
        { ...timeColumn("longest", (task) => task.longestStepNs),
          cell: (task) => h("span", { class: task.longSteps.count > 0 && "hot" }, brief(task.longestStepNs)) },
        timeColumn("waited", (task) => task.waitNs.total),
        { title: "waited most for", className: "name", value: (task) => task.waitedFor[0]?.name ?? "" },
      ], tasks, { anchor: taskAnchor, sorted: 4, leftOut: data.leftOut.tasks, details: (task) => [
        task.longSteps.count > 0 && h("p", { class: "hot" },
          `${counted(task.longSteps.count, "step")} of 100 ms or more, ${brief(task.longSteps.ns)} together: no other task could run`),
        task.waitedFor.length > 0 && h("p", {}, "Waited for ", task.waitedFor.map((wait, index) =>
          `${index ? ", " : ""}${wait.name} ${brief(wait.waitNs)}`)),
        stackColumns(
          ["Longest step", task.longestStep ? [stackView(`${brief(task.longestStep.ns)} at ${brief(task.longestStep.startNs)} in ${task.longestStep.thread}`, task.longestStep.stack)] : []],
          ["Long steps", task.longSteps.places.map((long) => stackView(`${brief(long.ns)} in ${counted(long.count, "time")}`, long.stack))]),
      ] }));
  }
  if (report.loops.length) {
    section("loops", "Event loops", "how late they were, and how much was ready to run",
      table("Event loops", [
        nameColumn("loop"), countColumn("timers", (loop) => loop.timers),
        timeColumn("lag p50", (loop) => loop.lagNs?.p50), timeColumn("p99", (loop) => loop.lagNs?.p99), timeColumn("max", (loop) => loop.lagNs?.max),
        { title: "ready mean", number: true, value: (loop) => loop.readyDepth.mean, cell: (loop) => amount(loop.readyDepth.mean) },
        countColumn("max", (loop) => loop.readyDepth.max),
        { title: "ready", value: (loop) => loop.readyDepth.mean, cell: (loop) => spark(loop.readyDepth.timeline, "ready to run") },
      ], report.loops, { sorted: 1 }));
  }
}

// MARK: Waits

if (waits.length) {
  section("waits", "Waits", "for something to happen: conditions, semaphores, barriers; no contention",
    table("Waits", [nameColumn("for"), kindColumn, ...waitColumns, countColumn("times", (wait) => wait.contended),
      { title: "mostly in", className: "place", value: (wait) => place(wait.waiters[0]?.stack) },
    ], waits, { details: lockDetails, anchor: lockAnchor, sorted: 2 }));
}

// MARK: Waits by stack

{
  const stacksOf = (locks, places, time) => () => locks.flatMap((lock) => lock[places].map((place) =>
    ({ stack: place.stack, ns: place[time], count: place.count, lock: named(lock.name, lock.pid) })));
  const contended = report.locks.filter((lock) => contendedKinds.has(lock.kind));
  const others = report.locks.filter((lock) => !contendedKinds.has(lock.kind));
  const kinds = [
    { title: "Waits for locks", root: "all waits for locks", remark: "where threads waited, and for which lock", stacks: stacksOf(contended, "waiters", "waitNs") },
    { title: "Holders", root: "all holds that others waited for", remark: "where locks were released that others waited for", stacks: stacksOf(contended, "holders", "blamedNs") },
    { title: "Other waits", root: "all other waits", remark: "for conditions, semaphores, barriers, queues, threads", stacks: stacksOf(others, "waiters", "waitNs") },
  ].filter((kind) => kind.stacks().some((stack) => stack.ns > 0));
  if (kinds.length) section("stacks", "Waits by stack", "", flameView(kinds));
}

// MARK: The program's own words, and processes

if (report.slices.length) {
  section("work", "Work", "what the program has names for",
    table("Work", [
      { title: "name", className: "name", value: (slice) => slice.name }, countColumn("times", (slice) => slice.count + slice.instants),
      timeColumn("total", (slice) => slice.runNs.total), timeColumn("p50", (slice) => slice.runNs.p50),
      timeColumn("p99", (slice) => slice.runNs.p99), timeColumn("longest", (slice) => slice.runNs.max),
    ], report.slices, { sorted: 2 }));
}

if (report.counters.length) {
  section("counters", "Counters", "the program's own",
    table("Counters", [
      { title: "name", className: "name", value: (counter) => counter.name }, countColumn("last", (counter) => counter.last),
      { title: "mean", number: true, value: (counter) => counter.mean, cell: (counter) => amount(counter.mean) },
      countColumn("least", (counter) => counter.min), countColumn("greatest", (counter) => counter.max),
    ], report.counters));
}

if (report.processes.length > 1) {
  section("processes", "Processes", counted(report.processes.length, "program image"),
    table("Processes", [
      { title: "name", className: "name", value: (process) => process.name },
      { title: "pid", number: true, value: (process) => process.pid, cell: (process) => String(process.pid) },
      { title: "parent", number: true, value: (process) => process.parent, cell: (process) => String(process.parent) },
      timeColumn("began", (process) => process.startNs), timeColumn("ended", (process) => process.endNs ?? undefined),
      { title: "", value: (process) => (process.recorded ? "" : "not recorded inside") },
    ], report.processes));
}

// MARK: Findings

/** What leads from a number in the evidence to what it is the number of. */
const evidenceLinks = { lock: lockLink, queue: queueLink, task: taskLink, tid: threadLink };

/** A figure of the evidence, in the unit that its name ends with. */
function figure(name, value) {
  if (name.endsWith("Ns")) return brief(value);
  if (name.endsWith("PerMille")) return percent(value, 1000);
  return grouped(value);
}

/** What a finding is about; to be unfolded, its figures by their names in JSON, and the places that it comes from. */
function evidence(finding) {
  const names = Object.keys(finding.evidence).sort();
  const isLink = (name) => Object.hasOwn(evidenceLinks, name);
  const places = finding.places ?? [];
  return h("div", { class: "basis" },
    names.filter(isLink).map((name) =>
      h("span", {}, `${name === "tid" ? "thread" : name} `, evidenceLinks[name](finding.evidence[name]))),
    names.length + places.length > 0 && h("details", {}, h("summary", {}, `Evidence: ${finding.kind}`),
      h("p", {}, names.filter((name) => !isLink(name)).map((name) =>
        h("span", { class: "figure" }, h("code", {}, name), ` ${figure(name, finding.evidence[name])}`))),
      places.length > 0 && h("div", { class: "stacks" }, places.map((place) =>
        stackView([threadLink(place.tid, place.pid, place.thread), ` ${place.what}`], place.stack)))));
}

document.getElementById("verdict").append(...report.findings.map((finding, index) =>
  h("div", { class: `finding ${finding.severity}` }, h("p", { class: index === 0 && "sentence" }, finding.text), evidence(finding))));

document.getElementById("main").append(h("footer", {},
  h("p", {}, "Made by ctrace of ", h("code", {}, data.file), ". In Perfetto: ", h("code", {}, `ctrace view ${data.file}`))));
finishLinks();
document.documentElement.dataset.ready = "true";
