/** Rotary position embedding, in Hugging Face's half-rotation layout. */
import { ShapeError } from "../../core/errors.ts";
import { formatShape } from "../dims.ts";
import { apply, attribute, type Op, type Tensor } from "../tensor.ts";

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
