import { afterAll, describe, expect, test } from "vitest";
import { near } from "../../../test/helpers/grad-check.ts";
import { exact, ints, openLab, real, SINGLE, whole } from "../../../test/helpers/lab.ts";
import { gradients } from "./gradients.ts";
import { writeProgram } from "./onnx/write.ts";
import { add, detach, mul, square, tanh, toFloat } from "./ops/elementwise.ts";
import { gatherRows, sizeOf } from "./ops/gather.ts";
import { sum } from "./ops/layout.ts";
import { linear } from "./ops/matmul.ts";
import { layerNorm } from "./ops/nn.ts";
import { input, parameter, type Tensor } from "./tensor.ts";

const lab = openLab({ threads: 2 });
afterAll(() => lab.close());

test("a tied parameter, used as a table and as a layer, gets the sum of both gradients onto its base", async () => {
  // loss = Σ (E[i] Eᵗ)², the embedding also being the output layer; scatter and product meet on one base.
  const build = (table: Tensor, out: Tensor, index: Tensor) =>
    sum(square(linear(gatherRows(table, index), out)));
  const feeds = {
    e: real([4, 3]),
    f: real([4, 3]),
    i: whole(["B"], [2, 0, 2]),
    base: real([4, 3], { seed: 9 }),
  };
  const [e, f, i, base] = [
    input("e", "float", [4, 3]),
    input("f", "float", [4, 3]),
    input("i", "int", ["B"]),
    input("base", "float", [4, 3]),
  ];
  const [tied] = gradients(build(e, e, i), [e], { bases: [base] });
  const [asTable, asLayer] = gradients(build(e, f, i), [e, f]);
  const together = await lab.run({ tied: tied! }, feeds);
  const apart = await lab.run({ a: asTable!, b: asLayer! }, { ...feeds, f: feeds.e });
  const expected = feeds.base.data.map((value, k) => value + apart["a"]!.data[k]! + apart["b"]!.data[k]!);
  near(together["tied"]!.data, expected, 1e-12);
  // The only sums onto the base are inside the scatter and the product.
  const bytes = Buffer.from(writeProgram({ tied: tied! }, SINGLE).bytes).toString("latin1");
  expect(bytes.includes("Gemm") && bytes.includes("ScatterElements")).toBe(true);
});

test("two runs onto the same stored gradients are twice the gradient of one, for every way of adding", async () => {
  const { store } = lab.runtime;
  const shapes = { table: [4, 3], weight: [2, 3], bias: [2], unused: [5] };
  const [table, weight, bias, unused] = Object.entries(shapes).map(([name, shape]) =>
    parameter(name, shape),
  ) as [Tensor, Tensor, Tensor, Tensor];
  const index = input("i", "int", ["N"]);
  const y = linear(gatherRows(table, index), weight, { bias });
  const wrt = [table, weight, bias, unused];
  const names = Object.keys(shapes);
  const bases = names.map((name) => input(`base:${name}`, "float", shapes[name as keyof typeof shapes]));
  const found = gradients(sum(square(y)), wrt, { bases });
  const program = writeProgram(
    Object.fromEntries(names.map((name, k) => [name, found[k]!])),
    lab.runtime.dialect,
  );
  const executable = await lab.runtime.compile(program);
  for (const [name, shape] of Object.entries(shapes))
    await store.set(name, shape, Float32Array.from(real(shape).data));
  const grads = Object.fromEntries(names.map((name) => [`g:${name}`, shapes[name as keyof typeof shapes]]));
  await store.zeros(grads);
  const bindings = {
    inputs: Object.fromEntries(
      program.inputs
        .filter(({ name }) => name !== "i")
        .map(({ name }) => [name, name.replace("base:", "g:")]),
    ),
    outputs: Object.fromEntries(names.map((name) => [name, `g:${name}`])),
  };
  const run = () => executable.run({ i: ints([1, 3, 1, 0, 1]) }, bindings);
  await run();
  const once = await Promise.all(Object.keys(grads).map((key) => store.get(key)));
  await run();
  const twice = await Promise.all(Object.keys(grads).map((key) => store.get(key)));
  for (const [k, values] of once.entries())
    near(
      twice[k]!,
      Array.from(values, (value) => 2 * value),
      1e-6,
      names[k],
    );
  expect(once.slice(0, 3).every((values) => values.some((value) => value !== 0))).toBe(true);
  expect(Array.from(twice[3]!)).toEqual([0, 0, 0, 0, 0]);
});

test("a parameter the loss does not depend on gets zeros, or its base", async () => {
  const [x, w, base] = [input("x", "float", [2]), input("w", "float", [2]), input("base", "float", [2])];
  const feeds = { x: exact([2], [1, 2]), w: exact([2], [3, 4]), base: exact([2], [5, 6]) };
  const loss = sum(mul(x, detach(w)));
  const result = await lab.run(
    { zero: gradients(loss, [w])[0]!, kept: gradients(loss, [w], { bases: [base] })[0]! },
    feeds,
  );
  expect([result["zero"]!.data, result["kept"]!.data]).toEqual([
    [0, 0],
    [5, 6],
  ]);
});

test("a value used twice gets both adjoints; the loss must be a scalar", async () => {
  const x = input("x", "float", ["B"]);
  const t = tanh(x);
  const [dx] = gradients(sum(add(mul(t, t), t)), [x]);
  const result = await lab.run({ dx: dx! }, { x: exact(["B"], [0, 1, -1]) });
  const at = (v: number) => (2 * Math.tanh(v) + 1) * (1 - Math.tanh(v) ** 2);
  near(result["dx"]!.data, [at(0), at(1), at(-1)], 1e-12);
  expect(() => gradients(x, [x])).toThrow("gradients: the loss must be a scalar, got [B].");
});

describe("gradient checkpointing", () => {
  const C = 4;
  const feeds = Object.fromEntries([
    ["x", real(["N", C])],
    ...[0, 1, 2, 3].flatMap((k) => [
      [`w${k}`, real([C, C], { seed: k })],
      [`n${k}`, real([C], { seed: k + 9, from: 0.5, to: 1.5 })],
    ]),
  ]);
  const model = () => {
    const weights = [0, 1, 2, 3].flatMap((k) => [
      input(`w${k}`, "float", [C, C]),
      input(`n${k}`, "float", [C]),
    ]);
    let h = input("x", "float", ["N", C]);
    const boundaries: Tensor[] = [h];
    for (let k = 0; k < 4; k++) {
      h = add(h, tanh(linear(layerNorm(h, weights[2 * k + 1]!, undefined, 1e-5), weights[2 * k]!)));
      boundaries.push(h);
    }
    return { loss: sum(square(h)), weights, boundaries };
  };
  const outputs = (found: Tensor[]) => Object.fromEntries(found.map((tensor, k) => [`d${k}`, tensor]));
  const count = (tensors: Tensor[], type: string) =>
    Buffer.from(writeProgram(outputs(tensors), SINGLE).bytes)
      .toString("latin1")
      .split(type).length - 1;

  test("gives the same gradients and writes every layer between two boundaries twice", async () => {
    const { loss, weights, boundaries } = model();
    const plain = gradients(loss, weights);
    const saving = gradients(loss, weights, { checkpoints: boundaries });
    // Four layers; the segment after the last boundary holds none of them.
    expect([count(plain, "LayerNormalization"), count(saving, "LayerNormalization")]).toEqual([4, 8]);
    for (const dialect of [undefined, SINGLE]) {
      const [a, b] = [
        await lab.run(outputs(plain), feeds, dialect),
        await lab.run(outputs(saving), feeds, dialect),
      ];
      for (const name of Object.keys(a)) near(b[name]!.data, a[name]!.data, 1e-6, name);
    }
  });
});

test("an input may be called like anything the writer makes up", async () => {
  const [t0, v0, c0] = [input("t0.0", "float", [2]), input("v0", "float", [2]), input("c0", "float", [2])];
  const [dt] = gradients(sum(mul(mul(t0, v0), mul(c0, 3))), [t0]);
  const result = await lab.run(
    { dt: dt! },
    { "t0.0": exact([2], [1, 2]), v0: exact([2], [3, 4]), c0: exact([2], [5, 6]) },
  );
  expect(result["dt"]!.data).toEqual([45, 72]); // 3·v·c
});

test("two inputs of one name, and a size that no input has, are refused", () => {
  const twice = add(input("x", "float", [2]), input("x", "float", [2]));
  expect(() => writeProgram({ twice }, SINGLE)).toThrow('program: two inputs are called "x".');
  const sized = mul(input("x", "float", [2]), toFloat(sizeOf("Q")));
  expect(() => writeProgram({ sized }, SINGLE)).toThrow("program: size Q is not the size of any input.");
});
