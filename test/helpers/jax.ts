/** `@jax-js/jax` as an independent oracle for values and gradients (float32, Wasm). */
import * as jax from "@jax-js/jax";
import type { Feed } from "./lab.ts";

/** An array of jax-js. */
export type JaxArray = jax.Array;

/** A function of named arrays; each may be used any number of times. */
export type JaxFunction<N extends string> = (x: Record<N, JaxArray>) => JaxArray;

let ready: Promise<unknown> | undefined;

/** jax-js frees an array at its first use unless `.ref` is asked for: here every reading of a name asks. */
function shared<N extends string>(arrays: Readonly<Record<string, JaxArray>>): Record<N, JaxArray> {
  const result = {};
  for (const [name, array] of Object.entries(arrays))
    Object.defineProperty(result, name, { get: () => array.ref, enumerable: true });
  return result as Record<N, JaxArray>;
}

function arrayOf({ dtype, data, sizes }: Feed): JaxArray {
  const { int32, bool, float32 } = jax.numpy;
  const flat = jax.numpy.array([...data], {
    dtype: dtype === "int" ? int32 : dtype === "bool" ? bool : float32,
  });
  return jax.numpy.reshape(flat, [...sizes]);
}

/** y = f(x) and the gradients of Σ y ∘ dy, by jax-js. */
export async function jaxGradients<N extends string>(
  f: JaxFunction<N>,
  feeds: Readonly<Record<string, Feed>>,
  wrt: readonly string[],
  dy: Feed,
): Promise<{ y: number[]; gradients: Record<string, number[]> }> {
  ready ??= jax.init("wasm").then(() => jax.defaultDevice("wasm"));
  await ready;
  const arrays = Object.fromEntries(Object.entries(feeds).map(([name, feed]) => [name, arrayOf(feed)]));
  const fixed = Object.fromEntries(Object.entries(arrays).filter(([name]) => !wrt.includes(name)));
  const y = await f(shared<N>(arrays)).data();
  const loss = (free: Record<string, JaxArray>) =>
    jax.numpy.sum(f(shared<N>({ ...fixed, ...free })).mul(arrayOf(dy)));
  const gradients: Record<string, number[]> = {};
  for (const name of wrt) {
    const others = Object.fromEntries(Object.entries(arrays).filter(([other]) => other !== name));
    const alone = (x: JaxArray) => loss({ ...others, [name]: x });
    gradients[name] = Array.from(await jax.grad(alone)(arrays[name]!.ref).data());
  }
  return { y: Array.from(y), gradients };
}
