"""Writes torch_zip.pth and torch_legacy.pth; needs PyTorch, which the project does not."""

from pathlib import Path

import torch


def state():
    """Returns a state_dict whose t-th tensor counts in eighths from t."""
    model = torch.nn.Sequential()
    model.add_module("conv", torch.nn.Conv2d(2, 3, 2))
    model.add_module("norm", torch.nn.BatchNorm2d(3))
    tensors = model.state_dict()
    numbers = torch.arange(12.0) / 8
    tensors["half"] = numbers.half()
    tensors["bfloat16"] = numbers.bfloat16()
    tensors["flags"] = numbers > 0.5
    tensors["shared"] = shared = torch.arange(12.0) / 8
    tensors["transposed"] = shared.view(3, 4).t()
    tensors["part"] = shared[2:11:3]
    tensors["expanded"] = shared[3].expand(2, 2)
    tensors["empty"] = torch.zeros(0, 4)
    with torch.no_grad():
        for t, name in enumerate(list(tensors)[:6]):
            count = tensors[name].numel()
            tensors[name].copy_((t + torch.arange(count) / 8).view(tensors[name].shape))
    return tensors


if __name__ == "__main__":
    for container in ("zip", "legacy"):
        torch.save(
            state(),
            Path(__file__).with_name(f"torch_{container}.pth"),
            _use_new_zipfile_serialization=container == "zip",
        )
