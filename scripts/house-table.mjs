/**
 * `node scripts/house-table.mjs [FOLDER]`: the table of decision 0012, of the checkout in FOLDER (default this one): files and lines of each
 * room without tests, rooms that it imports from, imports that cross a wall; then the storeys.
 */
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { importsOf, isTest, linesPerPlace, STOREYS } from "./layers-rules.mjs";

const root = resolve(process.argv[2] ?? ".");
const files = readdirSync(`${root}/src`, { recursive: true })
  .map((name) => `src/${name.replaceAll("\\", "/")}`)
  .filter((path) => /\.tsx?$/.test(path) && !isTest(path))
  .sort()
  .map((path) => ({ path, text: readFileSync(`${root}/${path}`, "utf8") }));

/** "method/teacher", the storey alone where it has no rooms, "index" for the files beside the storeys. */
function roomOf(path) {
  const [, storey, room, ...rest] = path.split("/");
  if (room === undefined) return "index";
  const { rooms = [] } = STOREYS.find(({ name }) => name === storey) ?? {};
  return rest.length > 0 && rooms.includes(room) ? `${storey}/${room}` : storey;
}

const rows = new Map();
for (const { path, text } of files) {
  const room = roomOf(path);
  const row = rows.get(room) ?? { files: 0, lines: 0, rooms: new Set(), imports: 0 };
  rows.set(room, row);
  row.files++;
  row.lines += text.split("\n").length - 1;
  for (const { target } of importsOf(path, text)) {
    const there = roomOf(target);
    if (!target.startsWith("src/") || there === room) continue;
    row.rooms.add(there);
    row.imports++;
  }
}

const shown = (count) => count.toLocaleString("en-GB");
console.log("| room | files | lines | rooms | imports |\n| --- | ---: | ---: | ---: | ---: |");
for (const [room, { files: count, lines, rooms, imports }] of [...rows].sort())
  console.log(`| \`${room}\` | ${count} | ${shown(lines)} | ${rooms.size} | ${imports} |`);
console.log("\n| storey | lines |\n| --- | ---: |");
const places = linesPerPlace(files);
for (const { name } of STOREYS) console.log(`| \`${name}\` | ${shown(places.get(name) ?? 0)} |`);
console.log(`| all | ${shown([...rows.values()].reduce((sum, { lines }) => sum + lines, 0))} |`);
