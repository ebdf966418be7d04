#!/usr/bin/env node
/**
 * A small chat model as a judge behind two real servers: this project's `serve`, which tells top_logprobs, so that votes are soft, and
 * transformers' own `transformers serve`, which tells none, so that only words count. Says of each how many pairs had a reply that could not
 * be read, on how many a digit's probability was read because no verdict was said, how often the winner turned with the order, and how often
 * the judge sided with people.
 *
 *   node scripts/judge-servers.mjs MODEL-FOLDER HH.jsonl[.gz] [PAIRS [SERVER]]     (npm run build first; Python as scripts/python-env.sh makes it)
 *
 * PAIRS, default 50: the first rows of an HH-RLHF file that are at most 1,200 characters long together, so that two cores end in minutes.
 * SERVER, weak-teacher or transformers: that one alone, for the second takes far longer for a question.
 */
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { clusteredShare } from "../dist/base/stats/clustered-share.js";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const cli = here("../dist/interfaces/cli/main.js");
const [model, hh, wanted = "50", only = ""] = process.argv.slice(2);
if (hh === undefined) {
  console.error("usage: node scripts/judge-servers.mjs MODEL-FOLDER HH.jsonl[.gz] [PAIRS [SERVER]]");
  process.exit(2);
}
const python =
  process.env.WEAK_TEACHER_PYTHON ||
  execFileSync("bash", [here("python-env.sh"), "--where"], { encoding: "utf8" }).trim();
const folder = mkdtempSync(join(tmpdir(), "judge-servers-"));

const SERVERS = [
  {
    name: "weak-teacher serve",
    votes: "soft",
    argv: (port) => [process.execPath, cli, "serve", model, "--name", "judge", "--port", port],
    as: "judge",
  },
  {
    name: "transformers serve",
    votes: "hard",
    argv: (port) => [
      ...[python, "-m", "transformers.cli.transformers", "serve", model],
      ...["--host", "127.0.0.1", "--port", port, "--device", "cpu", "--dtype", "float32"],
    ],
    as: model,
  },
];
const QUESTIONS = ["rlaif", "short"];
const LONGEST = 1200;

const pairs = readPairs(hh, Number(wanted));
const file = join(folder, "pairs.jsonl");
writeFileSync(file, pairs.map(({ people: _, ...pair }) => `${JSON.stringify(pair)}\n`).join(""));

const rows = [];
try {
  for (const server of SERVERS.filter(({ name }) => name.startsWith(only))) await judgeBehind(server);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(table(rows));

/** Dialogues with the same beginning in both rows; a row's digest draws which response comes first. */
function readPairs(path, count) {
  const bytes = readFileSync(path);
  const lines = (path.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8").trim().split("\n");
  const turn = "\n\nAssistant:";
  return lines
    .flatMap((line, i) => {
      const { chosen, rejected } = JSON.parse(line);
      const [cut, other] = [chosen.lastIndexOf(turn), rejected.lastIndexOf(turn)];
      const [good, bad] = [
        chosen.slice(cut + turn.length).trim(),
        rejected.slice(other + turn.length).trim(),
      ];
      if (chosen.slice(0, cut) !== rejected.slice(0, other) || !good || !bad || good === bad) return [];
      const prompt = chosen.slice(0, cut).trim();
      if (prompt.length + good.length + bad.length > LONGEST) return [];
      const first = createHash("sha256").update(line).digest()[0] % 2 === 0;
      const [response_a, response_b] = first ? [good, bad] : [bad, good];
      return [{ id: `hh-${i}`, prompt, response_a, response_b, people: first ? "a" : "b" }];
    })
    .slice(0, count);
}

async function judgeBehind(server) {
  const port = String(await freePort());
  const [command, ...args] = server.argv(port);
  const child = spawn(command, args, {
    stdio: ["ignore", "ignore", "ignore"],
    // One thread: where others compute too, torch's threads wait for each other more than they work.
    env: { ...process.env, HF_HUB_OFFLINE: "1", OMP_NUM_THREADS: "1" },
  });
  try {
    await answers(`http://127.0.0.1:${port}/v1/models`, child);
    for (const question of QUESTIONS) {
      rows.push(await judged(server, question, port));
      console.error(JSON.stringify(rows.at(-1)));
    }
  } finally {
    child.kill("SIGTERM");
  }
}

async function judged({ name, votes, as }, question, port) {
  const out = join(folder, `${votes}-${question}`);
  const began = performance.now();
  const { code, stderr } = await run([
    ...[cli, "label", file, "--out", out, "--teacher", "judge-chat", "--judge-prompt", question],
    ...["--url", `http://127.0.0.1:${port}/v1`, "--model", as, "--judge-votes", votes],
    ...["--judge-max-tokens", "16", "--judge-concurrency", "1", "--judge-timeout", "600", "--json"],
  ]);
  const seconds = Math.round((performance.now() - began) / 1000);
  const what = { name, votes, question, seconds };
  if (code !== 0) return { ...what, stopped: stderr.trim().split("\n").at(-1) };
  const labels = readFileSync(join(out, "labels.jsonl"), "utf8").trim().split("\n").map(JSON.parse);
  return { ...what, ...sums(labels) };
}

function sums(labels) {
  const flagged = (list, flag) => list.filter(({ flags }) => flags.includes(flag)).length;
  const people = new Map(pairs.map((pair) => [pair.id, pair.people]));
  const read = labels.filter(({ flags }) => !flags.includes("malformed-reply"));
  const sided = read.filter(({ preferred }) => preferred === "a" || preferred === "b");
  const agreed = sided.map(({ id, preferred }) => preferred === people.get(id));
  return {
    pairs: labels.length,
    unreadable: labels.length - read.length,
    unsaid: flagged(labels, "unsaid-verdict"),
    read: read.length,
    flips: flagged(read, "position-flip"),
    sided: sided.length,
    agreement:
      agreed.length === 0
        ? null
        : clusteredShare(
            agreed,
            sided.map(({ id }) => id),
          ),
  };
}

function table(all) {
  const percent = (part, whole) =>
    whole === 0 ? "–" : `${Math.round((100 * part) / whole)} % (${part} of ${whole})`;
  const share = (agreement) =>
    agreement === null
      ? "–"
      : `${(100 * agreement.estimate).toFixed(0)} % [${(100 * agreement.low).toFixed(0)}, ${(100 * agreement.high).toFixed(0)}]`;
  return [
    "| server, votes | question | pairs that could not be read | read at the first token | winner turned with the order | names one | sides with people | seconds |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ...all.map((row) =>
      "stopped" in row
        ? `| ${row.name}, ${row.votes} | ${row.question} | stopped: ${row.stopped} | | | | | ${row.seconds} |`
        : `| ${row.name}, ${row.votes} | ${row.question} | ${percent(row.unreadable, row.pairs)} | ${percent(row.unsaid, row.pairs)} | ${percent(row.flips, row.read)} | ${row.sided} | ${share(row.agreement)} | ${row.seconds} |`,
    ),
  ].join("\n");
}

function run(args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
    let stderr = "";
    child.stderr.on("data", (part) => (stderr += part));
    child.on("close", (code) => resolve({ code, stderr }));
  });
}

async function answers(url, server) {
  for (let tries = 0; tries < 600; tries++) {
    if (server.exitCode !== null) throw new Error(`the server ended with ${server.exitCode}`);
    const reply = await fetch(url).catch(() => undefined);
    if (reply?.ok) return;
    await sleep(500);
  }
  throw new Error(`${url} did not answer`);
}

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
