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
