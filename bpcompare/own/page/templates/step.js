"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const by = (id) => document.getElementById(id);
  const runs = all("section.run");
  const tabs = all("[role=tab]");
  const show = by("show");
  const find = by("find");
  const count = by("count");
  let run = runs[0];

  // Only what the filter asks for, and the modules on the way to it.
  const filter = () => {
    const state = show.value;
    const words = find.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const calls = all(".call", run);
    let found = 0;
    for (const one of calls) {
      const text = one.dataset.t.toLowerCase();
      one.hidden = (state && !one.dataset.s.split(",").includes(state)) || !words.every((word) => text.includes(word));
      found += !one.hidden;
    }
    const active = Boolean(state || words.length);
    for (const one of all(".module", run)) {
      const left = one.querySelector(".call:not([hidden])");
      one.hidden = active && !left;
      if (active && left && found <= 200) one.open = true;
    }
    for (const one of all(".part, .tree", run)) one.hidden = active && !one.querySelector(".call:not([hidden])");
    count.textContent = active ? `${found.toLocaleString("en")} of ${calls.length.toLocaleString("en")} calls` : "";
  };

  const choose = (chosen) => {
    run = chosen;
    for (const one of runs) one.hidden = one !== chosen;
    for (const tab of tabs) {
      const mine = tab.dataset.run === chosen.id;
      tab.setAttribute("aria-selected", String(mine));
      tab.tabIndex = mine ? 0 : -1;
    }
    filter();
  };

  // Whatever hides it is opened.
  const reveal = (target, focus = true) => {
    const mine = target.closest("section.run");
    if (mine && mine !== run) choose(mine);
    if (target.closest("[hidden]")) { show.value = ""; find.value = ""; filter(); }
    for (let one = target; one; one = one.parentElement) if (one.tagName === "DETAILS") one.open = true;
    target.scrollIntoView({ block: "center" });
    const summary = target.querySelector("summary");
    if (focus && summary) summary.focus({ preventScroll: true });
  };

  const here = () => {
    const target = location.hash.length > 1 && by(decodeURIComponent(location.hash.slice(1)));
    if (target && target.classList.contains("run")) choose(target);
    else if (target) reveal(target);
  };

  let last = -1;
  const wrong = () => {
    const found = all(".claim.wrong", run);
    if (!found.length) return;
    last = (last + 1) % found.length;
    reveal(found[last]);
  };

  // Up and down between the lines that are there; to the right a line is opened, to the left it is closed, or left.
  const move = (event) => {
    const line = document.activeElement;
    if (line.tagName !== "SUMMARY") return;
    const box = line.parentElement;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      const lines = all("summary", run).filter((one) => one.offsetParent !== null);
      const next = lines[lines.indexOf(line) + step];
      if (next) next.focus();
    } else if (event.key === "ArrowRight") {
      if (box.open) { const inner = all("summary", box).find((one) => one !== line && one.offsetParent !== null); if (inner) inner.focus(); }
      box.open = true;
    } else if (event.key === "ArrowLeft") {
      if (box.open) box.open = false;
      else { const outer = box.parentElement.closest("details"); if (outer) outer.querySelector("summary").focus(); }
    } else return;
    event.preventDefault();
  };

  by("controls").hidden = false;
  show.addEventListener("change", filter);
  find.addEventListener("input", filter);
  by("wrong")?.addEventListener("click", wrong);
  tabs.forEach((tab, k) => {
    tab.addEventListener("click", () => choose(by(tab.dataset.run)));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const next = tabs[(k + step + tabs.length) % tabs.length];
      choose(by(next.dataset.run));
      next.focus();
    });
  });
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input, select, textarea")) {
      if (event.key === "Escape" && event.target === find) { find.value = ""; filter(); find.blur(); }
      return;
    }
    if (event.key === "x") { event.preventDefault(); wrong(); }
    else if (event.key === "/") { event.preventDefault(); find.focus(); }
    else if (event.key.startsWith("Arrow")) move(event);
  });
  for (const link of all("a[href^='#']")) link.addEventListener("click", () => { if (link.hash === location.hash) here(); });
  addEventListener("hashchange", here);
  choose(runs.find((one) => one.querySelector(".claim.wrong")) || runs[0]);
  here();
})();
