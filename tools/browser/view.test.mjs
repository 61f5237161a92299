// `ctrace view` in the real Perfetto UI: what is recorded is there under its name.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { launch } from "./chromium.mjs";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const ctrace = process.env.CTRACE ?? join(repository, ".build/debug/ctrace");
const pictures = process.env.CTRACE_PICTURES ?? join(repository, ".build/browser");
const run = (...command) => execFileSync(command[0], command.slice(1), { stdio: ["ignore", "pipe", "inherit"] }).toString();

let folder;
let browser;

before(async () => {
  mkdirSync(pictures, { recursive: true });
  folder = await mkdtemp(join(tmpdir(), "ctrace-view-"));
  browser = await launch({ width: 1600, height: 1000 });
});

after(async () => {
  await browser?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

/** Starts `ctrace view`: the link that it prints, and how it ends. */
async function view(trace) {
  const ui = run(join(repository, "tools/perfetto-ui")).trim();
  const child = spawn(ctrace, ["view", "--no-browser", "--ui", ui, trace], { stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise((resolve) => child.on("exit", (code, signal) => resolve(signal ?? code)));
  const [link] = await new Promise((resolve) => createInterface(child.stdout).once("line", (...line) => resolve(line)));
  return { link, ended };
}

test("a recording that is served opens with its threads, waits and counters", async () => {
  const program = join(folder, "held_lock");
  run("cc", "-O1", "-g", "-D_GNU_SOURCE", "-pthread", join(repository, "Tests/Workloads/held_lock.c"), "-o", program);
  const trace = join(folder, "held_lock.ctrace");
  run(ctrace, "record", "--quiet", "-o", trace, program);
  const report = JSON.parse(run(ctrace, "report", "--format", "json", trace));

  const { link, ended } = await view(trace);
  assert.match(link, /^http:\/\/127\.0\.0\.1:\d+\//);
  const page = await browser.open(`${link}&hideSidebar=true`);
  await page.waitFor(() => Boolean(window.app?.trace), { what: "the trace to be read" });
  await page.evaluate(() => window.waitForPerfettoIdle(500));
  // It was asked for once, and that ends the command.
  assert.equal(await ended, 0);

  const wanted = [...report.threads.map((thread) => thread.name), "held_mu"];
  const names = await page.waitFor((wanted) => {
    const { flatTracks } = window.app.trace.workspace;
    // What belongs to the program is opened, and what ran beside it is not.
    for (const track of flatTracks.filter((track) => track.hasChildren)) {
      if (track.fullPath.some((name) => name.includes("held_lock"))) track.expand();
      else track.collapse();
    }
    const names = flatTracks.map((track) => track.name);
    return wanted.every((name) => names.some((track) => track.includes(name))) && names;
  }, { args: [wanted], what: `tracks of ${wanted.join(", ")}` });
  assert.ok(names.length > report.threads.length);
  assert.equal(await page.evaluate(() => window.app.trace.traceInfo.importErrors), 0);
  // Each wait for the lock is a slice.
  const waits = report.locks.find((lock) => lock.name === "held_mu").waiters.reduce((sum, waiter) => sum + waiter.count, 0);
  const slices = await page.evaluate(async () => {
    const result = await window.app.trace.engine.query("select count(*) as n from slice where name like '%held_mu%' and name like '%wait%'");
    return Number(result.firstRow({ n: 0n }).n);
  });
  assert.ok(waits > 0 && slices >= waits, `${slices} slices of ${waits} waits`);
  // The trace came from here, once.
  const address = decodeURIComponent(new URL(link).hash.split("url=")[1].split("&")[0]);
  assert.equal(new URL(address).hostname, "127.0.0.1");
  assert.equal(page.requests.filter((request) => request === address).length, 1);
  await page.evaluate(() => window.waitForPerfettoIdle(500));
  await page.screenshot(join(pictures, "perfetto.png"));
});
