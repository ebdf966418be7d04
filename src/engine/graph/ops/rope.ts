/** Rotary position embedding, in Hugging Face's half-rotation layout. */
import { ShapeError } from "../../../base/core/errors.ts";
import { formatShape } from "../dims.ts";
import { apply, applyAll, attribute, expectRank, type Op, type Tensor } from "../tensor.ts";

const ropeAnglesOp: Op = {
  name: "ropeAngles",
  infer: ([positions], { frequencies }) => {
    const shape = [positions!.shape[0]!, 1, (frequencies as readonly number[]).length];
    return [
      { dtype: "float", shape },
      { dtype: "float", shape },
    ];
  },
  emit: (node, emit) => {
    // In float64: a position times a frequency loses digits in float32, and GPUs compute sines to 11 bits only.
    // GPU providers have no float64, so ONNX Runtime leaves these few elements to the CPU.
    const position = emit.add("Cast", [emit.name(node.inputs[0]!)], { attributes: { to: 11 } });
    const column = emit.add("Unsqueeze", [position, emit.ints([1, 2])]);
    const angles = emit.add("Mul", [column, emit.doubles(attribute<readonly number[]>(node, "frequencies"))]);
    const to = emit.dialect.precision === "float32" ? 1 : 11;
    for (const [i, opType] of ["Cos", "Sin"].entries())
      emit.add("Cast", [emit.add(opType, [angles])], {
        outputs: [emit.name(node.outputs[i]!)],
        attributes: { to },
      });
  },
};

/**
 * Cosines and sines of position · frequency: positions `[N]` ints, frequencies in radians per position (F of them)
 * → `[N, 1, F]` each. No gradient.
 */
export function ropeAngles(
  positions: Tensor,
  frequencies: readonly number[],
): { readonly cosine: Tensor; readonly sine: Tensor } {
  expectRank("ropeAngles", positions, 1);
  const [cosine, sine] = applyAll(ropeAnglesOp, [positions], { frequencies });
  return { cosine: cosine!, sine: sine! };
}

const ropeOp: Op = {
  name: "rope",
  infer: ([x]) => [{ dtype: "float", shape: x!.shape }],
  // A rotation's adjoint is the rotation back.
  gradient: (node, [dy]) => {
    const [, cosine, sine] = node.inputs;
    const { dims, back } = node.attributes;
    return [dy && apply(ropeOp, [dy, cosine!, sine!], { dims: dims!, back: !back }), undefined, undefined];
  },
  emit: (node, emit) => {
    const [x, cosine, sine] = node.inputs.map((t) => emit.name(t)) as [string, string, string];
    const dims = attribute<number>(node, "dims");
    const size = node.inputs[0]!.shape.at(-1) as number;
    const cut = (from: number, to: number) =>
      emit.add("Slice", [x, emit.ints([from]), emit.ints([to]), emit.ints([-1])]);
    const [first, second] = [cut(0, dims / 2), cut(dims / 2, dims)];
    const product = (a: string, b: string) => emit.add("Mul", [a, b]);
    const back = attribute<boolean>(node, "back");
    const left = emit.add(back ? "Add" : "Sub", [product(first, cosine), product(second, sine)]);
    const right = emit.add(back ? "Sub" : "Add", [product(second, cosine), product(first, sine)]);
    const rest = dims < size ? [cut(dims, size)] : [];
    emit.add("Concat", [left, right, ...rest], {
      outputs: [emit.name(node.outputs[0]!)],
      attributes: { axis: -1 },
    });
  },
};

/**
 * Turns the first `dims` entries of each head by its position's angles, in pairs (i, i + dims/2).
 * Su et al. 2021, https://arxiv.org/abs/2104.09864.
 * @param x - `[N, H, D]`
 * @param cosine - cosines of the angles, `[N, 1, dims/2]`; gets no gradient
 * @param sine - sines of the same
 */
export function rope(x: Tensor, cosine: Tensor, sine: Tensor): Tensor {
  const dims = 2 * (cosine.shape.at(-1) as number);
  if (x.shape.length !== 3 || dims > (x.shape[2] as number))
    throw new ShapeError("rope", `cannot turn ${dims} entries of ${formatShape(x.shape)}.`);
  return apply(ropeOp, [x, cosine, sine], { dims, back: false });
}
