// Tables whose columns sort and whose rows open.

const rowsAtFirst = 12;

/**
 * A table.
 *
 * @param columns `{ title, value, cell, number, className, help }`: `value` is sorted by, `cell` shown.
 * @param rows What the columns are made of, in the order that is shown first.
 * @param details Makes what a row shows when it is opened; none where it returns nothing.
 * @param anchor What the address of the page names a row by; none where nothing leads to it.
 */
function table(label, columns, rows, { details, anchor, sorted = -1, leftOut = 0 } = {}) {
  const order = { column: sorted, isDescending: true };
  const open = new Set();
  let showsAll = false;
  const body = h("tbody");
  const filter = h("input", { type: "search", placeholder: "Filter", "aria-label": `Filter ${label.toLowerCase()}`, oninput: () => draw() });
  const more = h("button", { class: "more", onclick: () => { showsAll = !showsAll; draw(); } });
  const headings = columns.map((column, index) => h("th", {
    scope: "col", class: column.number && "number", title: column.help,
  }, h("button", { onclick: () => sort(index) }, column.title)));

  function sort(index) {
    if (order.column === index) order.isDescending = !order.isDescending;
    else Object.assign(order, { column: index, isDescending: Boolean(columns[index].number) });
    draw();
  }

  /** The rows that hold what is searched for. */
  function found() {
    const wanted = filter.value.trim().toLowerCase();
    if (!wanted) return rows;
    return rows.filter((row) => columns.some(({ value }) => {
      const text = value(row);
      return typeof text === "string" && text.toLowerCase().includes(wanted);
    }));
  }

  function sortedRows() {
    const rows = found();
    if (order.column < 0) return rows;
    const { value } = columns[order.column];
    const sign = order.isDescending ? -1 : 1;
    const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b) : a - b);
    return [...rows].sort((a, b) => {
      const [left, right] = [value(a), value(b)];
      // What is not known comes last, whichever way it is sorted.
      if (left === undefined || right === undefined) return (left === undefined) - (right === undefined);
      return sign * compare(left, right);
    });
  }

  function toggle(row) {
    if (!open.delete(row)) open.add(row);
    draw();
  }

  function draw() {
    headings.forEach((heading, index) => heading.setAttribute("aria-sort",
      index !== order.column ? "none" : order.isDescending ? "descending" : "ascending"));
    const all = sortedRows();
    body.replaceChildren(...all.slice(0, showsAll ? all.length : rowsAtFirst).flatMap((row) => {
      const isOpen = open.has(row);
      const cells = columns.map((column, index) => h("td",
        { class: [column.number && "number", column.className].filter(Boolean).join(" ") || undefined,
          title: column.className ? column.value(row) : undefined },
        index === 0 && details && h("button", { class: "toggle", "aria-expanded": String(isOpen),
          "aria-label": `Details of ${column.value(row)}` }),
        column.cell ? column.cell(row) : column.value(row) ?? ""));
      const line = h("tr", details ? { class: "opens", onclick: (event) => {
        // A link in it does its own, and whoever marks text wants no more than that.
        if (event.target.closest("button:not(.toggle), a") || String(getSelection())) return;
        toggle(row);
        body.querySelectorAll(`tr[data-row="${all.indexOf(row)}"] .toggle`).forEach((button) => button.focus());
      } } : {}, cells);
      line.dataset.row = all.indexOf(row);
      if (anchor) line.id = anchor(row);
      if (!isOpen) return [line];
      return [line, h("tr", { class: "details" }, h("td", { colspan: columns.length }, details(row)))];
    }));
    more.hidden = all.length <= rowsAtFirst;
    more.textContent = showsAll ? "Show fewer" : `Show all ${grouped(all.length)}`;
  }

  /** Opens a row and shows it. */
  function show(row) {
    open.add(row);
    filter.value = "";
    showsAll = showsAll || sortedRows().indexOf(row) >= rowsAtFirst;
    draw();
    const line = body.querySelector(`tr[data-row="${sortedRows().indexOf(row)}"]`);
    line.scrollIntoView({ block: "center" });
    line.querySelector(".toggle")?.focus({ preventScroll: true });
  }

  const places = new Map(anchor ? rows.map((row) => [anchor(row), row]) : []);
  anchored.push({
    hasAnchor: (name) => places.has(name),
    showAnchor: (name) => places.has(name) && (show(places.get(name)), true),
  });
  draw();
  return h("div", {}, rows.length > rowsAtFirst && h("div", { class: "controls" }, filter), h("div", { class: "scroll" },
      h("table", { "aria-label": label }, h("thead", {}, h("tr", {}, headings)), body)), more,
      leftOut > 0 && h("p", { class: "muted" }, `${grouped(leftOut)} more are in the recording.`));
}

/** None of something, which is not to be read first. */
const nothing = () => h("span", { class: "muted" }, "0");

/** A column of nanoseconds. */
const timeColumn = (title, value, help) => ({
  title, value, help, number: true,
  cell: (row) => (value(row) === undefined ? "" : value(row) === 0 ? nothing() : brief(value(row))),
});

/** A column of counts. */
const countColumn = (title, value, help) => ({
  title, value, help, number: true,
  cell: (row) => (value(row) === undefined ? "" : value(row) === 0 ? nothing() : grouped(value(row))),
});

/** A column of parts of a whole, from 0 to 1. */
const partColumn = (title, value, help) => ({
  title, value, help, number: true,
  cell: (row) => (value(row) === undefined ? "" : value(row) === 0 ? nothing() : percent(value(row))),
});
