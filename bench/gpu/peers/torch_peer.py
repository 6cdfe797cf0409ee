#!/usr/bin/env python3
"""The measurements of `pnpm bench gpu` through PyTorch: float32 products without TF32, and Gauss-Newton product and
conjugate gradient iteration of the MNIST autoencoder through torch.func, eager and compiled.

    python3 torch_peer.py [--sizes 1024,4096] [--batches 512,7500] [--output rows.jsonl]
    python3 torch_peer.py --cpu --sizes 64 --batches 4      a check of results without a GPU

Rows are those of bench/src/gpu/gpuRow.ts; `resultNorm` and `residualNorms` in their details must agree with ours.
"""

import sys

try:
    import torch
except ImportError:
    print("torch is not installed: no rows of PyTorch", file=sys.stderr)
    sys.exit(3)
from torch.func import jvp, linearize, vjp

import rows as shared
from autoencoder_torch import model, output_hessian
from rows import DAMPING, Rows, images, layers, measure, numbers, options, product_flops, sampled_error


def unflatten(flat, shapes):
    result, offset = [], 0
    for inputs, outputs in shapes:
        w = flat[offset : offset + inputs * outputs].view(inputs, outputs)
        offset += inputs * outputs
        result.append((w, flat[offset : offset + outputs]))
        offset += outputs
    return result


SHAPES = list(zip(shared.WIDTHS, shared.WIDTHS[1:]))


def gauss_newton(theta, x, v):
    """jvp, output Hessian, vjp over flat vectors: the recipe of the documentation, forward pass included."""
    f = lambda flat: model(unflatten(flat, SHAPES), x)  # noqa: E731
    z, tangent = jvp(f, (theta,), (v,))
    _, pull = vjp(f, theta)
    return pull(output_hessian(z, tangent, x.shape[0]))[0]


def solve(product, b, iterations):
    """Conjugate gradients for (G + damping) x = b with every scalar on the device."""
    x, r = torch.zeros_like(b), b.clone()
    p, rr, norms = r, torch.dot(r, r), []
    for _ in range(iterations):
        ap = product(p) + DAMPING * p
        alpha = rr / torch.dot(p, ap)
        x = x + alpha * p
        r = r - alpha * ap
        next_rr = torch.dot(r, r)
        p = r + (next_rr / rr) * p
        rr = next_rr
        norms.append(rr)
    return x, norms


def main():
    parsed = options(__doc__)
    if not parsed.cpu and not torch.cuda.is_available():
        print("torch has no CUDA device: no rows of PyTorch (--cpu checks results on the processor)", file=sys.stderr)
        sys.exit(3)
    device = torch.device("cpu" if parsed.cpu else "cuda")
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.set_float32_matmul_precision("highest")
    name = "cpu" if parsed.cpu else torch.cuda.get_device_name()
    wait = (lambda: None) if parsed.cpu else torch.cuda.synchronize
    emitters = {kind: Rows(f"torch {kind}", name, parsed) for kind in ("eager", "compiled")}
    upload = lambda array: torch.from_numpy(array).to(device)  # noqa: E731

    def products(n):
        host = [numbers(seed, n * n).reshape(n, n) for seed in (1, 2)]
        a, b = (upload(array) for array in host)
        forms = {
            "NN": (lambda: a @ b, host[0], host[1]),
            "NT": (lambda: a @ b.T, host[0], host[1].T),
            "TN": (lambda: a.T @ b, host[0].T, host[1]),
        }
        for form, (run, left, right) in forms.items():
            error = sampled_error(left, right, run().cpu().numpy())
            times = measure(run, wait, parsed)
            emitters["eager"].emit("product", f"{n} {form}", times, flops=2 * n**3, relativeError=error)
        if not parsed.cpu:
            half_a, half_b = a.half(), b.half()
            times = measure(lambda: half_a @ half_b, wait, parsed)
            emitters["eager"].emit("half-precision", f"{n}, float16 in and out", times, flops=2 * n**3)

    flat = lambda seed: upload(  # noqa: E731
        shared.numpy.concatenate([part.reshape(-1) for layer in layers(seed) for part in layer])
    )

    def autoencoder(batch, kind):
        theta, v, x = flat(1), flat(100), upload(images(batch))
        apply = gauss_newton if kind == "eager" else torch.compile(gauss_newton)
        emit = emitters[kind].emit
        norm = float(torch.linalg.vector_norm(apply(theta, x, v).double()))
        times = measure(lambda: apply(theta, x, v), wait, parsed)
        emit(
            "autoencoder",
            f"Gauss-Newton product, batch {batch}",
            times,
            flops=product_flops(batch),
            details={"resultNorm": norm, "recipe": "jvp + vjp, forward pass each time"},
        )
        iterate = lambda: solve(lambda p: apply(theta, x, p), v, parsed.iterations)  # noqa: E731
        norms = [float(n.sqrt()) for n in iterate()[1][:4]]
        times = measure(iterate, wait, parsed)
        emit(
            "autoencoder",
            f"conjugate gradient iteration, batch {batch}",
            times,
            flops=product_flops(batch),
            divisor=parsed.iterations,
            details={"iterations": parsed.iterations, "residualNorms": norms},
        )

    def linearized(batch):
        """The forward pass once, then products with the recorded tangent program and the saved vjp."""
        theta, v, x = flat(1), flat(100), upload(images(batch))
        f = lambda parameters: model(unflatten(parameters, SHAPES), x)  # noqa: E731
        z, push = linearize(f, theta)
        _, pull = vjp(f, theta)
        apply = lambda u: pull(output_hessian(z, push(u), batch))[0]  # noqa: E731
        norm = float(torch.linalg.vector_norm(apply(v).double()))
        times = measure(lambda: apply(v), wait, parsed)
        emitters["eager"].emit(
            "autoencoder",
            f"Gauss-Newton product, batch {batch}",
            times,
            flops=product_flops(batch),
            details={"resultNorm": norm, "recipe": "linearize + vjp, cached"},
        )

    for n in parsed.sizes:
        emitters["eager"].attempt("product", str(n), lambda: products(n))
    for batch in parsed.batches:
        case = f"batch {batch}"
        emitters["eager"].attempt("autoencoder", case, lambda: autoencoder(batch, "eager"))
        emitters["eager"].attempt("autoencoder", f"{case}, linearized", lambda: linearized(batch))
        emitters["compiled"].attempt("autoencoder", case, lambda: autoencoder(batch, "compiled"))


if __name__ == "__main__":
    main()
