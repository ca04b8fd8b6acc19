// Adds up the JavaScript that the chat page loads before anything is asked of it, and fails over budget.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const BUDGET_KB = 80;
const dist = new URL('../dist', import.meta.url).pathname;

/** Every script that `file` imports before it runs, itself included. */
function initial(file, seen = new Set()) {
  if (seen.has(file)) return seen;
  seen.add(file);
  const source = readFileSync(join(dist, file), 'utf8');
  for (const [, path] of source.matchAll(/(?:^|[;}\n])(?:import|export)[^;'"(]*?["']\.\/([^"']+\.js)["']/g)) {
    initial(`assets/${path}`, seen);
  }
  return seen;
}

const html = readFileSync(join(dist, 'index.html'), 'utf8');
const entries = [...html.matchAll(/(?:src|href)="\/([^"]+\.js)"/g)].map((match) => match[1]);
const files = entries.reduce((seen, file) => initial(file, seen), new Set());

let total = 0;
for (const file of files) {
  const bytes = gzipSync(readFileSync(join(dist, file)), { level: 9 }).length;
  total += bytes;
  console.log(`${(bytes / 1024).toFixed(1).padStart(7)} KB  ${file}`);
}
console.log(`${(total / 1024).toFixed(1).padStart(7)} KB  in all, gzip; the budget is ${BUDGET_KB} KB`);
if (total > BUDGET_KB * 1024) process.exit(1);
