/* The table of all cases */

class Table {
  constructor(result) {
    this.result = result;
    this.table = $("[data-raw]", result.root);
    this.form = $("[data-filters]", result.root);
    this.columns = result.columns.map(([title, help, left, texts, ranks]) => ({ title, help, left, texts: result.store[texts], ranks: result.store[ranks] }));
    this.filters = Object.entries(result.filters).map(([name, place]) => [this.form.elements[name], result.store[place]]);
    this.order = result.ids.map((_, index) => index);
    this.haystack = this.order.map((index) => this.columns.map(({ texts }) => texts[index]).join(" ").toLowerCase());
    this.sorted = [null, 1];
    this.page = 0;
    this.head();
    for (const [select, texts] of this.filters) for (const text of new Set(texts)) select.append(make("option", text, { value: text }));
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
    this.columns.forEach(({ title, help, left }, column) => {
      const cell = make("th", "", { scope: "col", className: left ? "" : "n" });
      const button = make("button", title, { type: "button", title: help });
      button.addEventListener("click", () => this.sort(column));
      cell.append(button);
      line.append(cell);
    });
    const head = make("thead");
    head.append(line);
    this.table.append(head);
  }

  sort(column) {
    const { left, ranks } = this.columns[column];
    const direction = this.sorted[0] === column ? -this.sorted[1] : left ? 1 : -1;
    this.sorted = [column, direction];
    this.order.sort((one, other) => {
      const [a, b] = [ranks[one], ranks[other]];
      return (a === null) - (b === null) || direction * (a - b) || one - other;
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
    const chosen = this.filters.filter(([select]) => select.value);
    return this.order.filter((index) => chosen.every(([select, texts]) => texts[index] === select.value) && words.every((word) => this.haystack[index].includes(word)));
  }

  fill() {
    const found = this.matching();
    const pages = Math.max(1, Math.ceil(found.length / PAGE_ROWS));
    this.page = Math.min(this.page, pages - 1);
    this.body.replaceChildren(
      ...found.slice(this.page * PAGE_ROWS, (this.page + 1) * PAGE_ROWS).map((index) => {
        const line = make("tr", "", { tabIndex: -1, "data-case": index });
        for (const { left, texts } of this.columns) line.append(make("td", texts[index], { className: left ? "" : "n" }));
        return line;
      }),
    );
    if (this.body.firstElementChild) this.body.firstElementChild.tabIndex = 0;
    $("[data-count]", this.form).textContent = `${found.length} of ${this.order.length} cases`;
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
