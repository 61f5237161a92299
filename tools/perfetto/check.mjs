// Compares what Perfetto's trace processor makes of timelines with what the report says of the recording.
//
//   node check.mjs MODULE.wasm REPORT.json|- TIMELINE...
//
// Exits with 0 where all is the same, 1 where it is not, and 2 where it cannot tell.

import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { TraceProcessor, TraceProcessorError } from "./trace-processor.mjs";

/** What was compared of one timeline, and what differs. */
class Comparison {
  count = 0;
  differences = [];

  /** Compares numbers, which may differ by `tolerance`. */
  equal(what, found, expected, tolerance = 0) {
    this.count += 1;
    if (Math.abs(Number(found ?? 0) - Number(expected)) > tolerance) {
      this.differences.push(`${what}: ${found ?? 0} in the timeline, ${expected} expected`);
    }
  }

  atMost(what, found, limit) {
    this.count += 1;
    if (Number(found ?? 0) > Number(limit)) {
      this.differences.push(`${what}: ${found}, and no more than ${limit} was expected`);
    }
  }
}

/** An argument of a slice: importers put those of the two forms under different names. */
const argument = (name) =>
  `COALESCE(EXTRACT_ARG(arg_set_id, 'debug.${name}'), EXTRACT_ARG(arg_set_id, 'args.${name}'))`;

/** The length of a slice: what is drawn cut says how long it was. */
const length = `COALESCE(${argument("waited_ns")}, ${argument("ran_ns")}, dur)`;

/** Rows by the value of their column `name`. */
const byName = (rows) => new Map(rows.map((row) => [row.name, row]));

/** Sums over what has the same name: several processes may have locks of one name. */
function sums(items, values) {
  const all = new Map();
  for (const item of items) {
    const sum = all.get(item.name) ?? { count: 0, total: 0, longest: 0 };
    const { count, total, longest } = values(item);
    sum.count += count;
    sum.total += total;
    sum.longest = Math.max(sum.longest, longest);
    all.set(item.name, sum);
  }
  return all;
}

/** Nothing may have gone wrong at the import. */
function checkImport(processor, comparison) {
  const wrong = processor.query(
    "SELECT name, value FROM stats WHERE value > 0 AND severity IN ('error', 'data_loss')",
  );
  comparison.count += 1;
  for (const { name, value } of wrong) comparison.differences.push(`import: ${name}, ${value} times`);
  const [{ open }] = processor.query("SELECT count(*) AS open FROM slice WHERE dur < 0");
  comparison.equal("slices without an end", open, 0);
  // Perfetto's page stops drawing a CPU's events at one.
  const [{ nameless }] = processor.query("SELECT count(*) AS nameless FROM ftrace_event WHERE name IS NULL");
  comparison.equal("events of the kernel without a name", nameless, 0);
}

/** Waits by lock: how many, how long together, the longest. */
function checkWaits(processor, report, comparison) {
  const found = byName(
    processor.query(`
      SELECT name, count(*) AS count, sum(length) AS total, max(length) AS longest FROM (
        SELECT ${argument("lock")} AS name, ${length} AS length
        FROM slice WHERE category IN ('wait', 'task', 'call'))
      WHERE name IS NOT NULL GROUP BY name`),
  );
  const expected = sums(report.locks, ({ contended, waitNs }) => ({
    count: contended,
    total: waitNs.total,
    longest: waitNs.max,
  }));
  for (const [name, { count, total, longest }] of expected) {
    const waits = found.get(name) ?? { count: 0, total: 0, longest: 0 };
    if (Number(waits.count) === count) {
      comparison.equal(`time of waits for ${name}`, waits.total, total);
      comparison.equal(`longest wait for ${name}`, waits.longest, longest);
    } else {
      // Some were too short to be recorded one by one.
      comparison.atMost(`waits for ${name}`, waits.count, count);
      comparison.atMost(`time of waits for ${name}`, waits.total, total);
      comparison.atMost(`longest wait for ${name}`, waits.longest, longest);
    }
  }
  for (const name of found.keys()) {
    if (!expected.has(name)) comparison.differences.push(`waits for ${name} are in no report`);
  }
}

/** The greatest depth of each queue. */
function checkDepths(processor, report, comparison) {
  const found = byName(
    processor.query(`
      SELECT t.name AS name, CAST(max(c.value) AS INT) AS depth
      FROM counter c JOIN counter_track t ON t.id = c.track_id
      WHERE t.name GLOB 'depth *' OR t.name GLOB 'value *' OR t.name GLOB 'ready *' GROUP BY 1`),
  );
  const depths = [
    ...report.queues.map((queue) => ({ ...queue, word: /semaphore$/.test(queue.kind) ? "value" : "depth" })),
    ...(report.loops ?? []).map((loop) => ({ ...loop, depth: loop.readyDepth, word: "ready" })),
  ].map(({ word, name, kind, dequeued, depth }) => ({ name: `${word} ${name}`, kind, dequeued, depth }));
  const expected = sums(
    // Where nobody is seen to receive, the report has no depth.
    depths.filter(({ kind, dequeued }) => !(["socket", "messages"].includes(kind) && dequeued === 0)),
    ({ depth }) => ({ count: 1, total: 0, longest: depth.max }),
  );
  for (const [name, { longest }] of expected) {
    comparison.equal(`greatest ${name}`, Math.max(0, Number(found.get(name)?.depth ?? 0)), longest);
  }
}

/** Threads: their time in each state, and how often they left a CPU. */
function checkThreads(processor, report, form, comparison) {
  const { scheduling } = report.recording;
  if (!["kernel", "switches"].includes(scheduling)) return;
  // Images of one process are one thread to the kernel.
  const threads = new Map();
  for (const thread of report.threads.filter(({ switches }) => switches !== undefined)) {
    threads.set(thread.tid, [...(threads.get(thread.tid) ?? []), thread]);
  }
  for (const [tid, images] of threads) {
    const sum = (value) => images.reduce((total, image) => total + value(image), 0);
    const [left] = processor.query(`
      SELECT sum(end_state = 'R+') AS preempted, sum(end_state IN ('S', 'D')) AS voluntary
      FROM sched JOIN thread USING (utid) WHERE tid = ${tid}`);
    comparison.equal(`thread ${tid} preempted`, left.preempted, sum(({ switches }) => switches.preempted));
    const voluntary = sum(({ switches }) => switches.voluntary);
    // Another thread came onto its CPU, and nothing told that it left: to the report it has been there still.
    const isCutShort = Number(left.voluntary ?? 0) > voluntary;
    comparison.atMost(`thread ${tid} left its CPU to wait`, voluntary, left.voluntary ?? 0);
    for (const { pid, name, startNs, endNs, runNs, runnableNs } of images) {
      const states = processor.query(`
        SELECT state, count(*) AS count,
          sum(min(iif(dur < 0, ${endNs}, ts + dur), ${endNs}) - max(ts, ${startNs})) AS time
        FROM thread_state JOIN thread USING (utid)
        WHERE tid = ${tid} AND ts < ${endNs} AND (dur < 0 OR ts + dur > ${startNs})
        GROUP BY state`);
      const time = (...wanted) =>
        states.reduce((total, { state, time }) => total + (wanted.includes(state) ? Number(time) : 0), 0);
      // The text of the Chrome form is read as floating-point numbers.
      const tolerance = form === "json" ? states.reduce((rows, { count }) => rows + Number(count), 0) : 0;
      const who = `${name} (${pid}/${tid})`;
      const [first] = processor.query(`
        SELECT ts, state FROM thread_state JOIN thread USING (utid) WHERE tid = ${tid} ORDER BY ts LIMIT 1`);
      // Where the first word of a thread is that it leaves its CPU, another may have had that after its start.
      const isCutOff = first?.state === "Running" && Number(first.ts) > startNs;
      if (isCutShort || isCutOff) {
        comparison.atMost(`${who} on a CPU`, time("Running"), runNs + tolerance);
      } else {
        comparison.equal(`${who} on a CPU`, time("Running"), runNs, tolerance);
      }
      if (scheduling === "kernel" && !isCutShort) {
        comparison.equal(`${who} runnable`, time("R", "R+"), runnableNs, tolerance);
      } else {
        // When it was woken is an estimate, and the two make different ones.
        comparison.atMost(`${who} preempted for`, time("R+"), runnableNs + tolerance);
      }
    }
  }
}

/** Each slice at which an arrow ends has one. */
function checkFlows(processor, comparison) {
  const [{ bound, wanted }] = processor.query(`
    SELECT (SELECT count(*) FROM slice WHERE name GLOB 'acquired *') AS wanted,
      (SELECT count(*) FROM flow JOIN slice ON slice.id = slice_in WHERE name GLOB 'acquired *') AS bound`);
  comparison.equal("arrows to waiters", bound, wanted);
  const [{ backwards }] = processor.query(`
    SELECT count(*) AS backwards FROM flow JOIN slice a ON a.id = slice_out JOIN slice b ON b.id = slice_in
    WHERE a.ts > b.ts`);
  comparison.equal("arrows that go back", backwards, 0);
}

/** What both forms have must be the same in both. */
function summary(processor) {
  return processor.query(`
    SELECT category AS name, count(*) AS count, sum(${length}) AS total, max(${length}) AS longest FROM slice
    WHERE category IN ('wait', 'work', 'instant', 'call', 'wakeup') GROUP BY 1
    UNION ALL
    SELECT substr(t.name, 1, instr(t.name, ' ') - 1), count(*), CAST(sum(value) AS INT), CAST(max(value) AS INT)
    FROM counter c JOIN counter_track t ON t.id = c.track_id WHERE t.name GLOB 'waiters *' GROUP BY 1`);
}

async function check(module, report, path, summaries) {
  const comparison = new Comparison();
  const form = /\.json(\.gz)?$/.test(path) ? "json" : "protobuf";
  try {
    const processor = await TraceProcessor.load(module);
    await processor.read(createReadStream(path, { highWaterMark: 8 << 20 }));
    checkImport(processor, comparison);
    if (report) {
      checkWaits(processor, report, comparison);
      checkDepths(processor, report, comparison);
      checkThreads(processor, report, form, comparison);
      checkFlows(processor, comparison);
      summaries.push({ path, rows: byName(summary(processor)) });
    }
  } catch (error) {
    if (!(error instanceof TraceProcessorError)) throw error;
    comparison.differences.push(error.message);
  }
  return comparison;
}

/** Compares the timelines with one another. */
function checkForms([first, ...others]) {
  const comparison = new Comparison();
  for (const other of others) {
    for (const name of new Set([...first.rows.keys(), ...other.rows.keys()])) {
      for (const column of ["count", "total", "longest"]) {
        const values = [first, other].map(({ rows }) => Number(rows.get(name)?.[column] ?? 0));
        comparison.equal(`${name}, ${column}, of ${basename(other.path)}`, values[1], values[0]);
      }
    }
  }
  return comparison;
}

function tell(name, { count, differences }) {
  const verdict = differences.length === 0 ? `${count} facts are as they should be` : "differs";
  console.log(`${name}: ${verdict}`);
  for (const difference of differences.slice(0, 20)) console.error(`  ${difference}`);
  if (differences.length > 20) console.error(`  and ${differences.length - 20} more`);
  return differences.length === 0;
}

const [module, reportPath, ...timelines] = process.argv.slice(2);
try {
  const report = reportPath === "-" ? null : JSON.parse(await readFile(reportPath, "utf8"));
  const summaries = [];
  let isFine = true;
  for (const path of timelines) {
    const comparison = await check(module, report, path, summaries);
    isFine = tell(basename(path), comparison) && isFine;
  }
  if (summaries.length > 1) isFine = tell("both forms", checkForms(summaries)) && isFine;
  process.exitCode = isFine ? 0 : 1;
} catch (error) {
  console.error(`perfetto-check: ${error.message}`);
  process.exitCode = 2;
}
