"""Blend two checkpoints of one line of training.

    python models/plate_reader/blend.py OLD.pt NEW.pt --share .75 --out BLEND.pt

Weights between two ends of a line are often better than both (Source: Wortsman et al., Model soups, ICML 2022). Export
the blend as any checkpoint.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--share", type=float, default=0.5, help="of the new one, 0..1")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    old, new = (torch.load(path, map_location="cpu", weights_only=True) for path in (args.old, args.new))
    for key in ("config", "charset", "colors"):
        if old[key] != new[key]:
            raise SystemExit(f"{key}: expected the same in both, got {old[key]} and {new[key]}")
    for name, value in new["model"].items():
        if value.dtype.is_floating_point:
            value.copy_((1 - args.share) * old["model"][name] + args.share * value)
    torch.save({**new, "blend": {"share": args.share}}, args.out)


if __name__ == "__main__":
    main()
