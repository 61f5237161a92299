// Links from one part of the page to another. They lead to rows of tables by numbers, whatever the names are.

/** Tables whose rows can be led to: each finds the row of an anchor, and shows it. */
const anchored = [];

/** Opens the row that the address names, where there is one. */
function followAddress() {
  const anchor = location.hash.slice(1);
  for (const table of anchored) if (table.showAnchor(anchor)) return;
}

addEventListener("hashchange", followAddress);

/** Whether there is a row or a section of that name. */
const leadsSomewhere = (anchor) => anchored.some((table) => table.hasAnchor(anchor)) || document.getElementById(anchor) !== null;

/** Whether all that links could lead to is on the page. */
let isComplete = false;

/** A link to a row or a section; its text alone where the page has none. */
function linkTo(anchor, text) {
  if (isComplete && !leadsSomewhere(anchor)) return text;
  return h("a", { class: "link", href: `#${anchor}`, onclick: () => {
    // The address may name it already, and then does not change.
    if (location.hash === `#${anchor}`) followAddress();
  } }, text);
}

/** To be called when the page is complete: links that were made before, and lead nowhere, become text. */
function finishLinks() {
  isComplete = true;
  for (const link of document.querySelectorAll("a.link")) {
    if (!leadsSomewhere(link.hash.slice(1))) link.replaceWith(link.textContent);
  }
  followAddress();
}

const lockAnchor = (lock) => (lock.kind === "gil" ? `gil-${lock.pid}` : `lock-${lock.id}`);
const queueAnchor = (queue) => `queue-${queue.id}`;
const threadAnchor = (thread) => `thread-${report.threads.indexOf(thread)}`;
const taskAnchor = (task) => `task-${report.tasks.indexOf(task)}`;

/** A lock, or another thing waited for, by its number. */
function lockLink(id, name) {
  const lock = report.locks.find((lock) => lock.id === id);
  return lock ? linkTo(lockAnchor(lock), name ?? named(lock.name, lock.pid)) : name ?? `#${id}`;
}

/** A thread by its number, and its process where that is known. */
function threadLink(tid, pid, name) {
  const thread = report.threads.find((thread) => thread.tid === tid && (pid === undefined || thread.pid === pid));
  return thread ? linkTo(threadAnchor(thread), name || named(thread.name || String(tid), thread.pid)) : name || String(tid);
}

function queueLink(id) {
  const queue = report.queues.find((queue) => queue.id === id);
  return queue ? linkTo(queueAnchor(queue), named(queue.name, queue.pid)) : `#${id}`;
}

function taskLink(number) {
  const task = report.tasks.find((task) => task.longestStep?.task === number);
  return task ? linkTo(taskAnchor(task), named(task.name, task.pid)) : `#${number}`;
}
