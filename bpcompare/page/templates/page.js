"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const steps = all(".step");
  const controls = document.getElementById("controls");
  if (!steps.length || !controls) return;
  const position = document.getElementById("position");
  const select = document.getElementById("notation");
  const predict = document.getElementById("predict");
  const symbols = JSON.parse(document.getElementById("symbols").textContent);
  const said = JSON.parse(document.getElementById("said").textContent);
  const list = document.querySelector(".steps");
  let at = -1;
  // Before the page is loaded, an address with a fragment would scroll the verdict out of sight.
  let moved = false;

  const light = (key) => {
    for (const one of all(".lit")) one.classList.remove("lit");
    if (!key) return;
    for (const one of all("[data-q]")) if (one.dataset.q === key && !one.classList.contains("step")) one.classList.add("lit");
  };

  const go = (to, scroll = true) => {
    at = Math.max(0, Math.min(steps.length - 1, to));
    const step = steps[at];
    steps.forEach((one, k) => {
      one.open = one === step;
      // To predict a number one needs those before it; its own, and what follows from it, are still to come.
      one.classList.toggle("coming", k >= at && !one.classList.contains("told"));
    });
    step.closest(".phase").open = true;
    position.textContent = `${at + 1} / ${steps.length}`;
    light(step.dataset.q);
    code(step);
    // Some browsers forbid replaceState for files; the page works without it.
    if (moved) try { history.replaceState(null, "", `#${step.id}`); } catch { /* not there */ }
    moved = true;
    if (scroll) step.scrollIntoView({ block: "nearest" });
    else if (getComputedStyle(list).position === "sticky") list.scrollTop += step.getBoundingClientRect().top - list.getBoundingClientRect().top - 60;
  };

  // The code of a step as tabs, one a backend; without scripts these are links.
  const code = (step) => {
    const place = step.querySelector(".code");
    if (!place || place.dataset.done) return;
    place.dataset.done = "1";
    const numbers = place.dataset.code.split(" ");
    const guilty = Object.fromEntries((place.dataset.guilty || "").split(" ").filter(Boolean).map((one) => {
      const [number, lines] = one.split(":");
      return [number, lines.split(",").map(Number)];
    }));
    const tabs = document.createElement("div");
    tabs.className = "tabs";
    tabs.setAttribute("role", "tablist");
    tabs.setAttribute("aria-label", "code of each backend");
    const panel = document.createElement("pre");
    panel.setAttribute("role", "tabpanel");
    panel.tabIndex = 0;
    const choose = (chosen) => {
      all("button", tabs).forEach((tab, k) => {
        tab.setAttribute("aria-selected", String(k === chosen));
        tab.tabIndex = k === chosen ? 0 : -1;
      });
      const source = document.getElementById(`code-${numbers[chosen]}`);
      panel.replaceChildren(`# ${source.querySelector(".note").textContent}\n`);
      const clean = source.querySelector("pre").cloneNode(true);
      for (const one of all(".here", clean)) one.remove();
      clean.textContent.split("\n").forEach((line, k) => {
        if (!(guilty[numbers[chosen]] || []).includes(k)) { panel.append(`${line}\n`); return; }
        const mark = document.createElement("mark");
        mark.className = "guilty";
        mark.textContent = line;
        const here = document.createElement("span");
        here.className = "here";
        here.textContent = "  ✗ makes the wrong number";
        panel.append(mark, here, "\n");
      });
      panel.setAttribute("aria-label", all("button", tabs)[chosen].textContent);
    };
    numbers.forEach((number, k) => {
      const tab = document.createElement("button");
      tab.type = "button";
      tab.setAttribute("role", "tab");
      tab.textContent = all("a", place)[k].textContent;
      tab.addEventListener("click", () => choose(k));
      tab.addEventListener("keydown", (event) => {
        const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (!move) return;
        event.stopPropagation();
        event.preventDefault();
        const to = (k + move + numbers.length) % numbers.length;
        choose(to);
        all("button", tabs)[to].focus();
      });
      tabs.append(tab);
    });
    place.replaceChildren(tabs);
    place.after(panel);
    // What is guilty is what one wants to see.
    choose(Math.max(numbers.findIndex((number) => number in guilty), 0));
  };

  const drills = [];
  const flip = (text) => text.replace(/^(\D*?)(−?)(\d|inf)/, (_, before, sign, digit) => `${before}${sign ? "" : "−"}${digit}`).replace(/−(0(?:\.0+)?)$/, "$1");

  const write = (name) => {
    const was = symbols[document.body.dataset.written || "article"];
    const now = symbols[name];
    document.body.dataset.written = name;
    document.getElementById("sign").textContent = now.says;
    for (const one of all("math [data-k]")) {
      const kind = one.dataset.k;
      const first = one.tagName === "mi" ? one : one.firstElementChild;
      if (now.paths && one.dataset.p) {
        one.dataset.kept ??= one.innerHTML;
        const path = document.createElementNS("http://www.w3.org/1998/Math/MathML", "mtext");
        path.textContent = one.dataset.p;
        if (one.tagName === "mi") one.textContent = one.dataset.p;
        else one.replaceChildren(path, ...Array.from({ length: one.tagName === "msubsup" ? 2 : 1 }, () => document.createElementNS(path.namespaceURI, "mrow")));
        continue;
      }
      if (one.dataset.kept) one.innerHTML = one.dataset.kept;
      const symbol = one.tagName === "mi" ? one : one.firstElementChild;
      if (now.k[kind]) symbol.textContent = now.k[kind];
      if (kind === "w") {
        const [source, , target] = one.lastElementChild.children;
        const turned = one.dataset.turned === "1";
        if (turned !== now.targetFirst) {
          const held = source.textContent;
          source.textContent = target.textContent;
          target.textContent = held;
          one.dataset.turned = now.targetFirst ? "1" : "0";
          if (one.dataset.kept) one.dataset.kept = one.innerHTML;
        }
      }
    }
    for (const one of all("[data-said]")) one.textContent = said[name][Number(one.dataset.said)];
    for (const drill of drills) drill();
    for (const one of all("math .g")) one.textContent = now.k.g + one.dataset.prime;
    for (const one of all(".formula.article")) one.hidden = now.positive && one.nextElementSibling?.classList.contains("positive");
    for (const one of all(".formula.positive")) one.hidden = !now.positive;
    if (was.positive !== now.positive) for (const one of all('[data-signed-text="1"]')) one.textContent = flip(one.textContent);
  };

  // A typed number stands for all that rounds to it: it is right if the value is within half a unit of its last digit.
  const half = (typed) => {
    const match = /^[-+−]?(\d*)\.?(\d*)(?:e([-+−]?\d+))?$/i.exec(typed);
    if (!match || !(match[1] + match[2])) return null;
    return 0.5 * 10 ** (Number((match[3] || "0").replace("−", "-")) - match[2].length);
  };
  const digits = (typed) => typed.replace(/e.*$/i, "").replace(/\D/g, "").replace(/^0+/, "").length;
  for (const form of all(".guess")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const step = form.closest(".step");
      const typed = form.querySelector("input").value.trim();
      const said = form.querySelector("output");
      const room = half(typed);
      const value = Number(step.dataset.v) * (step.hasAttribute("data-signed") && symbols[select.value].positive ? -1 : 1);
      if (room === null) { said.textContent = "that is no number"; return; }
      if (digits(typed) < 3 && value !== 0) { said.textContent = "three digits or more, please"; return; }
      const number = Number(typed.replace("−", "-"));
      const right = Math.abs(number - value) <= room * (1 + 1e-9);
      said.textContent = right ? "✓ right, to the digits you gave" : number * value < 0 ? "✗ not yet: look at the sign" : `✗ not yet: too ${Math.abs(number) > Math.abs(value) ? "large" : "small"}`;
      if (right) {
        step.classList.add("told");
        step.classList.remove("coming");
      }
    });
  }
  const ask = (on) => {
    document.body.classList.toggle("predict", on);
    for (const form of all(".guess")) form.hidden = !on;
  };

  // Numbers of a unit of a large net: they came with the page, as data.
  const kept = document.getElementById("units");
  if (kept) {
    const units = JSON.parse(kept.textContent);
    for (const place of all(".drill")) {
      const data = units[place.dataset.key];
      if (!data) continue;
      place.hidden = false;
      const input = place.querySelector("input");
      const out = place.querySelector(".unit");
      const show = () => {
        const unit = Math.min(Math.max(0, Math.trunc(Number(input.value) || 0)), Number(input.max));
        const table = document.createElement("table");
        const row = (cells, tag) => {
          const line = table.insertRow();
          cells.forEach((text, k) => {
            const cell = document.createElement(tag || (k ? "td" : "th"));
            if (!k || tag) cell.scope = tag ? "col" : "row";
            cell.textContent = text;
            if (k) cell.className = "num";
            line.append(cell);
          });
        };
        const now = symbols[document.body.dataset.written || select.value];
        const turned = (text) => (now.positive ? flip(text.replace("-", "−")) : text);
        row(["backend", now.k.in, now.k.a, now.k.delta, "largest share, all examples"], "th");
        for (const backend of Object.keys(data.in)) row([backend, data.in[backend][unit], data.a[backend][unit], turned(data.delta[backend][unit]), data.share[backend][unit]]);
        const parts = [document.createElement("p"), table];
        parts[0].textContent = `unit ${unit} of ${data.name}, example ${data.example}`;
        if (data.formula) for (const kind of ["in", "a", "delta"]) {
          const line = document.createElement("p");
          line.className = "num";
          const right = data.formula[kind][unit];
          line.textContent = `${now.k[kind]} = ${kind === "delta" && now.positive && right ? `−(${right})` : right}`;
          parts.push(line);
        }
        out.replaceChildren(...parts);
      };
      input.addEventListener("input", show);
      drills.push(show);
      show();
    }
  }

  const phase = (name) => go(steps.findIndex((one) => one.dataset.phase === name));
  const wrong = () => { const found = steps.findIndex((one) => one.classList.contains("wrong")); if (found >= 0) go(found); };
  controls.hidden = false;
  document.getElementById("options").hidden = false;
  document.getElementById("prev").addEventListener("click", () => go(at - 1));
  document.getElementById("next").addEventListener("click", () => go(at + 1));
  document.getElementById("wrong")?.addEventListener("click", wrong);
  for (const one of all("button[data-phase]")) one.addEventListener("click", () => phase(one.dataset.phase));
  select.addEventListener("change", () => write(select.value));
  predict.addEventListener("change", () => ask(predict.checked));
  steps.forEach((step, k) => step.querySelector("summary").addEventListener("click", (event) => { event.preventDefault(); go(k, false); }));
  for (const one of all("[data-q]")) {
    if (one.classList.contains("step")) continue;
    one.addEventListener("pointerenter", () => light(one.dataset.q));
    one.addEventListener("pointerleave", () => light(steps[at]?.dataset.q));
    one.addEventListener("focus", () => light(one.dataset.q));
  }
  for (const node of all("a.node[href^='#s']")) node.addEventListener("click", (event) => {
    event.preventDefault();
    const mine = steps.map((step, k) => [step.dataset.q, k]).filter(([key]) => key === node.dataset.q).map(([, k]) => k);
    go(mine.find((k) => k > at) ?? mine[0]);
  });
  addEventListener("keydown", (event) => {
    if (event.target.matches("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
    const does = { ArrowRight: () => go(at + 1), ArrowLeft: () => go(at - 1), Home: () => go(0), End: () => go(steps.length - 1), x: wrong, f: () => phase("forward"), b: () => phase("backward"), u: () => phase("update") }[event.key];
    if (does) { event.preventDefault(); does(); }
  });
  const from = () => steps.findIndex((step) => `#${step.id}` === location.hash);
  addEventListener("hashchange", () => { if (from() >= 0) go(from()); });
  write(select.value);
  const asked = from();
  const first = steps.findIndex((one) => one.classList.contains("wrong"));
  go(asked >= 0 ? asked : Math.max(first, 0), asked >= 0);
})();
