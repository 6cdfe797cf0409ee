#!/usr/bin/env python3
"""The measurements of `pnpm bench gpu` through JAX: float32 products at highest precision (no TF32), and Gauss-Newton
product and conjugate gradient iteration of the MNIST autoencoder, jitted.

    python3 jax_peer.py [--sizes 1024,4096] [--batches 512,7500] [--output rows.jsonl]
    python3 jax_peer.py --cpu --sizes 64 --batches 4        a check of results without a GPU

Rows are those of bench/src/gpu/gpuRow.ts; `resultNorm` and `residualNorms` in their details must agree with ours.
"""

import os
import sys

if "--cpu" in sys.argv:
    os.environ["JAX_PLATFORMS"] = "cpu"
try:
    import jax
except ImportError:
    print("jax is not installed: no rows of JAX", file=sys.stderr)
    sys.exit(3)
import jax.numpy as jnp

from rows import (
    CODE_LAYER,
    DAMPING,
    Rows,
    images,
    layers,
    measure,
    numbers,
    numpy,
    options,
    product_flops,
    sampled_error,
)


def model(parameters, x):
    h = x
    for i, (w, b) in enumerate(parameters):
        h = h @ w + b
        if i != CODE_LAYER and i != len(parameters) - 1:
            h = jax.nn.sigmoid(h)
    return h


def output_hessian(z, u):
    """Of the mean logistic cross-entropy."""
    p = jax.nn.sigmoid(z)
    return (p - p * p) * u / z.shape[0]


def gauss_newton(theta, x, v):
    """jvp and vjp in one program: XLA merges the two forward passes."""
    f = lambda parameters: model(parameters, x)  # noqa: E731
    z, tangent = jax.jvp(f, (theta,), (v,))
    _, pull = jax.vjp(f, theta)
    return pull(output_hessian(z, tangent))[0]


def inner(a, b):
    return sum(jnp.vdot(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b)))


def combine(scale, a, b):
    """a + scale b."""
    return jax.tree.map(lambda x, y: x + scale * y, a, b)


def solver(product, iterations):
    """Conjugate gradients for (G + damping) x = b as one program; products get `operands`."""

    def solve(operands, b):
        def iterate(state, _):
            x, r, p, rr = state
            ap = combine(DAMPING, product(operands, p), p)
            alpha = rr / inner(p, ap)
            x, r = combine(alpha, x, p), combine(-alpha, r, ap)
            next_rr = inner(r, r)
            return (x, r, combine(next_rr / rr, r, p), next_rr), next_rr

        start = (jax.tree.map(jnp.zeros_like, b), b, b, inner(b, b))
        (x, _, _, _), history = jax.lax.scan(iterate, start, None, length=iterations)
        return x, history

    return jax.jit(solve)


def main():
    parsed = options(__doc__)
    device = jax.devices()[0]
    if device.platform == "cpu" and not parsed.cpu:
        print("jax has no GPU: no rows of JAX (--cpu checks results on the processor)", file=sys.stderr)
        sys.exit(3)
    jax.config.update("jax_default_matmul_precision", "highest")
    emitter = Rows("jax jit", getattr(device, "device_kind", device.platform), parsed)
    last = []

    def enqueue(run):
        def once():
            last[:] = [run()]

        return once

    wait = lambda: jax.block_until_ready(last)  # noqa: E731

    def products(n):
        host = [numbers(seed, n * n).reshape(n, n) for seed in (1, 2)]
        a, b = (jax.device_put(array) for array in host)
        forms = {
            "NN": (jax.jit(lambda p, q: p @ q), host[0], host[1]),
            "NT": (jax.jit(lambda p, q: p @ q.T), host[0], host[1].T),
            "TN": (jax.jit(lambda p, q: p.T @ q), host[0].T, host[1]),
        }
        for form, (run, left, right) in forms.items():
            error = sampled_error(left, right, numpy.asarray(run(a, b)))
            times = measure(enqueue(lambda: run(a, b)), wait, parsed)
            emitter.emit("product", f"{n} {form}", times, flops=2 * n**3, relativeError=error)

    def put(seed):
        return [tuple(jax.device_put(part) for part in layer) for layer in layers(seed)]

    def norm_of(tree):
        return float(numpy.sqrt(sum((numpy.asarray(x, numpy.float64) ** 2).sum() for x in jax.tree.leaves(tree))))

    def product_row(batch, run, recipe):
        norm = norm_of(run())
        times = measure(enqueue(run), wait, parsed)
        emitter.emit(
            "autoencoder",
            f"Gauss-Newton product, batch {batch}",
            times,
            flops=product_flops(batch),
            details={"resultNorm": norm, "recipe": recipe},
        )

    def iteration_row(batch, run, recipe):
        norms = [float(n) for n in numpy.sqrt(numpy.asarray(run()[1][:4]))]
        times = measure(enqueue(run), wait, parsed)
        emitter.emit(
            "autoencoder",
            f"conjugate gradient iteration, batch {batch}",
            times,
            flops=product_flops(batch),
            divisor=parsed.iterations,
            details={"iterations": parsed.iterations, "residualNorms": norms, "recipe": recipe},
        )

    def autoencoder(batch):
        theta, v, x = put(1), put(100), jax.device_put(images(batch))
        whole = jax.jit(gauss_newton)
        product_row(batch, lambda: whole(theta, x, v), "jit(jvp + vjp), forward pass each time")

        @jax.jit
        def at(parameters, data):
            """What is computed once at a point: outputs, and the linear maps as trees of residuals."""
            f = lambda q: model(q, data)  # noqa: E731
            z, push = jax.linearize(f, parameters)
            _, pull = jax.vjp(f, parameters)
            return z, push, pull

        point = at(theta, x)

        def apply(operands, u):
            z, push, pull = operands
            return pull(output_hessian(z, push(u)))[0]

        cached = jax.jit(apply)
        product_row(batch, lambda: cached(point, v), "linearize + vjp, cached")

        solve = solver(lambda operands, p: gauss_newton(*operands, p), parsed.iterations)
        iteration_row(batch, lambda: solve((theta, x), v), "one program, forward pass hoisted or not by XLA")
        solve_cached = solver(apply, parsed.iterations)
        iteration_row(batch, lambda: solve_cached(point, v), "one program over linearize + vjp, cached")

    for n in parsed.sizes:
        emitter.attempt("product", str(n), lambda: products(n))
    for batch in parsed.batches:
        emitter.attempt("autoencoder", f"batch {batch}", lambda: autoencoder(batch))


if __name__ == "__main__":
    main()
