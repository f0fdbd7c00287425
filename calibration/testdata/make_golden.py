#!/usr/bin/env python3
"""Makes golden.json: what SciPy and scikit-learn say about fixed logits.

Run in this folder:  python3 make_golden.py   (Debian python3-sklearn 1.2.1, python3-scipy 1.10.1)
"""
import json

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from scipy.stats import betabinom
from sklearn.isotonic import IsotonicRegression

rng = np.random.default_rng(20260102)


def logits(n, k, sharp):
    y = rng.integers(0, k, n)
    z = rng.normal(size=(n, k)) * 1.2
    z[np.arange(n), y] += 1.2
    return np.round(sharp * z, 3), y


def temperature(z, y):
    def loss(log_t):
        return -log_softmax(z / np.exp(log_t), axis=1)[np.arange(len(y)), y].mean()
    r = minimize_scalar(loss, bounds=(np.log(0.1), np.log(1000)), method="bounded", options={"xatol": 1e-12})
    return float(np.exp(r.x)), float(r.fun)


temperatures = []
for n, k, sharp in [(80, 2, 3.0), (80, 2, 0.3), (90, 4, 2.0)]:
    z, y = logits(n, k, sharp)
    t, loss = temperature(z, y)
    temperatures.append({"logits": z.tolist(), "labels": y.tolist(), "temperature": t, "log_loss": loss})

x = np.round(rng.random(100), 2)  # ties
y = (rng.random(100) < x ** 2).astype(float)
grid = np.linspace(-0.1, 1.1, 61)
iso = IsotonicRegression(out_of_bounds="clip").fit(x, y)
isotonic = {"x": x.tolist(), "y": y.tolist(), "at": grid.tolist(), "value": iso.predict(grid).tolist()}

s = np.round(rng.normal(size=60) * 2, 1)
t = (rng.random(60) < 1 / (1 + np.exp(-s))).astype(int)
pairs = []
for at in np.round(np.linspace(-6, 6, 49), 2).tolist() + s[:10].tolist():
    # The definition: fit isotonic regression with the new example as 0 and as 1.
    p = [IsotonicRegression().fit(np.append(s, at), np.append(t, label)).predict([at])[0] for label in (0, 1)]
    pairs.append([at, float(p[0]), float(p[1])])
order = np.lexsort((t, s))
venn = {"scores": s[order].tolist(), "truth": t[order].tolist(), "pairs": pairs}

bands = []
for n, n_test, coverage in [(100, 200, 0.9), (524, 624, 0.9), (120, 400, 0.8), (50, 30, 0.95)]:
    k = int(np.ceil((n + 1) * coverage - 1e-9))
    d = betabinom(n_test, k, n + 1 - k)
    bands.append({"n": n, "n_test": n_test, "coverage": coverage,
                  "low": float(d.ppf(0.025) / n_test), "high": float(d.ppf(0.975) / n_test)})

with open("golden.json", "w") as f:
    json.dump({"temperatures": temperatures, "isotonic": isotonic, "venn": venn, "bands": bands}, f, separators=(",", ":"))
    f.write("\n")
