// The run over time: a lane for each thread, curves of waiters and depths, one axis. The shapes are made
// once, a part of the run one unit wide; zooming only changes which of them are seen.

const laneHeight = 18;
const laneGap = 6;
const axisHeight = 24;
const lanesAtFirst = 24;
/** From the bottom of a lane to its top. */
const stacked = ["running", "runnable", "queueWait", "lockWait", "unknown"];
/** What stands in a run of equal parts; times are in thousandths of a part. */
const runFields = ["count", "running", "runnable", "lockWait", "queueWait", "idle", "unknown", "lock", "holder", "waitedFor"];

/** The runs of a thread, each with the part that it begins with. */
function runsOf(track) {
  const runs = [];
  let start = track.first;
  for (let at = 0; at < track.runs.length; at += runFields.length) {
    const run = { start };
    runFields.forEach((field, index) => { run[field] = track.runs[at + index]; });
    runs.push(run);
    start += run.count;
  }
  return runs;
}

function timelineView() {
  const { startNs, partNs, parts } = timeline;
  const spanNs = timeline.spanNs;
  const least = Math.max(partNs * 4, 1);
  const tracks = timeline.threads.map((track) => {
    const runs = runsOf(track);
    return { thread: report.threads[track.thread], place: track.thread, first: track.first, runs,
      last: runs.length ? runs.at(-1).start + runs.at(-1).count : track.first };
  });
  const curves = [
    ...timeline.waiters.map((curve) => ({ ...curve, words: "waiters" })),
    ...timeline.depths.map((curve) => ({ ...curve, words: curve.kind === "label" ? "counter" : "depth" })),
  ];
  const orders = {
    "most lock wait": () => 0,
    "start": (a, b) => a.thread.startNs - b.thread.startNs || a.place - b.place,
    "name": (a, b) => a.thread.name.localeCompare(b.thread.name) || a.place - b.place,
  };

  // What is shown of it, in nanoseconds from its start.
  let view = { from: 0, to: spanNs };
  let order = "most lock wait";
  let showsAll = tracks.length <= lanesAtFirst;
  let lanes = [];

  const axis = s("g", { class: "axis" });
  const shapes = s("svg", { width: "100%", preserveAspectRatio: "none" });
  const cursor = s("line", { class: "cursor", y1: 0, visibility: "hidden" });
  const chosen = s("rect", { class: "chosen", y: axisHeight, visibility: "hidden" });
  const image = s("svg", { role: "group", tabindex: "0", "aria-describedby": "timeline-range timeline-help" },
    axis, shapes, cursor, chosen);
  const labels = h("div", { class: "labels" });
  const range = h("span", { class: "range mono", id: "timeline-range", "aria-live": "polite" });
  const all = h("button", { class: "more", onclick: () => { showsAll = !showsAll; drawLanes(); } });

  // MARK: Shapes

  function drawLanes() {
    const threads = [...tracks].sort(orders[order]);
    lanes = [...threads.slice(0, showsAll ? threads.length : lanesAtFirst), ...curves];
    const height = axisHeight + lanes.length * (laneHeight + laneGap) + laneGap;
    image.setAttribute("height", height);
    shapes.setAttribute("height", height);
    for (const mark of [cursor, chosen]) mark.setAttribute(mark === cursor ? "y2" : "height", height - (mark === chosen ? axisHeight : 0));
    shapes.replaceChildren(...lanes.flatMap((lane, index) => {
      const bottom = axisHeight + laneGap + index * (laneHeight + laneGap) + laneHeight;
      return lane.runs ? threadShapes(lane, bottom) : curveShapes(lane, bottom);
    }));
    labels.replaceChildren(h("div", { style: { height: `${axisHeight + laneGap}px` } }), ...lanes.map(label));
    all.hidden = tracks.length <= lanesAtFirst;
    all.textContent = showsAll ? "Fewer threads" : `All ${tracks.length} threads`;
    draw();
  }

  function threadShapes(lane, bottom) {
    const paths = Object.fromEntries(stacked.map((state) => [state, []]));
    for (const run of lane.runs) {
      let below = bottom;
      for (const state of stacked) {
        if (!run[state]) continue;
        const tall = (run[state] / 1000) * laneHeight;
        paths[state].push(`M${run.start} ${below.toFixed(2)}h${run.count}v${(-tall).toFixed(2)}h${-run.count}z`);
        below -= tall;
      }
    }
    return [
      s("rect", { class: "back", x: lane.first, width: Math.max(lane.last - lane.first, 0.001),
        y: bottom - laneHeight, height: laneHeight }),
      ...stacked.filter((state) => paths[state].length).map((state) =>
        s("path", { class: state, d: paths[state].join("") })),
    ];
  }

  function curveShapes(curve, bottom) {
    const greatest = Math.max(...curve.maxima, 1);
    const path = (values) => values.map((value, x) => {
      const tall = (Math.max(0, value) / greatest) * laneHeight;
      return tall > 0 ? `M${x} ${bottom}v${(-tall).toFixed(2)}h1v${tall.toFixed(2)}z` : "";
    }).join("");
    return [
      s("rect", { class: "track", x: 0, width: parts, y: bottom - laneHeight, height: laneHeight }),
      s("path", { class: "curve-max", d: path(curve.maxima) }),
      s("path", { class: "curve-mean", d: path(curve.means) }),
    ];
  }

  function label(lane) {
    const style = { height: `${laneHeight + laneGap}px`, lineHeight: `${laneHeight}px` };
    if (!lane.runs) {
      const most = Math.max(...lane.maxima);
      return h("div", { class: "label", style, title: `${lane.kind} ${lane.name}` },
        named(lane.name, lane.pid), " ", h("span", { class: "muted" },
          lane.words === "waiters" ? `≤ ${counted(most, "waiter")}` : `${lane.words} ≤ ${amount(most, lane.unit)}`));
    }
    const { thread } = lane;
    const life = Math.max(1, thread.endNs - thread.startNs);
    const waited = thread.lockWaitNs / life;
    return h("div", { class: "label", style, title: `thread ${thread.tid} of process ${thread.pid}` },
      named(thread.name || String(thread.tid), thread.pid), " ",
      waited >= 0.005 && h("span", { class: "muted" }, `lock ${percent(waited)}`));
  }

  // MARK: Time

  const width = () => image.getBoundingClientRect().width || 800;
  const scale = () => width() / (view.to - view.from);

  function draw() {
    shapes.setAttribute("viewBox",
      `${view.from / partNs} 0 ${(view.to - view.from) / partNs} ${image.getAttribute("height")}`);
    const step = niceStep((view.to - view.from) / Math.max(2, width() / 110));
    const ticks = [];
    const first = Math.ceil((startNs + view.from) / step) * step;
    for (let time = first; time <= startNs + view.to && ticks.length < 200; time += step) {
      const part = (time - startNs - view.from) / (view.to - view.from);
      const x = `${part * 100}%`;
      ticks.push(s("line", { x1: x, x2: x, y1: axisHeight - 6, y2: image.getAttribute("height") }),
        s("text", { x, dx: part > 0.95 ? -4 : 4, y: 12, "text-anchor": part > 0.95 ? "end" : "start" }, moment(time, step)));
    }
    axis.replaceChildren(...ticks);
    const [from, to] = [startNs + view.from, startNs + view.to];
    const fine = niceStep((to - from) / 100);
    range.textContent = `${moment(from, fine)} to ${moment(to, fine)}, ${brief(to - from)}`;
    image.dataset.from = Math.round(from);
    image.dataset.to = Math.round(to);
    image.setAttribute("aria-label", `Timeline of ${tracks.length} threads`);
  }

  /** 1, 2 or 5 of a power of ten. */
  function niceStep(least) {
    const power = 10 ** Math.floor(Math.log10(Math.max(least, 1)));
    return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least * 0.999);
  }

  function show(from, to) {
    const span = Math.min(Math.max(to - from, Math.min(least, spanNs)), spanNs);
    const start = Math.min(Math.max((from + to - span) / 2, 0), spanNs - span);
    view = { from: start, to: start + span };
    draw();
  }

  /** Makes what is seen longer or shorter by a factor, around a moment. */
  function zoom(factor, around = (view.from + view.to) / 2) {
    show(around - (around - view.from) * factor, around + (view.to - around) * factor);
  }

  function pan(part) {
    const by = (view.to - view.from) * part;
    const from = Math.min(Math.max(view.from + by, 0), spanNs - (view.to - view.from));
    show(from, from + view.to - view.from);
  }

  const whole = () => show(0, spanNs);

  // MARK: Hands

  const timeAt = (event) => view.from + (event.clientX - image.getBoundingClientRect().left) / scale();
  const laneAt = (event) => lanes[Math.floor(
    (event.clientY - image.getBoundingClientRect().top - axisHeight - laneGap / 2) / (laneHeight + laneGap))];
  let drag;

  image.addEventListener("wheel", (event) => {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY / 200))), timeAt(event));
    } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      event.preventDefault();
      pan((event.deltaX || event.deltaY) / width());
    }
  }, { passive: false });

  image.addEventListener("pointerdown", (event) => {
    if (event.button > 1) return;
    drag = { time: timeAt(event), x: event.clientX, view, pans: event.shiftKey || event.button === 1 };
    image.setPointerCapture(event.pointerId);
  });

  image.addEventListener("pointermove", (event) => {
    if (drag?.pans) {
      const by = (event.clientX - drag.x) / scale();
      const from = Math.min(Math.max(drag.view.from - by, 0), spanNs - (drag.view.to - drag.view.from));
      show(from, from + drag.view.to - drag.view.from);
    } else if (drag) {
      const [left, right] = [drag.time, timeAt(event)].sort((a, b) => a - b).map((time) => (time - view.from) * scale());
      chosen.setAttribute("x", left);
      chosen.setAttribute("width", right - left);
      chosen.setAttribute("visibility", "visible");
    }
    const x = (timeAt(event) - view.from) * scale();
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    cursor.setAttribute("visibility", "visible");
    explain(event);
  });

  image.addEventListener("pointerup", (event) => {
    const begun = drag;
    drag = undefined;
    chosen.setAttribute("visibility", "hidden");
    if (!begun || begun.pans || Math.abs(event.clientX - begun.x) < 5) return;
    show(...[begun.time, timeAt(event)].sort((a, b) => a - b));
  });

  image.addEventListener("pointerleave", () => {
    cursor.setAttribute("visibility", "hidden");
    hideTip();
  });

  image.addEventListener("dblclick", whole);

  image.addEventListener("keydown", (event) => {
    const keys = {
      "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), "0": whole,
      ArrowLeft: () => pan(-0.2), ArrowRight: () => pan(0.2), Home: () => pan(-1e9), End: () => pan(1e9),
    };
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys[event.key]();
  });

  /** Says what is under the pointer. */
  function explain(event) {
    const lane = laneAt(event);
    const part = Math.floor(timeAt(event) / partNs);
    if (!lane) return hideTip();
    const at = moment(startNs + part * partNs, partNs);
    if (!lane.runs) {
      if (!(part >= 0 && part < parts)) return hideTip();
      return showTip(event, h("b", {}, lane.name), ` at ${at}`, h("br"),
        `${lane.words}: mean ${amount(lane.means[part], lane.unit)}, max ${amount(lane.maxima[part], lane.unit)}`,
        lane.capacity && ` of ${amount(lane.capacity, lane.unit)}`);
    }
    const run = lane.runs.find((run) => part >= run.start && part < run.start + run.count);
    if (!run) return hideTip();
    const life = states.reduce((sum, state) => sum + run[state.key], 0) || 1;
    showTip(event, h("b", {}, lane.thread.name), ` at ${at}`,
      states.filter((state) => run[state.key] > 0).map((state) => h("div", {},
        h("span", { class: `swatch ${state.key}` }), `${state.words} ${percent(run[state.key], life)}`,
        state.key === "lockWait" && run.lock ? `: ${timeline.lockNames[run.lock] ?? "?"}` : "",
        state.key === "lockWait" && run.holder ? ` ← ${timeline.threadNames[run.holder] ?? "?"}` : "",
        state.key === "queueWait" && run.waitedFor ? `: ${timeline.lockNames[run.waitedFor] ?? "?"}` : "")));
  }

  // MARK: All of it

  const select = h("select", { id: "timeline-order", "aria-label": "Order of threads",
    onchange: (event) => { order = event.target.value; drawLanes(); } },
    Object.keys(orders).map((name) => h("option", { value: name }, name)));
  const controls = h("div", { class: "controls" },
    h("button", { onclick: () => zoom(0.5), "aria-label": "Zoom in" }, "+"),
    h("button", { onclick: () => zoom(2), "aria-label": "Zoom out" }, "−"),
    h("button", { onclick: () => pan(-0.5), "aria-label": "Earlier" }, "←"),
    h("button", { onclick: () => pan(0.5), "aria-label": "Later" }, "→"),
    h("button", { onclick: whole }, "Whole run"), range,
    h("label", { class: "muted", for: "timeline-order" }, "by"), select, all);
  const used = states.filter((state) => tracks.some((track) => track.runs.some((run) => run[state.key] > 0)));
  new ResizeObserver(draw).observe(image);
  drawLanes();
  return [controls, h("div", { class: "lanes" }, labels, image),
    legend(used.map((state) => [state.key, state.words])),
    h("p", { class: "muted help", id: "timeline-help" },
      "Drag over a stretch of time to zoom into it; Ctrl and the wheel zoom too, Shift-drag moves. "
      + "Keys: + and −, ← and →, 0 for the whole run. "
      + `Each column is ${brief(partNs)} of the run, coloured by what the thread did in it.`,
      timeline.otherThreads > 0 && ` ${counted(timeline.otherThreads, "more thread")} did less and ${timeline.otherThreads === 1 ? "is" : "are"} left out.`)];
}

const tip = document.getElementById("tip");

function showTip(event, ...content) {
  tip.replaceChildren(...content.flat(Infinity).filter(Boolean));
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - width - 8))}px`;
  tip.style.top = `${event.clientY + 20 + height > innerHeight ? event.clientY - height - 12 : event.clientY + 20}px`;
}

function hideTip() { tip.hidden = true; }
