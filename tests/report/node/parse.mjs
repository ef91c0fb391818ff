// Parses Mermaid diagrams with Mermaid itself: `node parse.mjs FILE...` prints one JSON object, file to "" or the error.
// Modules are found in the folder named by NODE_MODULES.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(join(process.env.NODE_MODULES, "here.js"));
const { JSDOM } = require("jsdom");
const dom = new JSDOM("<!doctype html><body></body>");
Object.assign(globalThis, { window: dom.window, document: dom.window.document, Option: dom.window.Option });
const { default: mermaid } = await import(pathToFileURL(join(process.env.NODE_MODULES, "mermaid/dist/mermaid.core.mjs")));

const found = {};
for (const file of process.argv.slice(2)) {
  try {
    const { diagramType } = await mermaid.parse(readFileSync(file, "utf8"));
    found[file] = diagramType === "sequence" ? "" : `a ${diagramType} diagram`;
  } catch (error) {
    found[file] = String(error.message ?? error) || "refused";
  }
}
process.stdout.write(JSON.stringify(found));
