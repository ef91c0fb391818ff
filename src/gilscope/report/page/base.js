"use strict";
/* Everything a user named is put into the page as text (textContent), never as markup. Texts are made in Python
   (gilscope.report.page.texts): nothing here formats a number. */

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const PAGE_ROWS = 100;
const NONE = "-";

function make(name, text = "", properties = {}) {
  const element = document.createElement(name);
  if (text !== "") element.textContent = text;
  for (const [key, value] of Object.entries(properties)) {
    if (key in element) element[key] = value;
    else element.setAttribute(key, value);
  }
  return element;
}

async function unpacked(script) {
  const bytes = Uint8Array.from(atob(script.textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

/* The cases of one result. What names a column of the store has its place there. */

class Result {
  constructor(root, texts) {
    this.root = root;
    Object.assign(this, texts);
    this.ids = this.store[texts.ids];
  }

  pairs(list, index) {
    return list.map(([name, place]) => [name, this.store[place][index]]).filter(([, text]) => text !== NONE);
  }

  tip(index) {
    return [this.ids[index], ...this.pairs(this.tips, index).map(([name, text]) => `${name} ${text}`.trim())].join("\n");
  }
}
