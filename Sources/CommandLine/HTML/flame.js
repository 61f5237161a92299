// Where threads waited, and where locks were released that others waited for, by stack: the outermost
// function at the top, as wide as what was waited there.

const flameRow = 21;

/** A tree of stacks, given innermost first, each with nanoseconds. */
function flameTree(name, stacks) {
  const root = { name, title: name, ns: 0, count: 0, children: new Map() };
  for (const { stack, ns, count, lock } of stacks) {
    let node = root;
    const path = [...stack].reverse().map((frame) =>
      [functionName(frame), [functionName(frame), frame.file && `${frame.file}:${frame.line}`, frame.module].filter(Boolean).join("  ")]);
    for (const [name, title] of [...path, [lock, `for ${lock}`]]) {
      node.ns += ns;
      node.count += count;
      if (!node.children.has(name)) node.children.set(name, { name, title, ns: 0, count: 0, children: new Map(), parent: node });
      node = node.children.get(name);
    }
    node.ns += ns;
    node.count += count;
  }
  return root;
}

function flameView(kinds) {
  const area = h("div", { class: "flame", role: "tree", "aria-label": "Waits by stack" });
  const buttons = kinds.map((kind) => h("button", { onclick: () => choose(kind) }, kind.title));
  const remark = h("span", { class: "muted" });
  let focus;

  function choose(kind) {
    buttons.forEach((button, index) => button.setAttribute("aria-pressed", String(kinds[index] === kind)));
    remark.textContent = kind.remark;
    kind.tree ??= flameTree(kind.root, kind.stacks());
    focus = kind.tree;
    draw();
  }

  function draw() {
    const above = [];
    for (let node = focus.parent; node; node = node.parent) above.unshift(node);
    const boxes = [];
    const add = (node, left, width, depth, isAbove) => {
      const whole = above[0] ?? focus;
      const text = `${node.name}  ${brief(node.ns)}`;
      boxes.push(h("button", {
        class: `c${[...node.name].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 9973, 7) % 3}${isAbove ? " above" : ""}`,
        role: "treeitem", "aria-level": depth + 1,
        "aria-label": `${node.title}, ${brief(node.ns)} in ${counted(node.count, "time")}`,
        style: { left: `${left * 100}%`, width: `${width * 100}%`, top: `${depth * flameRow}px` },
        onclick: () => { focus = node; draw(); },
        onpointermove: (event) => showTip(event, h("b", {}, node.title), h("br"),
          `${brief(node.ns)} in ${counted(node.count, "time")}, ${percent(node.ns, whole.ns)} of all`),
        onpointerleave: hideTip,
      }, text));
      return depth;
    };
    above.forEach((node, depth) => add(node, 0, 1, depth, true));
    let deepest = above.length;
    const addAll = (node, left, width, depth) => {
      deepest = Math.max(deepest, add(node, left, width, depth, false));
      const children = [...node.children.values()].sort((a, b) => b.ns - a.ns);
      for (const child of children) {
        const part = width * (node.ns > 0 ? child.ns / node.ns : 0);
        // What is narrower than a pixel is not drawn.
        if (part >= 0.001) addAll(child, left, part, depth + 1);
        left += part;
      }
    };
    addAll(focus, 0, 1, above.length);
    area.replaceChildren(...boxes);
    area.style.height = `${(deepest + 1) * flameRow}px`;
    hideTip();
  }

  area.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && focus.parent) { focus = focus.parent; draw(); area.querySelector("button")?.focus(); }
  });
  choose(kinds[0]);
  return [h("div", { class: "controls" }, buttons, remark), h("div", { style: { height: "8px" } }), area,
    h("p", { class: "muted help" }, "Click a function to look at what is below it; Escape goes back up.")];
}
