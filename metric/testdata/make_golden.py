#!/usr/bin/env python3
"""Makes golden.json: what scikit-learn and NumPy say about fixed predictions.

Run in this folder:  python3 make_golden.py   (Debian python3-sklearn 1.2.1)
"counts" are bootstrap counts; they go to scikit-learn as sample_weight.
"""
import json

import numpy as np
from sklearn import metrics as m

rng = np.random.default_rng(20260101)


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def make(n, k, noise, digits):
    y = rng.integers(0, k, n) if k > 2 else (rng.random(n) < 0.3).astype(int)
    y[:k] = np.arange(k)
    z = rng.normal(size=(n, k)) * noise
    z[np.arange(n), y] += 1.5
    p = softmax(z)
    if digits:  # ties, between classes too
        p = np.round(p * digits)
        p = p + (p.sum(axis=1, keepdims=True) == 0)
        p = p / p.sum(axis=1, keepdims=True)
    return p, y


def ece_from(bins, p, hit, w, count):
    total = 0.0
    for b in range(count):
        i = bins == b
        total += abs((w[i] * hit[i]).sum() - (w[i] * p[i]).sum())
    return total / w.sum()


def width_bins(p, count):
    return np.clip(np.ceil(p * count).astype(int) - 1, 0, count - 1)


def mass_bins(p, w, count):
    before = np.array([w[p < v].sum() for v in p])
    return np.minimum(np.floor(count * before / w.sum()).astype(int), count - 1)


def figures(p, y, w, k, threshold):
    hat = p.argmax(axis=1)
    out = {}
    if k == 2:
        s = p[:, 1]
        out["auc"] = m.roc_auc_score(y, s, sample_weight=w)
        out["average_precision"] = m.average_precision_score(y, s, sample_weight=w)
        out["brier"] = m.brier_score_loss(y, s, sample_weight=w)
        d = (s >= threshold).astype(int)
        out["sensitivity"] = m.recall_score(y, d, sample_weight=w)
        out["specificity"] = m.recall_score(y, d, pos_label=0, sample_weight=w)
        out["ppv"] = m.precision_score(y, d, sample_weight=w)
        out["npv"] = m.precision_score(y, d, pos_label=0, sample_weight=w)
    else:
        one = np.eye(k)[y]
        # MedMNIST's evaluator: the mean over classes of roc_auc_score(y == class, p[:, class])
        out["auc"] = np.mean([m.roc_auc_score(one[:, c], p[:, c], sample_weight=w) for c in range(k)])
        out["average_precision"] = np.mean(
            [m.average_precision_score(one[:, c], p[:, c], sample_weight=w) for c in range(k)])
        out["brier"] = np.average(((p - one) ** 2).sum(axis=1), weights=w)
    out["accuracy"] = m.accuracy_score(y, hat, sample_weight=w)
    out["balanced_accuracy"] = m.balanced_accuracy_score(y, hat, sample_weight=w)
    out["macro_f1"] = m.f1_score(y, hat, average="macro", sample_weight=w)
    out["quadratic_kappa"] = m.cohen_kappa_score(y, hat, weights="quadratic", labels=range(k), sample_weight=w)
    out["log_loss"] = m.log_loss(y, p, sample_weight=w, labels=list(range(k)))
    top, hit = p.max(axis=1), (hat == y).astype(float)
    out["ece"] = ece_from(width_bins(top, 15), top, hit, w, 15)
    out["ece_equal_mass"] = ece_from(mass_bins(top, w, 15), top, hit, w, 15)
    out["ece_classwise"] = np.mean(
        [ece_from(width_bins(p[:, c], 15), p[:, c], (y == c).astype(float), w, 15) for c in range(k)])
    return {name: float(v) for name, v in out.items()}


def per_class(p, y, k):
    hat = p.argmax(axis=1)
    rows = []
    for c in range(k):
        t, d = (y == c).astype(int), (hat == c).astype(int)
        rows.append({
            "auc": m.roc_auc_score(t, p[:, c]), "average_precision": m.average_precision_score(t, p[:, c]),
            "sensitivity": m.recall_score(t, d), "specificity": m.recall_score(t, d, pos_label=0),
            "ppv": m.precision_score(t, d), "npv": m.precision_score(t, d, pos_label=0), "f1": m.f1_score(t, d),
        })
    return [{name: float(v) for name, v in row.items()} for row in rows]


cases = []
for name, n, k, noise, digits, threshold in [
    ("binary", 120, 2, 1.2, 0, 0.5),
    ("binary with ties", 120, 2, 1.5, 8, 0.375),
    ("five classes", 150, 5, 1.0, 0, 0.5),
    ("three classes with ties", 90, 3, 1.2, 6, 0.5),
]:
    p, y = make(n, k, noise, digits)
    w = np.bincount(rng.integers(0, n, n), minlength=n).astype(float)
    case = {
        "name": name, "threshold": threshold, "probs": p.tolist(), "labels": y.tolist(), "counts": w.tolist(),
        "plain": figures(p, y, np.ones(n), k, threshold), "drawn": figures(p, y, w, k, threshold),
        "confusion": m.confusion_matrix(y, p.argmax(axis=1), labels=range(k)).tolist(),
    }
    if k > 2:
        case["classes"] = per_class(p, y, k)
    else:
        fpr, tpr, _ = m.roc_curve(y, p[:, 1], drop_intermediate=False)
        grid = np.linspace(0, 1, 101)
        case["roc_area"] = float(m.auc(fpr, tpr))
        # Where the ROC curve rises straight up, np.interp takes the upper end.
        case["roc_at"] = np.interp(grid, fpr, tpr).tolist()
        precision, recall, at = m.precision_recall_curve(y, p[:, 1])
        case["pr"] = [[float(a), float(b), float(c)] for a, b, c in zip(recall[:-1], precision[:-1], at)]
    cases.append(case)

with open("golden.json", "w") as f:
    json.dump(cases, f, separators=(",", ":"))
    f.write("\n")
