/* Tooltip */

function tooltips() {
  const tip = $("#tip");
  const show = (text, x, y) => {
    ($("dialog[open]") || document.body).append(tip); /* an open dialog is above everything else */
    tip.textContent = text;
    tip.hidden = false;
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(8, Math.min(x + 14, innerWidth - width - 8))}px`;
    tip.style.top = `${y + 18 + height > innerHeight ? Math.max(8, y - height - 10) : y + 18}px`;
  };
  const hide = () => { tip.hidden = true; };
  const text = (target) => {
    const result = resultOf(target);
    const index = target.closest("[data-case]")?.dataset.case;
    if (target.dataset.tip) return result && index ? `${result.ids[index]}\n${target.dataset.tip}` : target.dataset.tip;
    return result ? result.tip(index) : "";
  };
  document.addEventListener("pointermove", (event) => {
    const target = event.target.closest?.("[data-tip],td[data-case],.chart [data-case]");
    const found = target && text(target);
    if (found) show(found, event.clientX, event.clientY);
    else hide();
  });
  document.addEventListener("focusin", (event) => {
    if (!event.target.matches("td[data-case]")) return hide();
    const found = text(event.target);
    const box = event.target.getBoundingClientRect();
    if (!found) return;
    show(found, box.left, box.bottom - 10);
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

/* A heat map wider than the window shows the column of its fastest case */

function reveal(table) {
  const best = $("td.best", table);
  const box = table.parentElement;
  if (!best || box.scrollWidth <= box.clientWidth) return;
  const names = $("th", table).getBoundingClientRect().width;
  const place = best.offsetLeft + best.offsetWidth + 4;
  if (place > box.scrollLeft + box.clientWidth || best.offsetLeft < box.scrollLeft + names) box.scrollLeft = Math.min(place - box.clientWidth, best.offsetLeft - names);
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
    $$("[data-heat]", document.getElementById(chosen.dataset.tab)).forEach(reveal);
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

async function download(root, name) {
  const text = await unpacked($("[data-packed=analysis]", root));
  const link = make("a", "", { href: URL.createObjectURL(new Blob([text], { type: "application/json" })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

async function load(root) {
  const result = new Result(root, JSON.parse(await unpacked($("[data-packed=texts]", root))));
  results.set(root, result);
  new Table(result);
  const button = $("[data-download]", root);
  button?.addEventListener("click", () => download(root, button.dataset.download));
}

async function start() {
  themes();
  $$("[data-tabs]").forEach(tabs);
  for (const table of $$("[data-heat]")) {
    heatKeys(table);
    reveal(table);
  }
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
