/**
 * Python's `random.Random(seed).shuffle`, so that both sides of a benchmark get the very same pairs.
 * Mersenne Twister MT19937 (Matsumoto & Nishimura 1998), seeded by init_by_array as CPython does.
 */
const N = 624;

function seeded(seed) {
  const state = new Uint32Array(N);
  state[0] = 19650218;
  const next = (i, factor) => Math.imul(state[i - 1] ^ (state[i - 1] >>> 30), factor);
  for (let i = 1; i < N; i++) state[i] = next(i, 1812433253) + i;
  let i = 1;
  for (let k = 0; k < N; k++) {
    state[i] = (state[i] ^ next(i, 1664525)) + seed;
    if (++i >= N) [state[0], i] = [state[N - 1], 1];
  }
  for (let k = 0; k < N - 1; k++) {
    state[i] = (state[i] ^ next(i, 1566083941)) - i;
    if (++i >= N) [state[0], i] = [state[N - 1], 1];
  }
  state[0] = 0x80000000;
  return state;
}

function words(seed) {
  const state = seeded(seed);
  let at = N;
  const twist = () => {
    for (let k = 0; k < N; k++) {
      const y = (state[k] & 0x80000000) | (state[(k + 1) % N] & 0x7fffffff);
      state[k] = state[(k + 397) % N] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    at = 0;
  };
  return () => {
    if (at >= N) twist();
    let y = state[at++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
}

/** A shuffled copy, in the order CPython 3.11 gives. */
export function pythonShuffle(items, seed) {
  const word = words(seed);
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const bits = 32 - Math.clz32(i + 1);
    let j = word() >>> (32 - bits);
    while (j > i) j = word() >>> (32 - bits);
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
}
