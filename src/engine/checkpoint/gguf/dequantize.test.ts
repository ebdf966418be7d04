import { expect, test } from "vitest";
import { sha256 } from "../../../base/core/digest.ts";
import { decodeBlocks, isReadable, TYPE_NAMES, typeSizes } from "./dequantize.ts";

/** Two blocks of random bytes each (scales within half precision), and what `dequantize` of the Python package gguf 0.19.0 makes of them. */
const BLOCKS = [
  {
    name: "Q4_0",
    type: 2,
    bytes: "FKXl8alBBqCVaiavvM2v5WL57RRfVpPGQidq1astpzlFUTcO",
    first: [0.05950927734375, 0.13885498046875, -0.01983642578125],
    last: -0.00962066650390625,
    sha256: "9d01f190ece7ad678c8262d6514e10314cd69cbd3671a19619a10c04f2ca525e",
  },
  {
    name: "Q4_1",
    type: 3,
    bytes: "URjEpN0G8n+PBjzSXhmmIfm9DMzLkB8jx5XKd0jcA9F6iJNNhVJzVw==",
    first: [0.008783340454101562, -0.005970001220703125, -0.014400482177734375],
    last: 0.010982990264892578,
    sha256: "cce3c2da6ecfdb46a0c7f551c283c14e3b7691d5ee0ac1abbb3e850216c11f2b",
  },
  {
    name: "Q5_0",
    type: 6,
    bytes: "0ZxGR2sja4JIG9n+Yw3Dzjvk68q3L32mUiNHn255TVcDfiz96eFad4l4Hjc=",
    first: [0.023517608642578125, -0.00940704345703125, -0.037628173828125],
    last: -0.0760345458984375,
    sha256: "d19abdef2dce2e3c427eeb82a5a281f2e3e9d04b44c9aebdf26419a48ffa1280",
  },
  {
    name: "Q5_1",
    type: 7,
    bytes: "pBjWp4/IPwsLtNtxvlciCYUdPST0wM+D5KADpS9HWXeJVfbO1oHL6nF5ztLI+BSh",
    first: [0.03057098388671875, 0.01470947265625, 0.03057098388671875],
    last: -0.1150970458984375,
    sha256: "491a98ee4f85c8a126f79f5260e0a62be093fdeb940529c9202828bd0b4f7b5b",
  },
  {
    name: "Q8_0",
    type: 8,
    bytes: "RqYR+F4EKbGffsDhVvZaMyLnkbiA7plePw0wfS+69ABpOj0WDQJ+1OWL56nrwoonHUOniFVjgUTrZgP3snJd4R/mrC8=",
    first: [-0.416595458984375, 0.196044921875, -2.30352783203125],
    last: 0.07158184051513672,
    sha256: "e75dd014a849c2a5facb91647e5846e1bb8091c462753cfe2476d4e700be7eb9",
  },
  {
    name: "Q4_K",
    type: 12,
    bytes:
      "YqA4nnT+xwpos+S9ySs4eYdBbBfskJY+x2aIirS4Drp8XP2BEhvqnO4YEN/VFp+vJs17XDDIq6RNlyKZ6Me0G5odKw8YBgCpdNY7YzIgLJmOgrJSLEnEOUx9cyZbaq9hsoj70K7Pp2ZhYiNhHnZMk6o4j/q9CmpkErIJlx4tgnB29+SauPoZcnG+U6NEKxKMOR/ymA+K7vQqC5om10/HjyViuHAQl6VbVRBUPSftYA3jIApnSTB/03iZwRiBmvZnQ5TD96pfk/MsgQo3ynvxATzN+KuKtKYDmVToTL47P38Rg8Pfg3XFF7Tnhqmq33SI+JKxIZE4ethqylbYUxySe5Mf6PFueVubMxdn5xLb6PUzHdmRfwHmRxDdPCX00haQ",
    first: [-2.87298583984375, -0.20220947265625, -5.0986328125],
    last: 4.018581390380859,
    sha256: "3e0d85496c3fe36a37f60eeb0b35d8e389c0a7819f08b19f6d451605681223dc",
  },
  {
    name: "Q5_K",
    type: 13,
    bytes:
      "eKjAI3mhMfgTCz6kvS9dleV715FDbYQPTmZUYIE1u/uIXTRpWaSbNkAqTz3MSJ+2UR++CeXXK/g04E/gKMpJkeAqvXcnn+3CBtIxjKi4KHpvS3lSCVddcnfUVsD26BoOWE1zBmD1a7i1iEdfcGbBzXEJxQeakz7oV9t1H/IjcmrZBpf3SffGG9gBY6jJo1a6kdefbSTuOhTr1BOG2Prvbp5scN9B26mutTAeWCS32w5UpPojBoaTR2jwBa8NWiPdtGX8WkibQ+duo+OElpvkh6RA58PqUgTKu/m/6OZIyv93BKwm0iegacOS9O6zYcJO82ZTAXi0eZM4IsPAz2s8vrSvfs/yHNOkCPgCI+OT3dgIRT1rrZDv2KuitNCWIm341EanA/yyvd3Y4eKgmmM/fDSZA8tGPcTz6jNUg+VvZBaDRNG5a0EMO63j9jkPSmIxLkjSMt3D8+hI4/Vct+ItGw==",
    first: [-34.117431640625, -61.977294921875, -59.9873046875],
    last: -9.036087036132812,
    sha256: "ecea251737be8b9c8b817285e645f5d9b0b0e7577686a54375fbe519570144d5",
  },
  {
    name: "Q6_K",
    type: 14,
    bytes:
      "rY3tLRqWNyMyo4JF5qfcFi3cuPPVSg847lLJcZlSwzOAJvv6Ct92KCxL+YOMJVfztyRrhSurIOYEroPlOF2YxGkBJr6Y8JyThKqllF/D09Th5jhtvlsd8mfr0ODwo9hfX6RhaY814ra5+Dns24O1GE5UlxH1CoU/O0YUbjIBqSlZ7P6EiGqSioKvcPOTBOu+k3xBQIIfV8nglFjOHZsJrnA3La0az1xPG/GStwG2giJc6y6hsLLL69wzuPgMv1ZMs5wqVYtTdp4XY/Vl0uMpu3Qi8jO8L0Ir4/D6DN1oL3jGJoE2xdWuTO7fW+p1IXXQuE0V1wS235dnn8YcKkUnvx9DkZqWIqXoGZ+serSzUyyGRD2YGq/DdDA/xqhr2S5ghDyBTumxAyDGFhv2NVBJweNKQXctyQI8tjfLoCWqgmnlLp6iiesdFyBgEy8qaCi8e2nWD6uhd62iKllpWW3SANN5l8PKyyWzB2Cy0HOBPeVOk+C6dxRQ1/D/+hyRfR/ry5/R6RW0r7HoRFLNhU/FvaNhsODema3jzkL3hYQN/tB4FS+e",
    first: [2.911468505859375, 18.439300537109375, -12.616363525390625],
    last: 1.2681198120117188,
    sha256: "0f565902d663f1b4243644150565453b9bfacba2d4b394ab0165d74ef37be33b",
  },
];

test.each(BLOCKS)(
  "$name decodes to the bits that ggml's own code gives",
  ({ type, bytes, first, last, sha256: expected }) => {
    const stored = new Uint8Array(Buffer.from(bytes, "base64"));
    const { blockBytes, blockSize } = typeSizes(type);
    const out = new Float32Array((stored.length / blockBytes) * blockSize);
    decodeBlocks(type, stored, out, 0);
    expect([...out.subarray(0, first.length)]).toEqual(first);
    expect(out.at(-1)).toBe(last);
    expect(sha256(new Uint8Array(out.buffer))).toBe(expected);
  },
);

test("a Q4_1 block worked by hand: 2 · q + 1, low nibbles first", () => {
  // Scale 2 is 0x4000 and offset 1 is 0x3c00 in half precision; the first byte holds 3 and 12, the last 0 and 15.
  const block = new Uint8Array([0x00, 0x40, 0x00, 0x3c, 0xc3, ...new Array(14).fill(0), 0xf0]);
  const out = new Float32Array(33);
  decodeBlocks(3, block, out, 1);
  expect([out[0], out[1], out[2], out[16], out[17], out[32]]).toEqual([0, 7, 1, 1, 25, 31]);
});

test("types without a decoder are told apart and have names", () => {
  expect([0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 30].every(isReadable)).toBe(true);
  expect([9, 10, 11, 15, 16, 24, 28, 39, 99].some(isReadable)).toBe(false);
  expect(TYPE_NAMES[10]).toBe("Q2_K");
});
