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
