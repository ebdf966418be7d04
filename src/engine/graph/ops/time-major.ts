/** Products with matrices that are stored time first, as a decoding cache grows; no gradient. */
import { ShapeError } from "../../../base/core/errors.ts";
import { formatShape } from "../dims.ts";
import { apply, attribute, type Op, type Tensor } from "../tensor.ts";

const timeMajorOp: Op = {
  name: "timeMajorMatmul",
  infer: ([a, b], { transB }) => {
    const [batch, rows, inner] = a!.shape;
    const [time, batch2, width] = b!.shape;
    const fits = a!.shape.length === 3 && b!.shape.length === 3 && batch === batch2;
    if (!fits || inner !== (transB ? width : time))
      throw new ShapeError(
        "timeMajorMatmul",
        `${formatShape(a!.shape)} by ${formatShape(b!.shape)} do not fit.`,
      );
    return [{ dtype: "float", shape: [batch!, rows!, transB ? time! : width!] }];
  },
  emit: (node, emit) => {
    const [a, b] = node.inputs.map((x) => emit.name(x)) as [string, string];
    const outputs = [emit.name(node.outputs[0]!)];
    const [transB, alpha] = [attribute<boolean>(node, "transB"), attribute<number>(node, "alpha")];
    if (emit.dialect.fusedMatMul && emit.dialect.precision === "float32") {
      const attributes = { transB: Number(transB), transBatchB: 1, alpha: { float: alpha } };
      emit.add("FusedMatMul", [a, b], { outputs, domain: "com.microsoft", attributes });
      return;
    }
    const turned = emit.add("Transpose", [b], { attributes: { perm: transB ? [1, 2, 0] : [1, 0, 2] } });
    emit.add("Mul", [emit.add("MatMul", [a, turned]), emit.scalar(alpha)], { outputs });
  },
};

/** Options of `timeMajorMatmul`. */
export type TimeMajorOptions = { readonly transB?: boolean; readonly alpha?: number };

/**
 * α · a b for each of M, with b stored `[T, M, D]`, read where it lies: a `[M, G, T]` → `[M, G, D]`; with `transB`,
 * a `[M, G, D]` → `[M, G, T]`.
 * @throws ShapeError when the sizes do not fit
 */
export function timeMajorMatmul(
  a: Tensor,
  b: Tensor,
  { transB = false, alpha = 1 }: TimeMajorOptions = {},
): Tensor {
  return apply(timeMajorOp, [a, b], { transB, alpha });
}
