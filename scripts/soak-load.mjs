/**
 * Load on a running server: many clients at once, each score compared with the local one, and requests that must be refused. What is
 * asked and what must come back is given by the caller (`soak-serve.mjs`, and a short test).
 */

/** Scores further apart than this are wrong: β 0.1 times sums of some hundred nats, from products of some hundred float32 terms, round by 6e-5 at most (base/core/float32.ts). */
export const TOLERANCE = 1e-4;

/** Bodies kept of texts that the server wrote, to be scored again by the caller. */
const KEPT_TEXTS = 400;

/**
 * Runs the load.
 * @param {import("./soak-load.d.mts").SoakOptions} options
 * @returns {Promise<import("./soak-load.d.mts").SoakResult>}
 */
export async function soak(options) {
  const { seconds, clients, rss } = options;
  const state = {
    ...options,
    texts: [],
    statuses: {},
    latencies: [],
    scores: 0,
    wrong: [],
    largest: 0,
    until: 0,
  };
  const samples = [await rss()];
  const started = performance.now();
  state.until = started + 1000 * seconds;
  const sampler = setInterval(async () => samples.push(await rss().catch(() => samples.at(-1))), 1000);
  const work = Array.from({ length: clients }, (_, i) => client(state, randomOf(i + 1)));
  const refused = await Promise.all([...work, refusals(state)]).then((all) => all.at(-1));
  clearInterval(sampler);
  samples.push(await rss());
  return resultOf(state, samples, refused, (performance.now() - started) / 1000);
}

/** Small and repeatable: mulberry32. */
export function randomOf(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One after another, until time is over. */
async function client(state, random) {
  while (performance.now() < state.until) {
    const kind = random();
    if (kind < 0.5) await askScores(state, random);
    else if (kind < 0.85) await askPrompts(state, random);
    else await askText(state, random);
  }
}

function some(list, random, most) {
  return Array.from(
    { length: 1 + Math.floor(random() * most) },
    () => list[Math.floor(random() * list.length)],
  );
}

async function askScores(state, random) {
  const cases = some(state.pairs, random, 4);
  const body = { model: state.model, pairs: cases.map(({ pair }) => pair) };
  const json = await ask(state, "/v1/score", body);
  json?.data.forEach((row, i) => {
    compare(state, `pair ${cases[i].pair.id} a`, row.score_a, cases[i].scoreA);
    compare(state, `pair ${cases[i].pair.id} b`, row.score_b, cases[i].scoreB);
  });
}

async function askPrompts(state, random) {
  const cases = some(state.prompts, random, 3);
  const body = {
    model: state.model,
    prompt: cases.map(({ ids }) => ids),
    max_tokens: 0,
    prompt_logprobs: 1,
    add_special_tokens: false,
  };
  const json = await ask(state, "/v1/completions", body);
  json?.choices.forEach(({ prompt_logprobs }, i) => {
    const { ids, logps } = cases[i];
    logps.forEach((logp, t) => {
      compare(state, `prompt ${i} place ${t + 1}`, prompt_logprobs[t + 1]?.[ids[t + 1]]?.logprob, logp);
    });
  });
}

async function askText(state, random) {
  const [{ ids }] = some(state.prompts, random, 1);
  const prompt = ids.slice(0, 8);
  const body = {
    model: state.model,
    prompt,
    max_tokens: 8,
    temperature: 0,
    logprobs: 0,
    return_token_ids: true,
  };
  const json = await ask(state, "/v1/completions", body);
  const choice = json?.choices[0];
  if (choice && choice.token_ids.length > 0 && state.texts.length < KEPT_TEXTS)
    state.texts.push({ prompt, written: choice.token_ids, logps: choice.logprobs.token_logprobs });
}

function compare(state, what, got, expected) {
  state.scores++;
  const apart = Math.abs(got - expected);
  state.largest = Math.max(state.largest, apart);
  // NaN, where nothing came back, is not at most anything.
  if (!(apart <= TOLERANCE) && state.wrong.push(`${what}: expected ${expected}, got ${got}`) > 20)
    state.wrong.pop();
}

/** Asks until it is answered; a server that is busy is asked again when it says so. */
async function ask(state, path, body) {
  for (;;) {
    const began = performance.now();
    const { status, retryAfter, json } = await send(state.url + path, JSON.stringify(body));
    state.statuses[status] = (state.statuses[status] ?? 0) + 1;
    if (status === 200) state.latencies.push(performance.now() - began);
    if (status === 200) return json;
    if (status !== 429)
      throw new Error(`${path}: expected 200 or 429, got ${status}: ${JSON.stringify(json)}`);
    await new Promise((resolve) => setTimeout(resolve, 1000 * retryAfter * (0.5 + Math.random() / 2)));
  }
}

async function send(url, body) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  return {
    status: response.status,
    retryAfter: Number(response.headers.get("retry-after") ?? 1),
    json: await response.json(),
  };
}

/** Every second: a body that is too large, one that is no JSON, a prompt that is too long, and a crowd. */
async function refusals(state) {
  const { url, maxBody, tooLong, crowd, model } = state;
  const seen = { 413: 0, 400: 0, 429: 0, unexpected: [] };
  const expectStatus = async (body, allowed) => {
    const { status } = await send(`${url}/v1/completions`, body).catch((error) => ({
      status: `${error.cause ?? error}`,
    }));
    if (!allowed.includes(status)) seen.unexpected.push(`expected ${allowed}, got ${status}`);
    else if (status !== 200) seen[status]++;
  };
  const short = JSON.stringify({ model, prompt: "Once", max_tokens: 1, temperature: 0 });
  while (performance.now() < state.until) {
    // 429 comes before anything is read, so it is never wrong.
    await expectStatus(JSON.stringify({ prompt: "x".repeat(maxBody) }), [413, 429]);
    await expectStatus("{", [400, 429]);
    await expectStatus(JSON.stringify({ model, prompt: "a ".repeat(tooLong) }), [400, 429]);
    await Promise.all(Array.from({ length: crowd }, () => expectStatus(short, [200, 429])));
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  return seen;
}

function resultOf(state, samples, refused, seconds) {
  const sorted = state.latencies.sort((x, y) => x - y);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? null;
  const mean = (list) => list.reduce((x, y) => x + y, 0) / list.length;
  // What programs and caches take is there after a while; a leak goes on growing.
  const quarter = Math.ceil(samples.length / 4);
  const [early, late] = [mean(samples.slice(quarter, 2 * quarter)), mean(samples.slice(-quarter))];
  return {
    seconds,
    clients: state.clients,
    requests: sorted.length,
    requestsPerSecond: sorted.length / seconds,
    scores: state.scores,
    wrong: state.wrong,
    largestDifference: state.largest,
    statuses: state.statuses,
    latencyMs: { p50: at(0.5), p95: at(0.95), p99: at(0.99) },
    refused,
    rss: { first: samples[0], peak: Math.max(...samples), early, late },
    texts: state.texts,
  };
}
