/** Content digests: what an artefact is named by. SHA-256, hex. */
import { createHash, type Hash } from "node:crypto";
import { pipeline } from "node:stream/promises";
import { readStream } from "./regular-file.ts";

/**
 * JSON with sorted keys, so that equal values give equal text. `undefined` members are left out.
 * @throws Error (internal) for what JSON would turn into something else: NaN, infinities, functions, Map, Set
 */
export function canonicalJson(value: unknown): string {
  if (value === undefined) throw new Error("internal: no canonical JSON of undefined");
  return JSON.stringify(value, (_key, member) => canonicalMember(member));
}

function canonicalMember(member: unknown): unknown {
  const lossy =
    member instanceof Map ||
    member instanceof Set ||
    typeof member === "function" ||
    (typeof member === "number" && !Number.isFinite(member));
  if (lossy) throw new Error(`internal: no canonical JSON of ${String(member)}`);
  return member !== null && typeof member === "object" && !Array.isArray(member)
    ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
    : member;
}

/** Digest of a JSON value, independent of key order. @throws as `canonicalJson` */
export function digestOf(value: unknown): string {
  return sha256(canonicalJson(value));
}

/** Digest of text or bytes. */
export function sha256(data: string | Uint8Array): string {
  const hash = createHash("sha256");
  addTo(hash, data);
  return hash.digest("hex");
}

/** Text or bytes onto a digest that is being taken. */
export function addTo(hash: Hash, data: string | Uint8Array): void {
  if (typeof data === "string") hash.update(data);
  else
    for (let at = 0; at < data.byteLength; at += MOST_AT_ONCE)
      hash.update(data.subarray(at, at + MOST_AT_ONCE));
}

/** Most bytes for one request: from 2 GiB on Node refuses. */
export const MOST_AT_ONCE = 2 ** 30;

/** Read at once: half a gigabyte took 0.46 s in pieces of this size, 2.3 s in the default's 64 KiB. */
const DIGEST_CHUNK = 2 ** 20;

/** Digest of a file's bytes, streamed. @throws as `openForReading` */
export async function digestFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(await readStream(path, DIGEST_CHUNK), hash);
  return hash.digest("hex");
}
