// How the page makes elements and writes numbers. Text only ever becomes text: nothing that a recording
// says is read as markup.

const data = JSON.parse(document.getElementById("data").textContent);
const { report, timeline } = data;

/** An element with attributes and children; strings become text. */
function h(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** The same for SVG. */
function s(name, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "style") Object.assign(element.style, value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child || child === 0));
  return element;
}

/** A number to one digit behind the point, rounded as the text of the terminal is. */
const tenths = (value) => (Math.round(value * 10) / 10).toFixed(1);

/** Nanoseconds in two or three digits: 950 ns, 4.1 ms, 12.3 s. */
function brief(ns) {
  for (const [unit, size] of [["s", 1e9], ["ms", 1e6], ["us", 1e3]]) {
    if (Math.abs(ns) < size) continue;
    const value = ns / size;
    return `${Math.abs(value) >= 100 ? Math.round(value) : tenths(value)} ${unit}`;
  }
  return `${Math.round(ns)} ns`;
}

/** A moment, as precisely as a step of an axis needs. */
function moment(ns, step) {
  const [unit, size] = [["s", 1e9], ["ms", 1e6], ["us", 1e3], ["ns", 1]]
    .find(([, size]) => Math.max(ns, step) >= size) ?? ["ns", 1];
  const digits = Math.min(9, Math.max(0, Math.ceil(-Math.log10(step / size) - 1e-9)));
  return ns === 0 ? "0" : `${(ns / size).toFixed(digits)} ${unit}`;
}

/** 1,234,567 */
const grouped = (number) => Number(number).toLocaleString("en-US");

/** A part of a whole in per cent. */
function percent(part, whole = 1) {
  const value = whole > 0 ? (part / whole) * 100 : 0;
  return value > 0 && value < 1 ? "<1 %" : `${Math.round(value)} %`;
}

/** 1 thread, 2 threads */
const counted = (count, noun, nouns = `${noun}s`) => `${grouped(count)} ${Number(count) === 1 ? noun : nouns}`;

/** An amount of what a queue holds. */
function amount(value, unit) {
  if (unit !== "bytes") return Number.isInteger(value) ? grouped(value) : tenths(value);
  for (const [name, size] of [["GB", 1e9], ["MB", 1e6], ["kB", 1e3]]) {
    if (value >= size) return `${tenths(value / size)} ${name}`;
  }
  return `${Math.round(value)} B`;
}

/** A name, with the process where there are several. */
const named = (name, pid) => (report.processes.length > 1 ? `${name} [${pid}]` : name);

/** The function of a frame. */
const functionName = (frame) => frame.function || `${frame.module || "?"}+0x${frame.offset.toString(16)}`;

/** Its file and line. */
const fileLine = (frame) => (frame.file ? `${frame.file.split("/").pop()}:${frame.line}` : "");

/** The innermost frame of a stack in a few words. */
function place(stack) {
  if (!stack || !stack.length) return "";
  const frame = stack[0];
  if (frame.module === "python") return fileLine(frame);
  return [functionName(frame), fileLine(frame)].filter(Boolean).join(" ");
}

/** A stack, innermost first, under a line of its own. */
function stackView(heading, stack) {
  const frames = stack.length ? stack : [{ function: "place unknown", file: "", module: "?", line: 0, offset: 0 }];
  return h("div", { class: "stack" }, heading,
    h("ol", {}, frames.map((frame) =>
      h("li", { title: [frame.file && `${frame.file}:${frame.line}`, frame.module].filter(Boolean).join("  ") },
        functionName(frame), " ", h("span", {}, fileLine(frame) || frame.module)))));
}

/** Columns of stacks under headings; those without any are left out. */
function stackColumns(...columns) {
  return h("div", { class: "stacks" }, columns.filter(([, stacks]) => stacks.length).map(([title, stacks]) =>
    h("div", {}, h("h3", {}, title), stacks)));
}

/** What a thread can be doing, in the order in which it is shown. */
const states = [
  { key: "running", time: "runNs", words: "running" },
  { key: "lockWait", time: "lockWaitNs", words: "waiting for locks" },
  { key: "runnable", time: "runnableNs", words: "runnable, no CPU" },
  { key: "queueWait", time: "queueWaitNs", words: "condition or queue" },
  { key: "idle", time: "idleNs", words: "idle or I/O" },
  { key: "unknown", words: "running or asleep" },
];

/** Parts of a whole side by side. */
function bar(parts, { small = false, label } = {}) {
  const whole = parts.reduce((sum, part) => sum + part.value, 0) || 1;
  return h("div", { class: small ? "bar small" : "bar", role: "img",
    "aria-label": label ?? parts.map((part) => `${part.words} ${percent(part.value, whole)}`).join(", ") },
    parts.filter((part) => part.value > 0).map((part) =>
      h("i", { class: part.key, style: { width: `${(part.value / whole) * 100}%` },
        title: `${part.words} ${brief(part.value)}, ${percent(part.value, whole)}` })));
}

/** What the colours mean. */
function legend(entries) {
  return h("ul", { class: "legend" }, entries.map(([key, ...words]) =>
    h("li", {}, h("span", { class: `swatch ${key}` }), words)));
}

/** A few rows that need no sorting; those of numbers stand at the right. */
function list(headings, rows) {
  if (!rows.length) return "";
  const isNumber = (column) => rows.some((row) => typeof row[column] === "object" && row[column]?.number !== undefined);
  const cell = (value) => (typeof value === "object" && value?.number !== undefined ? value.number : value);
  const className = (column) => isNumber(column) && "number";
  return h("table", { class: "list" },
    h("thead", {}, h("tr", {}, headings.map((heading, column) => h("th", { scope: "col", class: className(column) }, heading)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, row.map((value, column) => h("td", { class: className(column) }, cell(value)))))));
}

/** How many things there are of each length. */
function sizes(counts, label) {
  const most = Math.max(...counts.map((size) => size.count), 1);
  return h("div", { class: "sizes", role: "img", "aria-label": label }, counts.map((size) =>
    h("div", { title: `${grouped(size.count)} of ${brief(size.belowNs / 2)} to ${brief(size.belowNs)}` },
      h("i", { style: { height: `${Math.max(1, (size.count / most) * 44)}px` } }), h("span", {}, brief(size.belowNs)))));
}

/** A small curve. */
function spark(values, label) {
  const greatest = Math.max(...values, 0);
  if (!(greatest > 0)) return "";
  const path = values.map((value, x) => `M${x} 1v${-Math.max(0, value / greatest)}h1v${Math.max(0, value / greatest)}z`);
  return s("svg", { class: "spark", viewBox: `0 0 ${values.length} 1`, preserveAspectRatio: "none", role: "img",
    "aria-label": label }, s("path", { d: path.join("") }));
}

/** A section with its title; the table of contents gets it too. */
function section(id, title, remark, ...content) {
  const element = h("section", { id, "aria-labelledby": `${id}-title` },
    h("div", { class: "title" }, h("h2", { id: `${id}-title` }, title), h("span", { class: "muted" }, remark)), content);
  document.getElementById("contents").append(h("a", { href: `#${id}` }, title));
  document.getElementById("main").append(element);
  return element;
}
