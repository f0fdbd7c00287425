"""Writes registry/testdata/foreign.onnx and .json: a model that somebody else made, exported by PyTorch, and its answers.

    python3 foreign_model.py ../../registry/testdata
"""

import json
import pathlib
import sys

import torch

import nets


def main():
    folder = pathlib.Path(sys.argv[1])
    torch.manual_seed(7)
    net = torch.nn.Sequential(
        nets.normed(2, 3, 8, 3, 2, act=torch.nn.Hardswish),
        nets.Inverted(2, 8, 3, 16, 8, 1, torch.nn.ReLU),
        nets.Pool(), torch.nn.Linear(8, 3), torch.nn.Softmax(1),
    ).eval()
    x = torch.rand(2, 3, 16, 16)
    torch.onnx.export(net, x, str(folder / "foreign.onnx"), opset_version=14,
                      input_names=["pixels"], output_names=["probabilities"],
                      dynamic_axes={"pixels": {0: "n"}, "probabilities": {0: "n"}})
    with torch.no_grad():
        answer = {"input": [round(v, 6) for v in x.flatten().tolist()]}
        answer["probabilities"] = net(torch.tensor(answer["input"]).reshape(x.shape)).flatten().tolist()
    (folder / "foreign.json").write_text(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
