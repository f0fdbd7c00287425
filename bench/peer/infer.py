"""Milliseconds of one inference call in PyTorch: eager, and TorchScript traced, frozen and optimised."""

import sys
import warnings

import torch

import measure
import nets


def main():
    args = measure.arguments(__doc__, [1, 64])
    warnings.filterwarnings("ignore", category=UserWarning)  # the tracer talks much
    for batch in args.batch:
        net, shape, _ = nets.build(args.net)
        net.eval()
        x = torch.randn(batch, *shape)
        with torch.no_grad():
            measure.report(args, net, batch, "eager", measure.timed(lambda: net(x), args.seconds, args.warm_up))
            try:
                script = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(net, x)))
                far = (script(x) - net(x)).abs().max().item()
                if far > 1e-3:
                    raise RuntimeError(f"its answers are off by {far:.2g}")
                times = measure.timed(lambda: script(x), args.seconds, args.warm_up)
            except RuntimeError as e:
                print(f"{args.net} batch {batch}: torchscript left out: {str(e).splitlines()[0]}", file=sys.stderr)
                continue
            measure.report(args, net, batch, "torchscript", times)


if __name__ == "__main__":
    main()
