"use strict";
/* Everything a user named is put into the page as text (textContent), never as markup. */

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const PAGE_ROWS = 100;

function make(name, text = "", properties = {}) {
  const element = document.createElement(name);
  if (text !== "") element.textContent = text;
  for (const [key, value] of Object.entries(properties)) {
    if (key in element) element[key] = value;
    else element.setAttribute(key, value);
  }
  return element;
}

/* Numbers as gilscope.report.figures writes them. */

const NONE = "-";
const known = (estimate) => estimate && estimate.low !== null && estimate.high !== null && estimate.confidence !== 0;

function narrow(value) {
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 || !size ? 2 : 3);
}

function si(value) {
  if (!value || !isFinite(value)) return `${value} `;
  let power = Math.floor(Math.log10(Math.abs(value)) / 3);
  if (Math.round(Math.abs(value) / 1000 ** power) >= 1000) power += 1;
  power = Math.min(Math.max(power, -3), 5);
  const scaled = value / 1000 ** power;
  const digits = Math.abs(scaled) >= 99.95 ? 0 : Math.abs(scaled) >= 9.995 ? 1 : 2;
  return `${scaled.toFixed(digits)} ${["n", "u", "m", "", "k", "M", "G", "T", "P"][power + 3]}`;
}

const seconds = (value) => `${si(value)}s`;

function interval(estimate, write = narrow) {
  if (!estimate) return NONE;
  if (!known(estimate)) return `${write(estimate.value)} [?, ?]`;
  return `${write(estimate.value)} [${write(estimate.low)}, ${write(estimate.high)}]`;
}

function percent(estimate) {
  if (!estimate) return NONE;
  const value = 100 * estimate.value;
  const rounded = value.toFixed(0).replace(/^-0$/, "0");
  if (!known(estimate)) return `${rounded} ±?%`;
  const points = Math.max(100 * estimate.high - value, value - 100 * estimate.low);
  return `${rounded} ±${Math.max(1, Math.ceil(points - 1e-9))}%`;
}

function executor(row) {
  const parts = [row.executor];
  if (row.start_method && row.start_method !== "forkserver") parts.push(row.start_method);
  if (row.transport && row.transport !== "shm") parts.push(row.transport);
  for (const name of ["scaling", "schedule"]) if (row[name]) parts.push(row[name]);
  return parts.join(".");
}

const prefixed = (value) => si(value).trimEnd();
const rate = (row) => `${interval(row.rate, prefixed)} ${row.rate.unit}/s`;
const why = (row) => [row.reason, row.cure].filter(Boolean).join("; ");

/* The data */

async function unpacked(script) {
  const bytes = Uint8Array.from(atob(script.textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

class Result {
  constructor(root, text, words) {
    this.root = root;
    this.text = text;
    this.document = JSON.parse(text);
    this.rows = this.document.cases;
    this.words = words;
  }

  largest(row) {
    let name = null;
    for (const [key, loss] of Object.entries(row.losses || {})) {
      if (key === "residual" || !loss || loss.value < 0.02 || loss.low <= 0) continue;
      if (name === null || loss.value > row.losses[name].value) name = key;
    }
    return name;
  }

  lossTip(index, name) {
    const row = this.rows[index];
    const value = name === "work" ? workOf(row) : row.losses[name].value;
    const share = name === "work" ? `${(100 * value).toFixed(0)} %` : percent(row.losses[name]);
    const core = seconds(value * row.workers * row.wall_s.value);
    return `${row.case}\n${this.words.losses[name] || name}: ${share} of its workers' time, ${core} of cores per execution`;
  }

  tip(index) {
    const row = this.rows[index];
    const lines = [row.case];
    if (row.rate) {
      lines.push(`rate ${rate(row)}`);
      if (row.vs_fastest_serial) lines.push(`over the fastest thread ${interval(row.vs_fastest_serial)}`);
      if (row.speedup) lines.push(`speed-up ${interval(row.speedup)}, efficiency ${percent(row.efficiency)}`);
      lines.push(`${row.blocks} rounds`);
    } else lines.push([row.status.replace("_", " "), why(row)].filter(Boolean).join(": "));
    if (row.findings.length) lines.push(row.findings.join(", "));
    return lines.join("\n");
  }
}

/* One case */

function pairs(list) {
  const facts = make("dl", "", { className: "facts" });
  for (const [name, text] of list) {
    if (text === NONE || text === "") continue;
    const line = make("div");
    line.append(make("dt", name), make("dd", text));
    facts.append(line);
  }
  return facts;
}

const workOf = (row) => 1 - Object.values(row.losses).reduce((sum, loss) => sum + (loss ? loss.value : 0), 0);

function lossRow(word, name, value, text) {
  const line = make("div", "", { className: "lossrow" });
  const track = make("div");
  const bar = make("div", "", { className: `lossbar sw-${name.replace("_", "-")}` });
  bar.style.width = `${Math.min(100, Math.max(0, 100 * value))}%`;
  track.append(bar);
  line.append(make("span", word), track, make("span", text, { className: "n" }));
  return line;
}

function lossBars(result, row) {
  const box = make("div");
  const losses = Object.entries(row.losses).filter(([, loss]) => loss);
  const work = workOf(row);
  box.append(make("h4", `Where the time of ${row.workers} workers went`));
  box.append(lossRow("work", "work", work, `${(100 * work).toFixed(0)} %`));
  for (const [name, loss] of losses) box.append(lossRow(result.words.losses[name] || name, name, loss.value, percent(loss)));
  return box;
}

/* The rounds, block by block: what the median and its interval were made of */

function strip(walls, estimate) {
  const [width, height, inside] = [660, 110, 10];
  const values = [...walls, ...(known(estimate) ? [estimate.low, estimate.high] : [])];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const y = (value) => height - inside - ((value - low) / (high - low || 1)) * (height - 2 * inside);
  const x = (index) => inside + ((index + 0.5) / walls.length) * (width - 2 * inside);
  const shape = (name, properties) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(properties)) element.setAttribute(key, value);
    return element;
  };
  const alt = `${walls.length} rounds between ${seconds(Math.min(...walls))} and ${seconds(Math.max(...walls))}`;
  const svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img", "aria-label": alt });
  if (known(estimate)) svg.append(shape("rect", { x: 0, width, y: y(estimate.high), height: Math.max(1, y(estimate.low) - y(estimate.high)), class: "spinband" }));
  svg.append(shape("path", { d: `M0 ${y(estimate.value)}H${width}`, class: "spin" }));
  walls.forEach((wall, index) => {
    const tip = `round ${index + 1}: ${seconds(wall)} per execution`;
    svg.append(shape("circle", { cx: x(index), cy: y(wall), r: 4, class: "dot x-threads", "data-tip": tip }));
  });
  return svg;
}

function ceilings(row) {
  const ceiling = row.ceiling || {};
  return ["machine", "memory", "software"]
    .filter((name) => ceiling[name])
    .map((name) => `${name} ${percent(ceiling[name])}`)
    .join(", ");
}

function showCase(result, index) {
  const row = result.rows[index];
  const dialog = $("[data-dialog]");
  $("#case-title").textContent = row.case;
  const body = $("[data-case-body]");
  body.replaceChildren();
  for (const [code, told] of result.words.sentences[index] || []) {
    const cure = result.words.cures[code];
    const note = make("div", "", { className: `case-note ${code === "scales" ? "good" : ""}` });
    note.append(make("b", code), document.createTextNode(` ${told}.${cure ? ` Cure: ${cure}.` : ""}`));
    body.append(note);
  }
  const gil = row.gil;
  const paid = Object.entries(row.one_time_s).filter(([, cost]) => cost);
  const ceiling = row.ceiling || {};
  body.append(
    pairs([
      ["Status", [row.status.replace("_", " "), why(row)].filter(Boolean).join(": ")],
      ["Runs as", `${row.implementation}, ${executor(row)}, ${row.workers} workers${row.over_subscribed ? " (more than the usable CPUs)" : ""}, ${row.chunks_per_worker} chunks each, size ${row.size}, ${row.interpreter}`],
      ["Rounds", `${row.blocks}, ${row.repeats} execution${row.repeats === 1 ? "" : "s"} each`],
      ["Time", interval(row.wall_s, seconds)],
      ["Rate", row.rate ? rate(row) : NONE],
      ["Over the fastest thread", interval(row.vs_fastest_serial)],
      ["Speed-up", interval(row.speedup)],
      ["Efficiency", percent(row.efficiency)],
      ["Of the control", percent(row.relative_efficiency)],
      ["Machine gave", interval(ceiling.spin)],
      ["Its memory gave", interval(ceiling.isolated)],
      ["Lost to", ceilings(row) || NONE],
      ["GIL held", gil.available ? percent(gil.held) : [gil.reason, gil.cure].filter(Boolean).join("; ")],
      ["Threads waiting", gil.available ? interval(gil.waiting) : NONE],
      ["Hand-overs", gil.handovers_per_s ? `${si(gil.handovers_per_s).trim()}/s` : NONE],
      ["Paid once", paid.map(([name, cost]) => `${name} ${seconds(cost)}`).join(", ") || NONE],
      ["JIT cache", row.jit_cache === "none" ? NONE : row.jit_cache],
      ["Instruction set", row.isa || NONE],
    ]),
  );
  if (row.losses) body.append(lossBars(result, row));
  const walls = result.words.rounds[index];
  if (walls && row.wall_s) {
    body.append(make("h4", `Its ${walls.length} rounds`), make("p", "Time per execution in the order of the blocks; the line is the median, the band its interval.", { className: "hint" }));
    body.append(strip(walls, row.wall_s));
  }
  if (row.detail) body.append(make("h4", "Detail"), make("pre", row.detail));
  dialog.showModal();
}

/* Tooltip */

function tooltips() {
  const tip = $("#tip");
  const show = (text, x, y) => {
    ($("dialog[open]") || document.body).append(tip); /* an open dialog lies above everything else */
    tip.textContent = text;
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(8, Math.min(x + 14, innerWidth - width - 8))}px`;
    tip.style.top = `${y + 18 + height > innerHeight ? Math.max(8, y - height - 10) : y + 18}px`;
  };
  const hide = () => { tip.hidden = true; };
  const text = (target) => {
    if (target.dataset.tip) return target.dataset.tip;
    const result = resultOf(target);
    if (!result) return "";
    if (target.dataset.loss) return result.lossTip(target.closest("[data-case]").dataset.case, target.dataset.loss);
    return result.tip(target.dataset.case);
  };
  document.addEventListener("pointermove", (event) => {
    const target = event.target.closest?.("[data-tip],[data-loss],td[data-case],.chart [data-case]");
    const told = target && text(target);
    if (told) show(told, event.clientX, event.clientY);
    else hide();
  });
  document.addEventListener("focusin", (event) => {
    if (!event.target.matches("td[data-case]")) return hide();
    const told = text(event.target);
    const box = event.target.getBoundingClientRect();
    if (!told) return;
    show(told, box.left, box.bottom - 10);
    event.target.setAttribute("aria-describedby", "tip");
  });
  document.addEventListener("focusout", hide);
  document.addEventListener("scroll", hide, true);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
}

/* Heat map: one stop of the tab key, arrows within */

function heatKeys(table) {
  table.setAttribute("role", "grid");
  const rows = $$("tbody tr", table);
  const first = $("td[data-case]", table);
  if (!first) return;
  for (const cell of $$("td[data-case]", table)) cell.tabIndex = -1;
  first.tabIndex = 0;
  table.addEventListener("keydown", (event) => {
    const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
    const cell = event.target.closest("td[data-case]");
    if (!cell) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      cell.click();
    }
    if (!step) return;
    event.preventDefault();
    let y = rows.indexOf(cell.parentElement);
    let x = cell.cellIndex;
    for (;;) {
      y += step[0];
      x += step[1];
      const next = rows[y] && !rows[y].hidden && x > 0 ? rows[y].cells[x] : undefined;
      if (!next) return;
      if (next.dataset.case === undefined) continue;
      cell.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
      return;
    }
  });
}

/* The table of all cases */

const COLUMNS = [
  ["kernel", (row) => row.kernel],
  ["implementation", (row) => row.implementation],
  ["executor", executor],
  ["workers", (row) => row.workers, true],
  ["size", (row) => row.size],
  ["interpreter", (row) => row.interpreter],
  ["rate", (row) => row.rate?.value, true, (row) => (row.rate ? `${si(row.rate.value).trimEnd()} ${row.rate.unit}/s` : NONE)],
  ["speed-up", (row) => row.speedup?.value, true, (row) => interval(row.speedup)],
  ["efficiency", (row) => row.efficiency?.value, true, (row) => percent(row.efficiency)],
  ["of the control", (row) => row.relative_efficiency?.value, true, (row) => (row.speedup ? percent(row.relative_efficiency) : NONE)],
  ["over fastest thread", (row) => row.vs_fastest_serial?.value, true, (row) => interval(row.vs_fastest_serial)],
  ["GIL held", (row) => row.gil.held?.value, true, (row) => percent(row.gil.held)],
  ["waiting", (row) => row.gil.waiting?.value, true, (row) => (row.gil.waiting ? row.gil.waiting.value.toFixed(2) : NONE)],
  ["largest loss", (row, result) => row.losses?.[result.largest(row)]?.value, true,
    (row, result) => { const name = result.largest(row); return name ? `${result.words.losses[name]} ${percent(row.losses[name])}` : NONE; }],
  ["findings", (row) => row.findings.join(", ")],
  ["status", (row) => row.status.replace("_", " "), false,
    (row) => [row.status.replace("_", " "), why(row)].filter(Boolean).join(": ")],
];

class Table {
  constructor(result) {
    this.result = result;
    this.table = $("[data-raw]", result.root);
    this.form = $("[data-filters]", result.root);
    this.order = result.rows.map((_, index) => index);
    this.haystack = result.rows.map((row) => COLUMNS.map(([, , , write = null], place) => (write ? write(row, result) : String(COLUMNS[place][1](row, result) ?? ""))).join(" ").toLowerCase());
    this.sorted = [null, 1];
    this.page = 0;
    this.head();
    this.options("kernel", (row) => row.kernel);
    this.options("status", (row) => row.status);
    this.form.hidden = false;
    this.form.addEventListener("input", () => { this.page = 0; this.fill(); });
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.body = make("tbody");
    this.table.append(this.body);
    const open = (event) => { const line = event.target.closest("tr[data-case]"); if (line) showCase(result, line.dataset.case); };
    this.body.addEventListener("click", open);
    this.body.addEventListener("keydown", (event) => {
      if (event.key === "Enter") open(event);
      const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
      const next = step && event.target[step];
      if (!next) return;
      event.preventDefault();
      event.target.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    });
    this.fill();
  }

  head() {
    const line = make("tr");
    COLUMNS.forEach(([name, , numeric], column) => {
      const cell = make("th", "", { scope: "col", className: numeric ? "n" : "" });
      const button = make("button", name, { type: "button" });
      button.addEventListener("click", () => this.sort(column));
      cell.append(button);
      line.append(cell);
    });
    const head = make("thead");
    head.append(line);
    this.table.append(head);
  }

  options(name, read) {
    const select = this.form.elements[name];
    for (const value of new Set(this.result.rows.map(read))) select.append(make("option", value.replace("_", " "), { value }));
  }

  sort(column) {
    const [, read, numeric] = COLUMNS[column];
    const direction = this.sorted[0] === column ? -this.sorted[1] : numeric ? -1 : 1;
    this.sorted = [column, direction];
    const keys = this.result.rows.map((row) => read(row, this.result));
    const empty = (key) => key === undefined || key === null;
    this.order.sort((one, other) => {
      const [a, b] = [keys[one], keys[other]];
      if (empty(a) || empty(b)) return empty(a) - empty(b);
      return direction * (numeric ? a - b : String(a).localeCompare(String(b))) || one - other;
    });
    $$("th", this.table).forEach((cell, place) => {
      if (place === column) cell.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
      else cell.removeAttribute("aria-sort");
    });
    this.page = 0;
    this.fill();
  }

  matching() {
    const words = this.form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const kernel = this.form.elements.kernel.value;
    const status = this.form.elements.status.value;
    return this.order.filter((index) => {
      const row = this.result.rows[index];
      return (!kernel || row.kernel === kernel) && (!status || row.status === status) && words.every((word) => this.haystack[index].includes(word));
    });
  }

  fill() {
    const found = this.matching();
    const pages = Math.max(1, Math.ceil(found.length / PAGE_ROWS));
    this.page = Math.min(this.page, pages - 1);
    this.body.replaceChildren(
      ...found.slice(this.page * PAGE_ROWS, (this.page + 1) * PAGE_ROWS).map((index) => {
        const row = this.result.rows[index];
        const line = make("tr", "", { tabIndex: -1, "data-case": index });
        for (const [, read, numeric, write] of COLUMNS) {
          const text = write ? write(row, this.result) : String(read(row, this.result));
          line.append(make("td", text, { className: numeric ? "n" : "" }));
        }
        return line;
      }),
    );
    if (this.body.firstElementChild) this.body.firstElementChild.tabIndex = 0;
    $("[data-count]", this.form).textContent = `${found.length} of ${this.result.rows.length} cases`;
    this.pages(pages);
  }

  pages(count) {
    const nav = $("[data-pages]", this.result.root);
    nav.replaceChildren();
    if (count < 2) return;
    const turn = (text, step, possible) => {
      const button = make("button", text, { type: "button", className: "plain", disabled: !possible });
      button.addEventListener("click", () => { this.page += step; this.fill(); });
      return button;
    };
    nav.append(turn("Previous", -1, this.page > 0), make("span", `page ${this.page + 1} of ${count}`), turn("Next", 1, this.page < count - 1));
  }
}

/* Putting it together */

const results = new Map();
const resultOf = (element) => results.get(element.closest("[data-result]"));

function tabs(nav) {
  const buttons = $$("button", nav);
  const choose = (chosen) => {
    for (const button of buttons) {
      button.setAttribute("aria-pressed", String(button === chosen));
      document.getElementById(button.dataset.tab).hidden = button !== chosen;
    }
  };
  for (const button of buttons) button.addEventListener("click", () => choose(button));
  choose(buttons[0]);
}

function themes() {
  const button = $("[data-theme-switch]");
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const label = () => {
    button.textContent = dark() ? "Light" : "Dark";
    button.setAttribute("aria-label", `Switch to the ${dark() ? "light" : "dark"} theme`);
  };
  button.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; label(); });
  system.addEventListener("change", label);
  label();
}

function download(result, name) {
  const link = make("a", "", { href: URL.createObjectURL(new Blob([result.text], { type: "application/json" })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

async function load(root) {
  const [text, words] = await Promise.all(["analysis", "words"].map((name) => unpacked($(`[data-packed=${name}]`, root))));
  const result = new Result(root, text, JSON.parse(words));
  results.set(root, result);
  new Table(result);
  const button = $("[data-download]", root);
  button?.addEventListener("click", () => download(result, button.dataset.download));
}

async function start() {
  themes();
  $$("[data-tabs]").forEach(tabs);
  $$("[data-heat]").forEach(heatKeys);
  tooltips();
  for (const button of $$("[data-more]"))
    button.addEventListener("click", () => {
      $$("tr.more", button.previousElementSibling).forEach((line) => { line.hidden = false; });
      button.remove();
    });
  document.addEventListener("click", (event) => {
    const target = event.target.closest?.("td[data-case],.chip[data-case],.chart [data-case]");
    const result = target && resultOf(target);
    if (result) showCase(result, target.dataset.case);
    if (event.target.matches?.("[data-dialog]")) event.target.close();
  });
  if (typeof DecompressionStream === "undefined") {
    for (const box of $$("[data-cases]")) box.append(make("p", "This browser cannot unpack the table: it needs Chrome 80, Firefox 113 or Safari 16.4.", { className: "caution" }));
    return;
  }
  await Promise.all($$("[data-result]").map(load));
  document.documentElement.dataset.ready = "yes";
}

start();
