// The page as seen and driven by keys. Text of pages only ever becomes textContent.
import { ask, History, Saver } from "./work.js";

const LABELS = [
  ["content", "1"], ["related", "2"], ["navigation", "3"], ["other", "4"], ["unsure", "u"],
];
const LOOK_AGAIN_MS = 10000;

const by = (id) => document.getElementById(id);
const listbox = by("lines");
const history = new History();
const saver = new Saver({ onState: showSaving, onSaved: merge, onRefused: refused });

let pages = [];
let page = null; // as the server gave it, with the labels given since
let opening = false; // until the page is there, a key would label a line of the one before
let rows = [];
let cursor = 0;
let anchor = 0;

// ---------------------------------------------------------------- pages

async function refresh() {
  const overview = await ask("/api/pages");
  pages = overview.pages;
  listPages();
}

function listPages() {
  const items = pages.map((one) => {
    const item = document.createElement("li");
    const button = element("button", "page");
    button.type = "button";
    const name = element("span", "name", one.name);
    name.dir = "auto";
    const done = one.done === one.of;
    const count = element("span", "count", done ? `✓ ${one.of}` : `${one.done} of ${one.of}`);
    button.append(name, count);
    button.classList.toggle("done", done);
    if (!done && one.doubtful) button.append(element("span", "doubts", `${one.doubtful} doubtful`));
    if (page && one.key === page.key) button.setAttribute("aria-current", "page");
    button.addEventListener("click", () => {
      if (one.key === page?.key) listbox.focus({ preventScroll: true });
      else open(one.key);
    });
    item.append(button);
    return item;
  });
  const focused = [...by("pages").querySelectorAll("button")].indexOf(document.activeElement);
  by("pages").replaceChildren(...items);
  if (focused >= 0) items[focused]?.firstChild.focus();
  count();
}

function count() {
  const sum = (key) => pages.reduce((total, one) => total + one[key], 0);
  const complete = pages.filter((one) => one.done === one.of).length;
  by("total").textContent =
    `${sum("done")} of ${sum("of")} lines, ${complete} of ${pages.length} pages`;
  by("bar").max = sum("of") || 1;
  by("bar").value = sum("done");
  if (!page) return;
  const done = page.lines.filter((line) => line.label !== null).length;
  by("page-count").textContent = `${done} of ${page.lines.length} lines`;
}

async function open(key) {
  opening = true;
  try {
    show(await ask(`/api/pages/${key}`));
  } catch (error) {
    trouble(error.message);
  } finally {
    opening = false;
  }
}

function show(opened) {
  page = opened;
  const expected = saver.expected(page.key);
  for (const line of page.lines) {
    if (expected.has(line.number)) line.label = expected.get(line.number);
  }
  by("page-name").textContent = page.name;
  document.title = `${page.name} – linesift review`;
  listbox.lang = page.language || "";
  rows = page.lines.map(makeRow);
  listbox.replaceChildren(...rows);
  page.lines.forEach((line, i) => paint(i));
  listPages();
  by("pages").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  const first = byDoubt()[0] ?? 0;
  cursor = anchor = -1;
  select(first, false, "center");
  listbox.focus({ preventScroll: true });
}

async function turn(step) {
  const at = pages.findIndex((one) => page && one.key === page.key);
  const next = pages[at + step];
  if (next) await open(next.key);
  else say(step > 0 ? "This is the last page." : "This is the first page.");
}

async function nextUndone() {
  const at = pages.findIndex((one) => one.key === page.key);
  const order = [...pages.slice(at + 1), ...pages.slice(0, at)];
  const next = order.find((one) => one.done < one.of);
  if (next) await open(next.key);
  else say(doneWith());
}

// What to say of a page without a line left to label.
function doneWith() {
  const more = pages.some((one) => one.done < one.of);
  if (more) return "This page is done. n goes to the next one.";
  return "All lines of all pages are labelled. Thank you! Ctrl-C in the terminal ends it.";
}

// ---------------------------------------------------------------- lines

function element(name, kind, text) {
  const made = document.createElement(name);
  made.className = kind;
  if (text !== undefined) made.textContent = text;
  return made;
}

function makeRow(line, i) {
  const row = element("li", "line");
  row.setAttribute("role", "option");
  row.id = `line-${i}`;
  const number = element("span", "number", line.number);
  const chip = element("span", "chip");
  const text = element("span", "text", line.text);
  text.dir = "auto";
  row.append(number, chip, text, element("span", "sure"));
  return row;
}

function paint(i) {
  const line = page.lines[i];
  const row = rows[i];
  const label = line.label ?? line.guess;
  const percent = Math.round(line.certainty * 100);
  row.dataset.label = label;
  row.classList.toggle("by-hand", line.label !== null);
  row.classList.toggle("doubtful", isDoubtful(line));
  row.children[1].textContent = label;
  row.children[3].textContent = line.label !== null ? "✓" : `${percent} %`;
  const told = line.label !== null ? "labelled" : `guessed, ${percent} percent sure`;
  row.setAttribute("aria-label", `Line ${line.number}, ${label}, ${told}: ${line.text}`);
}

function isDoubtful(line) {
  return line.label === null && line.certainty < page.doubtful;
}

// Positions of the lines without a label, the least certain first.
function byDoubt() {
  const { lines } = page;
  const left = [...lines.keys()].filter((i) => lines[i].label === null);
  return left.sort((a, b) => lines[a].certainty - lines[b].certainty || a - b);
}

function selected() {
  const [low, high] = [Math.min(cursor, anchor), Math.max(cursor, anchor)];
  return Array.from({ length: high - low + 1 }, (_, i) => low + i);
}

function select(to, extend, block = "nearest") {
  const last = page.lines.length - 1;
  const before = cursor >= 0 ? selected() : [];
  rows[cursor]?.classList.remove("cursor");
  cursor = Math.max(0, Math.min(last, to));
  if (!extend) anchor = cursor;
  for (const i of before) rows[i].setAttribute("aria-selected", "false");
  for (const i of selected()) rows[i].setAttribute("aria-selected", "true");
  rows[cursor].classList.add("cursor");
  listbox.setAttribute("aria-activedescendant", rows[cursor].id);
  rows[cursor].scrollIntoView({ block });
}

function selectAll() {
  select(0, false);
  select(page.lines.length - 1, true);
}

function nextDoubtful() {
  const left = byDoubt();
  if (!left.length) return nextUndone();
  const next = left[left.indexOf(cursor) + 1] ?? left[0];
  select(next, false, "center");
  const line = page.lines[next];
  const doubtful = left.filter((i) => isDoubtful(page.lines[i])).length;
  if (isDoubtful(line)) say(`Lines of this page that are doubtful: ${doubtful}.`);
  else say(`The other ${left.length} look sure. a agrees with them all.`);
  return undefined;
}

function goOn(from) {
  const left = byDoubt();
  if (!left.length) {
    say(doneWith());
    select(from.at(-1), false);
  } else if (by("order").value === "page") {
    select(from.at(-1) + 1, false);
  } else {
    select(left[0], false, "center");
    if (!isDoubtful(page.lines[left[0]])) {
      say(`No doubtful line is left. a agrees with the other ${left.length}.`);
    }
  }
}

// ---------------------------------------------------------------- labels

// Gives lines the labels that `choose` returns for them; null takes a label back.
function label(positions, choose) {
  const changes = positions
    .map((i) => ({ i, before: page.lines[i].label, after: choose(page.lines[i]) }))
    .filter((one) => one.before !== one.after)
    .map(({ i, before, after }) => ({ line: page.lines[i].number, before, after }));
  if (changes.length) {
    history.add({ key: page.key, changes });
    apply(changes, true);
  }
  return changes.length;
}

function apply(changes, firm) {
  const at = new Map(page.lines.map((line, i) => [line.number, i]));
  for (const { line, after } of changes) {
    page.lines[at.get(line)].label = after;
    paint(at.get(line));
  }
  saver.add(
    page.key,
    changes.map(({ line, before, after }) => ({ line, label: after, was: before, firm })),
  );
  recount();
}

function recount() {
  const entry = pages.find((one) => one.key === page.key);
  entry.done = page.lines.filter((line) => line.label !== null).length;
  entry.doubtful = page.lines.filter(isDoubtful).length;
  listPages();
  document.querySelector("[data-do=undo]").disabled = !history.done.length;
  document.querySelector("[data-do=redo]").disabled = !history.undone.length;
}

function give(name) {
  const positions = selected();
  label(positions, () => name);
  say(`${positions.length === 1 ? "1 line" : `${positions.length} lines`}: ${name}.`);
  goOn(positions);
}

function accept() {
  const positions = selected();
  label(positions, (line) => line.label ?? line.guess);
  goOn(positions);
}

function acceptPage() {
  const left = byDoubt();
  if (!left.length) return nextUndone();
  label(left, (line) => line.guess);
  const lines = left.length === 1 ? "1 line" : `${left.length} lines`;
  say(`Agreed with ${lines}. ${doneWith()}`);
  return undefined;
}

async function revert(step, word) {
  if (!step) return say(`Nothing to ${word}.`);
  if (step.key !== page.key) await open(step.key);
  if (step.key !== page.key) return undefined; // it could not be opened, which was said
  const labels = new Map(page.lines.map((line) => [line.number, line.label]));
  const ours = step.changes.filter(({ line, before }) => labels.get(line) === before);
  if (ours.length) apply(ours, false);
  else recount();
  const first = page.lines.findIndex((line) => line.number === step.changes[0].line);
  select(first, false, "center");
  const left = step.changes.length - ours.length;
  const lines = ours.length === 1 ? "1 line" : `${ours.length} lines`;
  return say(`${word}: ${lines}${left ? `; ${left} were changed elsewhere since` : ""}.`);
}

// ---------------------------------------------------------------- what is saved

// Takes over what stands on the disk, but for labels that are still on their way.
function merge(saved) {
  trouble("");
  if (page && saved.key === page.key) {
    const expected = saver.expected(page.key);
    page.version = saved.version;
    let elsewhere = 0;
    saved.lines.forEach((line, i) => {
      const now = expected.has(line.number) ? expected.get(line.number) : line.label;
      if (page.lines[i].label === now) return;
      page.lines[i].label = now;
      paint(i);
      elsewhere += 1;
    });
    if (elsewhere) say(`${elsewhere} lines were labelled elsewhere meanwhile.`);
    recount();
  }
  if (saved.replaced?.length) {
    trouble(`Labelled elsewhere too; yours now stands on lines ${saved.replaced.join(", ")}.`);
  }
}

function refused(key, reason) {
  trouble(`Not saved: ${reason}`);
  if (page && key === page.key) open(key);
}

function showSaving(state, reason) {
  by("saving").dataset.state = state;
  by("saving").textContent =
    { saved: "all saved", saving: "saving…", failed: "not saved yet" }[state];
  if (state === "failed") {
    trouble(`Not saved yet; trying again. Is linesift review still running? (${reason})`);
  }
}

function trouble(text) {
  by("trouble").textContent = text;
  by("trouble").hidden = !text;
}

function say(text) {
  by("said").textContent = text;
}

async function lookAgain() {
  if (document.hidden || saver.pending || !page) return;
  try {
    await refresh();
    const { key, version } = page;
    const now = await ask(`/api/pages/${key}`);
    // What was saved while this was asked is newer than the answer.
    if (!saver.pending && page.version === version && now.version !== version) {
      merge(now);
    }
  } catch (error) {
    trouble(`linesift review does not answer (${error.message}).`);
  }
}

// ---------------------------------------------------------------- keys and buttons

const ACTIONS = {
  accept,
  "accept-page": acceptPage,
  "next-doubtful": nextDoubtful,
  undo: () => revert(history.undo(), "undo"),
  redo: () => revert(history.redo(), "redo"),
  "take-back": () => {
    label(selected(), () => null);
    say("Label taken back.");
  },
  order: () => {
    by("order").value = by("order").value === "page" ? "doubt" : "page";
    say(`After a label: ${by("order").selectedOptions[0].textContent}.`);
  },
  help: () => by("help").showModal(),
};

const KEYS = {
  Enter: "accept", a: "accept-page", n: "next-doubtful", z: "undo", y: "redo",
  Backspace: "take-back", Delete: "take-back", o: "order", "?": "help",
};
const MOVES = {
  ArrowDown: () => cursor + 1, j: () => cursor + 1, ArrowUp: () => cursor - 1, k: () => cursor - 1,
  Home: () => 0, End: () => page.lines.length - 1,
};

// The key as on a Latin keyboard: people who label Ukrainian or Greek need not switch theirs.
function latin(event) {
  const { key, code } = event;
  if (key === "?") return key;
  // Without Num Lock the keys of the number pad are arrows, Home and End.
  const types = key.length === 1 && !/^[a-z]$/i.test(key);
  if (/^(Digit|Numpad)\d$/.test(code) && types) return code.at(-1);
  if (/^[\x20-\x7e]$/.test(key)) return key.toLowerCase();
  return code.startsWith("Key") ? code.slice(3).toLowerCase() : key;
}

function onKey(event) {
  if (!page || opening || by("help").open || event.altKey || event.isComposing) return;
  const control = event.target.closest("button, select, summary");
  if (control && (control.matches("select") || ["Enter", " "].includes(event.key))) return;
  const key = latin(event);
  if (event.ctrlKey || event.metaKey) {
    const action = { z: event.shiftKey ? "redo" : "undo", y: "redo" }[key];
    if (action) ACTIONS[action]();
    else if (key === "a") selectAll();
    else return;
  } else if (key in MOVES) {
    select(MOVES[key](), event.shiftKey);
  } else if (LABELS.some(([, one]) => one === key)) {
    give(LABELS.find(([, one]) => one === key)[0]);
  } else if (key === "ArrowRight" || key === "ArrowLeft") {
    turn(key === "ArrowRight" ? 1 : -1);
  } else if (key === "Escape") {
    select(cursor, false);
  } else if (key in KEYS) {
    ACTIONS[key === "z" && event.shiftKey ? "redo" : KEYS[key]]();
  } else {
    return;
  }
  event.preventDefault();
}

function start() {
  for (const [name, key] of LABELS) {
    const button = element("button", name, `${name} `);
    button.type = "button";
    button.setAttribute("aria-keyshortcuts", key);
    button.append(element("kbd", "", key));
    button.addEventListener("click", () => opening || give(name));
    by("labels").append(button);
  }
  for (const button of document.querySelectorAll("[data-do]")) {
    button.addEventListener("click", () => opening || ACTIONS[button.dataset.do]());
  }
  document.querySelector(".tools").addEventListener("click", (event) => {
    if (event.target.closest("button")) listbox.focus({ preventScroll: true });
  });
  by("order").addEventListener("change", () => listbox.focus({ preventScroll: true }));
  by("help-button").addEventListener("click", ACTIONS.help);
  listbox.addEventListener("mousedown", (event) => {
    const row = event.target.closest(".line");
    if (!row) return;
    if (event.shiftKey) event.preventDefault(); // marks lines, not their letters
    select(rows.indexOf(row), event.shiftKey);
    listbox.focus({ preventScroll: true });
  });
  document.addEventListener("keydown", onKey);
  window.addEventListener("beforeunload", (event) => {
    if (saver.pending) event.preventDefault();
  });
  window.addEventListener("focus", lookAgain);
  setInterval(lookAgain, LOOK_AGAIN_MS);
  by("pages-box").open = window.matchMedia("(min-width: 60rem)").matches;
}

window.history.replaceState(null, "", "/"); // the token is a cookie by now
start();
refresh()
  .then(() => pages.length && open((pages.find((one) => one.done < one.of) ?? pages[0]).key))
  .catch((error) => trouble(error.message));
