// Adds up the JavaScript that the chat page cannot begin without, and fails over budget: what index.html names, all
// that those files import before they run, and the larger of the dictionaries, of which every reader fetches one.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const BUDGET_KB = 80;
const dist = new URL('../dist', import.meta.url).pathname;

/** The file and every script that it imports statically. */
function closure(file, seen = new Set()) {
  if (seen.has(file)) return seen;
  seen.add(file);
  const source = readFileSync(join(dist, file), 'utf8');
  for (const [, path] of source.matchAll(/\b(?:import|from)\s*["']\.\/([^"']+\.js)["']/g))
    closure(`assets/${path}`, seen);
  return seen;
}

function size(file) {
  return gzipSync(readFileSync(join(dist, file)), { level: 9 }).length;
}

const html = readFileSync(join(dist, 'index.html'), 'utf8');
const entries = [...html.matchAll(/(?:src|href)="\/([^"]+\.js)"/g)].map((match) => match[1]);
const files = entries.reduce((seen, file) => closure(file, seen), new Set());
const dictionaries = readdirSync(join(dist, 'assets')).filter((name) => /^(?:en|ko)-[^.]+\.js$/.test(name));
if (dictionaries.length !== 2) throw new Error('the dictionaries are not where they were');
files.add(dictionaries.map((name) => `assets/${name}`).sort((a, b) => size(b) - size(a))[0]);

let total = 0;
for (const file of files) {
  total += size(file);
  console.log(`${(size(file) / 1024).toFixed(1).padStart(7)} KB  ${file}`);
}
console.log(`${(total / 1024).toFixed(1).padStart(7)} KB  in all, gzip; the budget is ${BUDGET_KB} KB`);
if (total > BUDGET_KB * 1024) process.exit(1);
