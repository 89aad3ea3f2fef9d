// The page of `linesift predict --format html`: going through lines, filters, and why.
"use strict";
(() => {
  const LABELS = ["content", "related", "navigation", "other"];
  const root = document.documentElement;
  const main = document.querySelector("main");
  const panel = document.getElementById("reasons");
  const lines = [...main.querySelectorAll(".lines > li")];
  const pages = [...main.querySelectorAll("details.page")];
  const article = document.getElementById("article");
  const switches = new Map(
    [...document.querySelectorAll(".tools [data-label]")].map((one) => [one.dataset.label, one]),
  );
  let current = null; // the line that the keyboard is on
  let told = null; // the line whose reasons are shown

  root.classList.add("js");

  function tell(line) {
    if (line === told) return;
    told?.classList.remove("told");
    told = line;
    line.classList.add("told");
    panel.replaceChildren(
      line.querySelector(".t").cloneNode(true),
      ...[...line.querySelector(".why").childNodes].map((one) => one.cloneNode(true)),
    );
    panel.parentElement.scrollTop = 0;
  }

  // Only one line is a stop of the Tab key: the one that the keyboard was on last.
  function stopAt(line) {
    (current ?? lines[0]).tabIndex = -1;
    current = line;
    line.tabIndex = 0;
  }

  const shown = (line) =>
    !main.classList.contains("hide-" + line.classList[0]) && line.closest("details").open;

  function go(step) {
    if (!pages.some((page) => page.open)) return goToPage(0);
    let at = current ? lines.indexOf(current) : step > 0 ? -1 : lines.length;
    do at += step;
    while (lines[at] && !shown(lines[at]));
    lines[at]?.focus();
  }

  function goToPage(step) {
    const here = document.activeElement.closest?.("details.page") ?? current?.closest("details");
    const at = here ? pages.indexOf(here) + step : 0;
    if (!pages[at]) return;
    pages[at].open = true;
    const first = lines.find((line) => pages[at].contains(line) && shown(line));
    (first ?? pages[at].querySelector("summary")).focus({ preventScroll: true });
    pages[at].scrollIntoView({ block: "start" });
  }

  function show(label, wanted) {
    main.classList.toggle("hide-" + label, !wanted);
    switches.get(label).setAttribute("aria-pressed", wanted);
    const alone = LABELS.every((one) => main.classList.contains("hide-" + one) === (one !== "content"));
    article.setAttribute("aria-pressed", alone);
  }

  const toggle = (label) => show(label, main.classList.contains("hide-" + label));
  const showAll = () => LABELS.forEach((label) => show(label, true));

  function toggleArticle() {
    const alone = article.getAttribute("aria-pressed") === "true";
    LABELS.forEach((label) => show(label, alone || label === "content"));
  }

  function follow() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const page = target?.closest("details.page");
    if (!page) return;
    page.open = true;
    target.scrollIntoView({ block: target.matches("li") ? "center" : "start" });
    if (target.matches("li")) target.focus({ preventScroll: true });
  }

  const does = {
    j: () => go(1),
    k: () => go(-1),
    n: () => goToPage(1),
    p: () => goToPage(-1),
    a: toggleArticle,
    0: showAll,
    escape: showAll,
    "?": () => {
      const help = document.getElementById("help");
      help.open = !help.open;
      if (help.open) help.scrollIntoView({ block: "center" });
    },
  };
  LABELS.forEach((label, k) => (does[k + 1] = () => toggle(label)));

  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    // On a layout without Latin letters the place of a key tells which one is meant.
    const latin = /^[\x20-\x7e]$/.test(event.key);
    let key = latin ? event.key : event.code.replace(/^Key/, "");
    if (event.target.matches?.(".lines > li")) key = { ArrowDown: "j", ArrowUp: "k" }[key] ?? key;
    const act = does[key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
  });
  main.addEventListener("focusin", (event) => {
    const line = event.target.closest(".lines > li");
    if (!line) return;
    stopAt(line);
    tell(line);
  });
  main.addEventListener("mouseover", (event) => {
    const line = event.target.closest(".lines > li");
    if (line) tell(line);
  });
  main.addEventListener("mouseleave", () => {
    if (current) tell(current);
  });
  switches.forEach((one, label) => one.addEventListener("click", () => toggle(label)));
  article.addEventListener("click", toggleArticle);
  addEventListener("hashchange", follow);
  if (lines.length) lines[0].tabIndex = 0;
  follow();
})();
