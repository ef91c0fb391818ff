/* One case */

function facts(list) {
  const box = make("dl", "", { className: "facts" });
  for (const [name, text] of list) {
    const line = make("div");
    line.append(make("dt", name), make("dd", text));
    box.append(line);
  }
  return box;
}

function shareBars(result, index) {
  const box = make("div");
  for (const [name, label, text, width] of result.shares) {
    if (result.store[text][index] === NONE) continue;
    const line = make("div", "", { className: "lossrow" });
    const track = make("div");
    const bar = make("div", "", { className: `lossbar sw-${name.replace("_", "-")}` });
    bar.style.width = `${result.store[width][index]}%`;
    track.append(bar);
    line.append(make("span", label), track, make("span", result.store[text][index], { className: "n" }));
    box.append(line);
  }
  if (box.firstChild) box.prepend(make("h4", "Where the time of its workers went"));
  return box;
}

/* The rounds, block by block: what the median and its interval were made of */

function strip(rounds) {
  const [width, height, inside] = [660, 110, 10];
  const shape = (name, properties) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(properties)) element.setAttribute(key, value);
    return element;
  };
  const svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img", "aria-label": rounds.alt });
  const [top, bottom] = rounds.band;
  if (rounds.band.length) svg.append(shape("rect", { x: 0, width, y: top, height: Math.max(1, bottom - top), class: "spinband" }));
  svg.append(shape("path", { d: `M0 ${rounds.median}H${width}`, class: "spin" }));
  rounds.places.forEach((y, index) => {
    const x = inside + ((index + 0.5) / rounds.places.length) * (width - 2 * inside);
    const tip = `round ${index + 1}: ${rounds.texts[index]} per execution`;
    svg.append(shape("circle", { cx: x, cy: y, r: 4, class: "dot x-threads", "data-tip": tip }));
  });
  return svg;
}

function showCase(result, index) {
  const dialog = $("[data-dialog]");
  $("#case-title").textContent = result.ids[index];
  const body = $("[data-case-body]");
  body.replaceChildren();
  for (const [code, text] of result.seen[index] || []) {
    const [fix, tone] = result.fixes[code];
    const note = make("div", "", { className: `case-note t-${tone}` });
    note.append(make("b", code), document.createTextNode(` ${text}.${fix ? ` Fix: ${fix}.` : ""}`));
    body.append(note);
  }
  body.append(facts(result.pairs(result.facts, index)), shareBars(result, index));
  const rounds = result.rounds[index];
  if (rounds) {
    const hint = "Time per execution in the order of the blocks; the line is the median, the band its interval.";
    body.append(make("h4", "Its rounds"), make("p", hint, { className: "hint" }), strip(rounds));
  }
  if (result.details[index]) body.append(make("h4", "Detail"), make("pre", result.details[index]));
  dialog.showModal();
}
