// The page of `ctrace diff --format html` in a browser: what is drawn, of runs whose figures are made.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

import { launch } from "./chromium.mjs";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const ctrace = process.env.CTRACE ?? join(repository, ".build/debug/ctrace");
const pictures = process.env.CTRACE_PICTURES ?? join(repository, ".build/browser");
const machine = { host: "Linux 6.1, CPU of one kind", cpus: 2, recorder: "ctrace" };
const hostile = "</script><!--<img src=x onerror=console.error(1)>\"'&amp;\u202e{{main}}";
const runs = 12;

let folder;
let browser;
let page;

/** Figures of a lock: nanoseconds of each hold and of waiting for each acquire. */
const lock = (name, held, waited) => ({
  name, kind: "mutex", count: 1, acquisitions: 1000, contended: 500, utilisation: (held * 1000) / 1e9,
  heldNs: Math.round(held * 1000), waitNs: Math.round(waited * 1000), waitP99Ns: Math.round(waited * 2),
  place: { function: "evict", file: "/src/cache.c", line: 118 },
});

/** Runs of a side that differ by a few per cent, and took turns with those of the other. */
const side = (isHead) => Array.from({ length: runs }, (_, place) => {
  const factor = 1 + (place - (runs - 1) / 2) / 100;
  return {
    program: ["./prog"], machine, startedAtNs: (place * 2 + ((place % 2 === 1) === isHead ? 0 : 1)) * 2e9,
    exitCode: 0, durationNs: 1e9, events: 1e6, lost: 0, complete: true, overheadNs: 0, queues: [], facts: [],
    locks: [
      lock("cache_mu", (isHead ? 300_000 : 150_000) * factor, 20_000),
      lock(hostile, 20_000 * factor, (isHead ? 20_000 : 80_000) * factor),
      lock("log_mu", 30_000 * factor, 9000 * factor),
    ],
  };
});

before(async () => {
  mkdirSync(pictures, { recursive: true });
  folder = await mkdtemp(join(tmpdir(), "ctrace-comparison-"));
  for (const [name, figures] of [["base", side(false)], ["head", side(true)]]) {
    await writeFile(join(folder, `${name}.json`),
      JSON.stringify({ schema: "ctrace-baseline/1", command: ["./prog"], machine, runs: figures }));
  }
  const diff = spawnSync(ctrace,
    ["diff", "--no-github", "--budget", "utilisation=25%", "--format", "html=page.html", "base.json", "--", "head.json"],
    { cwd: folder, encoding: "utf8" });
  assert.equal(diff.status, 3, diff.stderr);
  browser = await launch();
  page = await browser.open(pathToFileURL(join(folder, "page.html")).href);
});

after(async () => {
  await browser?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

test("the verdict stands above, and nothing is asked of the network", async () => {
  assert.equal(await page.evaluate(() => document.querySelector("h1").textContent), "REGRESSION");
  const sentence = await page.evaluate(() => document.querySelector("#verdict .sentence").textContent);
  assert.match(sentence, /^cache_mu is held 2\.0× as/);
  assert.deepEqual(page.errors, []);
  assert.deepEqual(page.requests, [pathToFileURL(join(folder, "page.html")).href]);
});

test("every run is a dot, those of the base above those of the head, with medians and limits", async () => {
  const rows = await page.evaluate(() => [...document.querySelectorAll("tbody tr")].map((row) => {
    const middle = (element) => {
      const { left, right, top, bottom } = element.getBoundingClientRect();
      return { x: (left + right) / 2, y: (top + bottom) / 2 };
    };
    const all = (selector) => [...row.querySelectorAll(selector)].map(middle);
    return {
      result: row.cells[0].textContent, name: row.cells[1].firstChild.textContent, figure: row.cells[2].textContent,
      base: all(".base circle"), head: all(".head circle"), baseMedian: all(".base .median"),
      headMedian: all(".head .median"), limit: all(".limit"),
    };
  }));
  const held = rows.find((row) => row.name === "cache_mu" && row.figure === "hold, each");
  assert.equal(held.result, "FAILED");
  assert.deepEqual([held.base.length, held.head.length, held.limit.length], [runs, runs, 0]);
  assert.ok(Math.max(...held.base.map((dot) => dot.y)) < Math.min(...held.head.map((dot) => dot.y)));
  // As many dots left of a median as right of it.
  for (const [dots, [median]] of [[held.base, held.baseMedian], [held.head, held.headMedian]]) {
    assert.equal(dots.filter((dot) => dot.x < median.x).length, runs / 2);
  }
  const budget = rows.find((row) => row.name === "cache_mu" && row.result === "FAILED" && row.limit.length === 1);
  assert.equal(budget.head.length, runs);
  // 30 % in the middle, and the limit is 25 %.
  assert.ok(budget.limit[0].x < budget.headMedian[0].x);
  for (const row of rows) assert.ok([0, runs].includes(row.base.length) && row.head.length === runs, row.name);
});

test("a name that looks like markup stays a name", async () => {
  const names = await page.evaluate(() => [...document.querySelectorAll("td.name")].map((cell) => cell.firstChild.textContent));
  assert.ok(names.includes(hostile.replace("\u202e", "\\u{202e}")), names.join("\n"));
  assert.equal(await page.evaluate(() => document.querySelectorAll("script, img").length), 0);
});

test("what is as before is folded away, and opens", async () => {
  const isShown = () => page.evaluate(() => document.querySelector("details table").checkVisibility());
  assert.equal(await isShown(), false);
  await page.click("summary");
  assert.equal(await isShown(), true);
  await page.click("summary");
});

test("it looks as it should in light, in dark, narrow and printed", async () => {
  const back = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.prefer("light");
  const light = await back();
  await page.screenshot(join(pictures, "comparison-light.png"), { whole: true });
  await page.prefer("dark");
  assert.notEqual(await back(), light);
  await page.screenshot(join(pictures, "comparison-dark.png"), { whole: true });
  await page.prefer("light");
  await page.resize(420, 900);
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(content <= window, `${content} pixels in a window of ${window}`);
  await page.screenshot(join(pictures, "comparison-narrow.png"));
  await page.resize(1280, 900);
  await page.print(join(pictures, "comparison.pdf"));
  assert.deepEqual(page.errors, []);
});
