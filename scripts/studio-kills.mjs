/**
 * `kill -9` at random while a person answers in the studio, again and again. What the server acknowledged must be in the file once when it
 * is over, whatever was being written when it died. Everything is sent as the page's outbox sends it: what is not acknowledged is sent again.
 *
 *   npm run soak:studio -- --kills 200
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/** Numbers in [0, 1) of a seed (a linear congruential generator: only the moments of the kills hang on it). */
function drawing(seed) {
  let state = seed >>> 0 || 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Starts the studio and is let in. */
async function openStudio(command, folder) {
  const [file, ...args] = command;
  const child = spawn(
    file,
    [...args, "studio", folder, "--port", "0", "--annotator", "anna", "--json", "--quiet"],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const ended = once(child, "exit");
  const [line] = await once(child.stdout.setEncoding("utf8"), "data");
  const { url } = JSON.parse(line);
  const entered = await fetch(url, { redirect: "manual" });
  const cookie = entered.headers.get("set-cookie").split(";")[0];
  const headers = { cookie, "content-type": "application/json", "x-weak-teacher": "studio" };
  const call = async (path, body) => {
    const reply = await fetch(`${new URL(url).origin}${path}`, {
      headers,
      ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
    });
    if (!reply.ok) throw new Error(`${path}: ${reply.status} ${await reply.text()}`);
    return reply.json();
  };
  const { opened } = await call("/api/studio");
  return { child, ended, call, id: opened[0].id };
}

/**
 * Answers and kills.
 * @param options.command - the words that start `weak-teacher`
 * @returns kills that were made, events that were acknowledged, and of these how many the file lacks or has twice; `torn` last lines kept aside
 */
export async function studioKills({ folder, kills, command, seed }) {
  const draw = drawing(seed);
  const acknowledged = new Set();
  let outbox = [];
  for (let k = 0; k < kills; k++) {
    const { child, ended, call, id } = await openStudio(command, folder);
    const { total } = await call(`/api/ask/${id}`);
    let alive = true;
    let first;
    const taken = new Promise((resolve) => {
      first = resolve;
    });
    const answering = (async () => {
      while (alive) {
        for (let i = 0; i < 1 + Math.floor(3 * draw()); i++)
          outbox.push({
            kind: "answer",
            uuid: crypto.randomUUID(),
            place: Math.floor(total * draw()),
            choice: "left",
            ms: 500,
          });
        const reply = await call(`/api/ask/${id}/events`, { events: outbox });
        for (const uuid of reply.acknowledged) acknowledged.add(uuid);
        const gone = new Set(reply.acknowledged);
        outbox = outbox.filter(({ uuid }) => !gone.has(uuid));
        first();
      }
    })().catch((error) => {
      // The kill, seen from here: anything else would go on.
      if (alive) throw error;
    });
    await Promise.race([taken, answering]);
    await sleep(120 * draw());
    alive = false;
    child.kill("SIGKILL");
    await Promise.all([ended, answering]);
  }
  const last = await openStudio(command, folder);
  if (outbox.length > 0) {
    const reply = await last.call(`/api/ask/${last.id}/events`, { events: outbox });
    for (const uuid of reply.acknowledged) acknowledged.add(uuid);
  }
  last.child.kill("SIGTERM");
  await last.ended;
  const text = await readFile(join(folder, "answers", "anna.jsonl"), "utf8");
  const counts = new Map();
  for (const line of text.trimEnd().split("\n")) {
    const { uuid } = JSON.parse(line);
    counts.set(uuid, (counts.get(uuid) ?? 0) + 1);
  }
  const torn = await readFile(join(folder, "answers", "anna.jsonl.torn"), "utf8").catch(() => "");
  return {
    ...{ kills, acknowledged: acknowledged.size, events: counts.size },
    lost: [...acknowledged].filter((uuid) => !counts.has(uuid)).length,
    doubled: [...counts.values()].filter((count) => count > 1).length,
    torn: torn.split("\n").length - 1,
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: { kills: { type: "string", default: "200" }, seed: { type: "string", default: "1" } },
  });
  const root = fileURLToPath(new URL("../", import.meta.url));
  const folder = await mkdtemp(join(tmpdir(), "wt-kills-"));
  try {
    const { writeTinyQuestions, tinyPairs } = await import("../test/helpers/tiny-questions.ts");
    const { questions } = await writeTinyQuestions(folder, tinyPairs(200));
    const command = [process.execPath, join(root, "dist/interfaces/cli/main.js")];
    const result = await studioKills({
      folder: questions,
      kills: Number(values.kills),
      command,
      seed: Number(values.seed),
    });
    console.log(JSON.stringify(result));
    process.exitCode = result.lost + result.doubled > 0 ? 1 : 0;
  } finally {
    await rm(folder, { recursive: true });
  }
}
