// The page of `ctrace report --format html` in a browser: what is drawn, and what input does to it.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

import { launch } from "./chromium.mjs";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const ctrace = process.env.CTRACE ?? join(repository, ".build/debug/ctrace");
const pictures = process.env.CTRACE_PICTURES ?? join(repository, ".build/browser");
const run = (...command) => execFileSync(command[0], command.slice(1), { stdio: ["ignore", "pipe", "inherit"] }).toString();

let folder;
let browser;
let page;
let report;

before(async () => {
  mkdirSync(pictures, { recursive: true });
  folder = await mkdtemp(join(tmpdir(), "ctrace-page-"));
  const trace = join(folder, "app.ctrace");
  // Threads, a lock, a queue, tasks and a loop.
  run(ctrace, "record", "--quiet", "-o", trace, "/usr/bin/python3", join(repository, "Tests/Workloads/python/app.py"));
  report = JSON.parse(run(ctrace, "report", "--format", "json", trace));
  run(ctrace, "report", "--format", "html", "-o", join(folder, "app.html"), trace);
  browser = await launch();
  page = await browser.open(pathToFileURL(join(folder, "app.html")).href);
  await page.waitFor(() => document.documentElement.dataset.ready, { what: "the page to be drawn" });
});

after(async () => {
  await browser?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

/** The texts of a column, counted from 1, of the rows that are not details. */
const column = (section, place) => page.evaluate((section, place) =>
  [...document.querySelectorAll(`#${section} tbody tr:not(.details) td:nth-child(${place})`)].map((cell) => cell.textContent),
section, place);

/** All words of a page, with what is folded away. */
const words = (page) => page.evaluate(() => {
  for (const toggle of document.querySelectorAll('.toggle[aria-expanded="false"]')) toggle.click();
  return document.body.innerText;
});
const unfinished = /\[object|undefined|NaN|null/;

/** What the timeline shows, in nanoseconds. */
const shown = () => page.evaluate(() => {
  const { from, to } = document.querySelector("#timeline svg").dataset;
  return { from: Number(from), to: Number(to) };
});

test("it says what the report says, and asks the network for nothing", async () => {
  assert.deepEqual(page.errors, []);
  assert.deepEqual(page.requests, [pathToFileURL(join(folder, "app.html")).href]);
  assert.equal(await page.evaluate(() => document.querySelector("#verdict .sentence").textContent), report.findings[0].text);
  const lock = report.locks.find((lock) => lock.name.includes("cache_lock"));
  assert.ok((await column("locks", 1)).some((name) => name.includes(lock.name)));
  assert.ok((await column("threads", 1)).length === Math.min(12, report.threads.length));
  for (const section of ["time", "timeline", "queues", "tasks", "loops", "stacks"]) {
    assert.ok(await page.evaluate((id) => document.getElementById(id) !== null, section), section);
  }
});

test("its figures are those of the text, and findings have theirs", async () => {
  const markdown = run(ctrace, "report", "--format", "markdown", "--top", "99", join(folder, "app.ctrace")).split("\n");
  /** The rows of a table of the text, by heading; headings that stand several times have one number more. */
  const told = (title) => {
    const cells = (line) => line.slice(2, -2).split(" | ").map((cell) =>
      cell.replace(/\\(.)/g, "$1").replace(/<!-- -->/g, "").replace(/&lt;/g, "<").replace(/&gt;/g, ">")
        .replace(/&#(\d+);/g, (_, number) => String.fromCharCode(number)));
    const start = markdown.findIndex((line) => line.startsWith(`| ${title} |`));
    const headings = cells(markdown[start]);
    const rows = markdown.slice(start + 2, markdown.indexOf("", start));
    return rows.map((row) => Object.fromEntries(cells(row).map((cell, place) => [headings[place], cell])));
  };
  /** Cells of the page, by the name that their row begins with. */
  const drawn = (section, ...headings) => page.evaluate((section, headings) => {
    const titles = [...document.querySelectorAll(`#${section} thead th`)].map((heading) => heading.textContent);
    return Object.fromEntries([...document.querySelectorAll(`#${section} tbody tr:not(.details)`)].map((row) => {
      const cells = [...row.cells].map((cell) => cell.textContent);
      return [cells[0], headings.map((heading) => cells[titles.indexOf(heading)])];
    }));
  }, section, headings);

  const locks = await drawn("locks", "busy", "waited", "p50", "p99", "contended");
  const rows = told("LOCKS").filter((row) => row.LOCKS in locks);
  assert.ok(rows.length > 0);
  for (const row of rows) {
    assert.deepEqual(locks[row.LOCKS], ["busy", "wait total", "p50", "p99", "contended"].map((title) => row[title]));
  }
  const queues = await drawn("queues", "mean", "max", "full", "empty", "in it p99");
  for (const row of told("QUEUES")) {
    assert.deepEqual(queues[row.QUEUES].map((cell) => cell || "0 %"),
      ["mean", "max", "full", "empty", "p99"].map((title) => row[title] || "0 %"), row.QUEUES);
  }
  const threads = Object.entries(await drawn("threads", "run", "lock"));
  for (const row of told("THREADS")) {
    const [, cells] = threads.find(([name]) => name.split(" ").includes(row.THREADS.split(" ")[0]));
    assert.deepEqual(cells.map((cell) => (cell === "0" ? "0 %" : cell)), [row.run, row.lock], row.THREADS);
  }
  const time = await page.evaluate(() => document.querySelector("#time .legend").textContent);
  const sentence = markdown.find((line) => line.startsWith("**TIME**"));
  for (const word of ["running", "waiting for locks"]) {
    const part = new RegExp(`${word} (<?\\d+ %)`);
    assert.equal(time.match(part)[1], sentence.replace("&lt;", "<").match(part)[1]);
  }
  assert.equal(await page.evaluate(() => document.querySelectorAll("#verdict details").length), report.findings.length);
  const figures = await page.evaluate(() => [...document.querySelectorAll("#verdict .figure code")].map((name) => name.textContent));
  const links = ["lock", "queue", "task", "tid"];
  assert.deepEqual(figures, report.findings.flatMap((finding) =>
    Object.keys(finding.evidence).filter((name) => !links.includes(name)).sort()));
});

test("links lead from findings to what they are about, and an address does too", async () => {
  const links = await page.evaluate(() => [...document.querySelectorAll("a.link")].map((link) => link.getAttribute("href")));
  assert.ok(links.every((link) => /^#(lock|thread|queue|task|gil)(-\d+)+$/.test(link)), String(links));
  for (const kind of ["task", "thread"]) {
    await page.click(`#verdict a[href^="#${kind}-"]`);
    const [name, row] = await page.waitFor((kind) => {
      const link = document.querySelector(`#verdict a[href^="#${kind}-"]`);
      const row = document.getElementById(link.hash.slice(1));
      const { top } = row.getBoundingClientRect();
      const isSeen = row.nextSibling?.className === "details" && top > 0 && top < innerHeight;
      return isSeen && [link.textContent, row.cells[0].textContent];
    }, { what: `the ${kind} to be open and seen`, args: [kind] });
    assert.ok(row.startsWith(name), `${name}: ${row}`);
  }
  const lock = report.locks.find((lock) => lock.name.includes("cache_lock"));
  const other = await browser.open(`${pathToFileURL(join(folder, "app.html")).href}#lock-${lock.id}`);
  const text = await other.waitFor(() => document.querySelector("#locks tr.details")?.textContent, { what: "the lock's row to open" });
  assert.ok(text.includes(lock.waiters[0].stack[0].function));
  assert.deepEqual([...other.errors, ...page.errors], []);
  await other.close();
  await page.show();
  await page.go(pathToFileURL(join(folder, "app.html")).href);
});

test("a queue that is always full is told with the share that its row has, which a link leads to", async () => {
  const trace = join(folder, "full.ctrace");
  run(ctrace, "record", "--quiet", "-o", trace, "/usr/bin/python3", join(repository, "Tests/Workloads/python/one_sided_queue.py"), "full");
  run(ctrace, "report", "--format", "html", "-o", join(folder, "full.html"), trace);
  const full = await browser.open(pathToFileURL(join(folder, "full.html")).href);
  await full.waitFor(() => document.documentElement.dataset.ready, { what: "the page to be drawn" });
  await full.click('#verdict a[href^="#queue-"]');
  const [text, name, share] = await full.evaluate(() => {
    const link = document.querySelector('#verdict a[href^="#queue-"]');
    const titles = [...document.querySelectorAll("#queues thead th")].map((heading) => heading.textContent);
    const row = document.getElementById(link.hash.slice(1));
    return [link.closest(".finding").textContent, row.cells[0].textContent, row.cells[titles.indexOf("full")].textContent];
  });
  assert.match(share, /^\d+ %$/);
  assert.ok(text.startsWith(`${name} was full ${share} of the run`), text);
  await full.waitFor(() => document.querySelector("#queues tr.details"), { what: "the row to open" });
  await full.close();
  await page.show();
});

test("a heading that is clicked sorts its column, and sorts it the other way when clicked again", async () => {
  const life = (name) => {
    const thread = report.threads.find((thread) => name.split(" ").includes(String(thread.tid)));
    return thread.endNs - thread.startNs;
  };
  const heading = "#threads thead th:nth-child(3)";
  const sorted = () => page.evaluate((heading) => document.querySelector(heading).getAttribute("aria-sort"), heading);
  assert.equal(await sorted(), "none");
  await page.click(`${heading} button`);
  assert.equal(await sorted(), "descending");
  const down = (await column("threads", 1)).map(life);
  assert.deepEqual(down, [...down].sort((a, b) => b - a));
  assert.ok(down[0] > down.at(-1));
  // By keyboard: the button has it.
  await page.press("Enter");
  assert.equal(await sorted(), "ascending");
  const up = (await column("threads", 1)).map(life);
  assert.deepEqual(up, [...up].sort((a, b) => a - b));
  assert.deepEqual(page.errors, []);
});

test("a row opens and shows its stacks", async () => {
  await page.click("#locks tbody tr .toggle");
  const text = await page.waitFor(() => document.querySelector("#locks tr.details")?.textContent, { what: "details" });
  const lock = report.locks.find((lock) => lock.name.includes("cache_lock"));
  assert.ok(text.includes("Waited") && text.includes(lock.waiters[0].stack[0].function), text);
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-expanded")), "true");
  await page.press("Enter");
  await page.waitFor(() => !document.querySelector("#locks tr.details"), { what: "details to go" });
});

test("the timeline is zoomed and moved by pointer, wheel and keys", async () => {
  const whole = await shown();
  assert.deepEqual(whole, { from: 0, to: report.recording.durationNs });
  const lanes = await page.evaluate(() => document.querySelectorAll("#timeline svg .back").length);
  assert.equal(lanes, Math.min(24, report.threads.length));

  // The second quarter is dragged over.
  const { left, width, y } = await page.middle("#timeline svg");
  const span = whole.to;
  await page.drag({ x: left + width / 4, y }, { x: left + width / 2, y });
  const quarter = await shown();
  assert.ok(Math.abs(quarter.from - span / 4) < span / 50 && Math.abs(quarter.to - span / 2) < span / 50, JSON.stringify(quarter));
  // What was a quarter of the picture fills it: shapes follow.
  const pixels = () => page.evaluate(() => document.querySelector("#timeline svg path").getScreenCTM().a);
  const scale = await pixels();
  await page.press("0");
  assert.deepEqual(await shown(), whole);
  const before = await pixels();
  assert.ok(Math.abs(scale / before - 4) < 0.3, `${scale} ${before}`);

  await page.wheel(left + width / 2, y, -200, { control: true });
  const wheeled = await page.waitFor(() => {
    const { from, to } = document.querySelector("#timeline svg").dataset;
    return Number(from) > 0 && { from: Number(from), to: Number(to) };
  }, { what: "the wheel to zoom" });
  assert.ok(wheeled.to - wheeled.from < span * 0.9);
  await page.focus("#timeline svg");
  await page.press("ArrowRight");
  assert.ok((await shown()).from > wheeled.from);
  await page.drag({ x: left + width / 4, y }, { x: left + width * 0.75, y }, { shift: true });
  assert.ok((await shown()).from < wheeled.from);
  await page.click('#timeline button[aria-label="Zoom out"]');
  await page.press("Enter");
  await page.press("Enter");
  assert.deepEqual(await shown(), whole);

  // Under the pointer is said what is there.
  const first = await page.middle("#timeline svg");
  await page.hover(first.x, first.top + 24 + 6 + 9);
  const tip = await page.waitFor(() => !document.getElementById("tip").hidden && document.getElementById("tip").textContent, { what: "a tip" });
  assert.match(tip, /waiting for locks|running|idle|condition/);
  assert.deepEqual(page.errors, []);
});

test("a part of the run has a page too", async () => {
  const path = join(folder, "part.html");
  run(ctrace, "report", "--format", "html", "--from", "0.5s", "--to", "1s", "-o", path, join(folder, "app.ctrace"));
  const part = await browser.open(pathToFileURL(path).href);
  await part.waitFor(() => document.documentElement.dataset.ready, { what: "the page to be drawn" });
  const { from, to } = await part.evaluate(() => ({ ...document.querySelector("#timeline svg").dataset }));
  assert.deepEqual([from, to], ["500000000", "1000000000"]);
  const text = await words(part);
  assert.match(text, /only 500 ms to 1\.0 s of the recording/);
  assert.match(text, /Note: of a part of a recording/);
  assert.doesNotMatch(text, unfinished);
  assert.deepEqual(part.errors, []);
  await part.close();
  await page.show();
});

test("all words are finished", async () => {
  assert.doesNotMatch(await words(page), unfinished);
  assert.deepEqual(page.errors, []);
  await page.go(pathToFileURL(join(folder, "app.html")).href);
});

test("the flame view is entered and left", async () => {
  const count = () => page.evaluate(() => document.querySelectorAll("#stacks .flame button:not(.above)").length);
  const all = await count();
  assert.ok(all > 2);
  await page.click("#stacks .flame button:nth-child(3)");
  assert.equal(await page.evaluate(() => document.querySelectorAll("#stacks .flame button.above").length), 2);
  assert.ok((await count()) < all);
  await page.click("#stacks .flame button:nth-child(1)");
  assert.equal(await count(), all);
  await page.click("#stacks .controls button:nth-child(2)");
  assert.equal(await page.evaluate(() => document.querySelector("#stacks .controls button:nth-child(2)").getAttribute("aria-pressed")), "true");
});

test("it looks as it should in light, in dark, narrow and printed", async () => {
  const back = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.prefer("light");
  const light = await back();
  await page.screenshot(join(pictures, "report-light.png"), { whole: true });
  await page.prefer("dark");
  assert.notEqual(await back(), light);
  await page.screenshot(join(pictures, "report-dark.png"), { whole: true });
  await page.prefer("light");
  await page.resize(420, 900);
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(content <= window, `${content} pixels in a window of ${window}`);
  await page.screenshot(join(pictures, "report-narrow.png"));
  await page.resize(1280, 900);
  await page.print(join(pictures, "report.pdf"));
  assert.deepEqual(page.errors, []);
});

test("names that look like markup stay names", async () => {
  // A lock is called by its file, and places of findings name threads.
  const source = join(folder, "<img src=x onerror=console.error(2)>.py");
  const name = "</script><!--<img src=x>";
  await writeFile(source, [
    "import threading, time",
    "lock = threading.Lock()",
    "other = threading.Lock()",
    "def work():",
    "    for _ in range(20):",
    "        with lock: time.sleep(0.002)",
    "def take(first, second):",
    "    with first:",
    "        with second: pass",
    `threads = [threading.Thread(target=work, name=${JSON.stringify(name)}) for _ in range(2)]`,
    "[thread.start() for thread in threads]",
    "[thread.join() for thread in threads]",
    "for locks in (lock, other), (other, lock):",
    `    thread = threading.Thread(target=take, args=locks, name=${JSON.stringify(name)})`,
    "    thread.start()",
    "    thread.join()",
  ].join("\n"));
  const trace = join(folder, "<b>&.ctrace");
  run(ctrace, "record", "--quiet", "-o", trace, "/usr/bin/python3", source,
    "</script><img src=x onerror=console.error(1)>");
  run(ctrace, "report", "--format", "html", "-o", join(folder, "hostile.html"), trace);
  const hostile = await browser.open(pathToFileURL(join(folder, "hostile.html")).href);
  await hostile.waitFor(() => document.documentElement.dataset.ready, { what: "the page to be drawn" });
  assert.equal(await hostile.evaluate(() => document.querySelectorAll("img, b > b").length), 0);
  assert.equal(await hostile.evaluate(() => document.querySelectorAll("script").length), 2);
  // What findings say, name and lead to is text too.
  const { findings } = JSON.parse(run(ctrace, "report", "--format", "json", trace));
  const order = findings.find((finding) => finding.kind === "lock-order");
  assert.ok(order.text.includes("<img src=x") && order.places.every((place) => place.thread === name), JSON.stringify(order));
  const verdict = await hostile.evaluate(() => {
    for (const details of document.querySelectorAll("#verdict details")) details.open = true;
    return document.getElementById("verdict").innerText;
  });
  assert.ok(verdict.includes(order.text) && verdict.includes(`${name} ${order.places[0].what}`), verdict);
  const links = await hostile.evaluate(() => [...document.querySelectorAll("a.link")].map((link) => [link.getAttribute("href"), link.textContent]));
  assert.ok(links.some(([, text]) => text === name) && links.some(([, text]) => text.includes("<img src=x")));
  assert.ok(links.every(([href]) => /^#[a-z]+(-\d+)+$/.test(href)), String(links));
  await hostile.click("#verdict a.link");
  await hostile.waitFor(() => document.querySelector("tr.details"), { what: "what a link leads to" });
  assert.equal(await hostile.evaluate(() => document.querySelectorAll("img, b > b").length), 0);
  assert.deepEqual(hostile.errors, []);
  assert.ok((await readFile(join(folder, "hostile.html"), "utf8")).length < 1 << 20);
});
