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
