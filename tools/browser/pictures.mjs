// Takes the pictures in the documentation anew, of the recordings in traces/:
//
//     CTRACE=.build/debug/ctrace node tools/browser/pictures.mjs

import { execFileSync, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";

import { launch } from "./chromium.mjs";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const ctrace = process.env.CTRACE ?? join(repository, ".build/debug/ctrace");
const run = (...command) => execFileSync(command[0], command.slice(1), { stdio: ["ignore", "pipe", "inherit"] }).toString();
const recording = join(repository, "traces/python-service/python-service.ctrace");
const documentation = (module, name) => join(repository, "Sources", module, "Documentation.docc", name);

/** The page that `ctrace report --format html` writes, as it opens. */
async function takeReport(browser, folder) {
  const file = join(folder, "report.html");
  run(ctrace, "report", "--format", "html", "-o", file, recording);
  const page = await browser.open(pathToFileURL(file).href);
  await page.prefer("light");
  await page.resize(1280, 900);
  await page.waitFor(() => document.documentElement.dataset.ready, { what: "the page to be drawn" });
  await page.screenshot(documentation("CommandLine", "page.png"));
}

/** Which tracks the picture of the timeline shows: parts of their addresses and names. */
const tracks = [
  ["/sched_cpu", "CPU 0"], ["/sched_cpu", "CPU 1"],
  ["_state", "ForkProcess-1"], ["_state", "asyncio_0"], ["/slice", "asyncio_0"],
  ["_state", "asyncio_2"], ["/slice", "asyncio_2"],
  ["/track_event", "owner job_service.py:14 ledger_lock"], ["/track_event", "waiters job_service.py:14 ledger_lock"],
  ["/track_event", "depth job_service.py:53 jobs"], ["/track_event", "pool._call_queue.ctx#2"],
  ["/track_event", "handle"],
];

/** A part of the timeline in Perfetto, where a hold is selected. */
async function takeTimeline(browser) {
  const ui = run(join(repository, "tools/perfetto-ui")).trim();
  const server = spawn(ctrace, ["view", "--no-browser", "--ui", ui, recording], { stdio: ["ignore", "pipe", "ignore"] });
  const [link] = await new Promise((resolve) => createInterface(server.stdout).once("line", (...line) => resolve(line)));
  const page = await browser.open(`${link}&hideSidebar=true`);
  await page.resize(1400, 1500);
  await page.waitFor(() => Boolean(window.app?.trace), { what: "the trace to be read" });
  await page.evaluate(() => window.waitForPerfettoIdle(500));
  await page.evaluate(async (wanted) => {
    const { trace } = window.app;
    for (const [address, name] of wanted) {
      trace.workspace.flatTracks.find((track) => track.uri?.includes(address) && track.name.includes(name)).pin();
    }
    // A hold of the lock, from whose release an arrow leads to a waiter, is in the middle.
    const result = await trace.engine.query(`
      select slice.id, slice.ts from slice join flow on slice.id = slice_out
      where name = 'hold job_service.py:14 ledger_lock' and slice.ts > trace_start() + 150000000 order by slice.ts limit 1`);
    const { id, ts } = result.firstRow({ id: 0, ts: 0n });
    trace.timeline.setViewportTime(ts - 14000000n, ts + 16000000n);
    trace.selection.selectSqlEvent("slice", id);
    trace.commands.runCommand("dev.perfetto.ToggleDrawer");
  }, tracks);
  await page.evaluate(() => window.waitForPerfettoIdle(1500));
  const part = await page.evaluate(() => {
    const pinned = document.querySelector(".pf-viewer-page__pinned-track-tree");
    pinned.scrollTop = 0;
    const top = document.querySelector(".pf-timeline-header").getBoundingClientRect().top;
    const { left, bottom, width } = pinned.getBoundingClientRect();
    return { x: left, y: top, width, height: bottom - top };
  });
  await page.evaluate(() => window.waitForPerfettoIdle(500));
  await page.screenshot(documentation("TraceExport", "timeline.png"), { part });
}

const folder = await mkdtemp(join(tmpdir(), "ctrace-pictures-"));
const browser = await launch({ width: 1600, height: 1000 });
try {
  await takeReport(browser, folder);
  await takeTimeline(browser);
} finally {
  await browser.close();
  await rm(folder, { recursive: true, force: true });
}
