"""pix2pixHD's networks in PyTorch: checkpoints, and what PyTorch makes of a layout with them.

Needs PyTorch, which the project does not. Written from the paper's layer tables with
`torch.nn.functional` alone; it shares nothing with the package.

    python tests/goldens/make_torch_networks.py golden            the small files of this folder
    python tests/goldens/make_torch_networks.py write FOLDER      networks of full width, 256 x 512
    python tests/goldens/make_torch_networks.py check FOLDER      what the package wrote back there

Between the last two, without PyTorch: `python tests/goldens/compare_torch_networks.py FOLDER`.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

CONTAINERS = ("zip", "legacy")
FULL = {
    "G1": {"kind": "global", "channels": 36, "ngf": 64, "d": 4, "b": 9},
    "G1_small": {"kind": "global", "channels": 36, "ngf": 16, "d": 2, "b": 3},
    "G1_features": {"kind": "global", "channels": 39, "ngf": 32, "d": 3, "b": 4},
    "G2": {"kind": "local", "channels": 36, "ngf": 32, "d": 4, "b": 9, "n": 1, "bl": 3},
    "G2_two": {"kind": "local", "channels": 36, "ngf": 8, "d": 3, "b": 4, "n": 2, "bl": 2},
    "D": {"kind": "discriminator", "channels": 39, "ndf": 64, "layers": 3, "scales": 3},
    "D_flat": {"kind": "discriminator", "channels": 39, "ndf": 32, "layers": 3, "scales": 2},
    "E": {"kind": "encoder", "channels": 3, "nef": 16, "d": 4},
}
SMALL = {
    "G": {"kind": "local", "channels": 8, "ngf": 2, "d": 2, "b": 1, "n": 1, "bl": 1},
    "D": {"kind": "discriminator", "channels": 11, "ndf": 2, "layers": 3, "scales": 2},
    "E": {"kind": "encoder", "channels": 3, "nef": 2, "d": 2},
}


class Convolution:
    """One convolution of the tables: its name in a checkpoint, its shape and how it is applied."""

    def __init__(self, name, inputs, outputs, kernel, stride=1, zeros=0, reflect=0, up=False):
        self.name, self.stride, self.zeros, self.reflect, self.up = name, stride, zeros, reflect, up
        first, second = (inputs, outputs) if up else (outputs, inputs)
        self.shape, self.outputs = (first, second, kernel, kernel), outputs

    def __call__(self, state, x):
        weight, bias = state[f"{self.name}.weight"], state[f"{self.name}.bias"]
        if self.up:
            return F.conv_transpose2d(x, weight, bias, stride=2, padding=1, output_padding=1)
        if self.reflect:
            x = F.pad(x, (self.reflect,) * 4, mode="reflect")
        return F.conv2d(x, weight, bias, stride=self.stride, padding=self.zeros)


def norm(x):
    return F.instance_norm(x, eps=1e-5)


def conv7(name, inputs, outputs):
    return Convolution(name, inputs, outputs, 7, reflect=3)


def down(name, channels):
    return Convolution(name, channels, 2 * channels, 3, stride=2, zeros=1)


def up(name, channels):
    return Convolution(name, channels, channels // 2, 3, up=True)


def block(name, channels):
    return [Convolution(f"{name}.conv_block.{i}", channels, channels, 3, reflect=1) for i in (1, 5)]


def half(x):
    return F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)


class Chain:
    """First convolution, downsamplings, residual blocks and upsamplings: G1 and E but the head."""

    def __init__(self, channels, filters, d, b):
        first = 4 + 3 * d
        self.plain = [conv7("model.1", channels, filters)]
        self.plain += [down(f"model.{4 + 3 * i}", filters * 2**i) for i in range(d)]
        self.blocks = [block(f"model.{first + j}", filters * 2**d) for j in range(b)]
        self.ups = [up(f"model.{first + b + 3 * i}", filters * 2 ** (d - i)) for i in range(d)]
        self.head_name = f"model.{5 + 6 * d + b}"
        self.layers = [*self.plain, *sum(self.blocks, []), *self.ups]

    def __call__(self, state, x):
        for convolution in self.plain:
            x = F.relu(norm(convolution(state, x)))
        for one in self.blocks:
            x = residual(state, one, x)
        for convolution in self.ups:
            x = F.relu(norm(convolution(state, x)))
        return x


def residual(state, two, x):
    y = F.relu(norm(two[0](state, x)))
    return x + norm(two[1](state, y))


class Global:
    def __init__(self, channels, ngf, d, b, outputs=3):
        self.trunk = Chain(channels, ngf, d, b)
        self.head = conv7(self.trunk.head_name, ngf, outputs)
        self.layers = [*self.trunk.layers, self.head]

    def __call__(self, state, x):
        return torch.tanh(self.head(state, self.trunk(state, x)))


class Encoder(Global):
    def __init__(self, channels, nef, d):
        super().__init__(channels, nef, d, 0)


class Local:
    def __init__(self, channels, ngf, d, b, n, bl):
        self.trunk = Chain(channels, ngf * 2**n, d, b)
        self.layers, self.enhancers = list(self.trunk.layers), []
        for i in range(1, n + 1):
            c = ngf * 2 ** (n - i)
            stem, shrink = conv7(f"model{i}_1.1", channels, c), down(f"model{i}_1.4", c)
            blocks = [block(f"model{i}_2.{j}", 2 * c) for j in range(bl)]
            grow = up(f"model{i}_2.{bl}", 2 * c)
            self.enhancers.append((stem, shrink, blocks, grow))
            self.layers += [stem, shrink, *sum(blocks, []), grow]
        self.head = conv7(f"model{n}_2.{bl + 4}", ngf, 3)
        self.layers.append(self.head)

    def __call__(self, state, x):
        pyramid = [x]
        for _ in self.enhancers:
            pyramid.append(half(pyramid[-1]))
        out = self.trunk(state, pyramid.pop())
        for stem, shrink, blocks, grow in self.enhancers:
            local = F.relu(norm(stem(state, pyramid.pop())))
            out = F.relu(norm(shrink(state, local))) + out
            for one in blocks:
                out = residual(state, one, out)
            out = F.relu(norm(grow(state, out)))
        return torch.tanh(self.head(state, out))


class Discriminator:
    """Names `scale1_layer0.0` of a run with feature matching; `flat_names` are those without."""

    def __init__(self, channels, ndf, layers, scales):
        self.scales, self.last = scales, layers + 1
        self.layers, self.table = [], {}
        for s in range(scales):
            before = channels
            for j in range(layers + 2):
                after = 1 if j == self.last else min(512, ndf * 2**j)
                stride = 2 if j < layers else 1
                name = f"scale{s}_layer{j}.0"
                self.table[s, j] = Convolution(name, before, after, 4, stride, zeros=2)
                self.layers.append(self.table[s, j])
                before = after

    def __call__(self, state, x):
        """Returns the features and logits of each scale, the finest first."""
        outputs = []
        for i in range(self.scales):
            y, scale = x, []
            for j in range(self.last + 1):
                y = self.table[self.scales - 1 - i, j](state, y)
                if 0 < j < self.last:
                    y = norm(y)
                if j < self.last:
                    y = F.leaky_relu(y, 0.2)
                scale.append(y)
            outputs.append(scale)
            x = half(x)
        return outputs


def flat_names(state, layers=3):
    """Returns the state_dict with the names of a run without feature matching."""
    places = [0, *(3 * j - 1 for j in range(1, layers + 1)), 3 * layers + 2]
    return {
        f"layer{name[5]}.{places[int(name[12])]}.{name.rpartition('.')[2]}": tensor
        for name, tensor in state.items()
    }


KINDS = {
    "global": Global,
    "local": Local,
    "encoder": Encoder,
    "discriminator": Discriminator,
}


def build(settings):
    settings = dict(settings)
    return KINDS[settings.pop("kind")](**settings)


def random_state(network, generator):
    state = {}
    for layer in network.layers:
        for kind, shape in (("weight", layer.shape), ("bias", (layer.outputs,))):
            state[f"{layer.name}.{kind}"] = 0.02 * torch.randn(shape, generator=generator)
    return state


def layout(height, width, classes, random):
    """Returns labels, instances as Cityscapes numbers them, and an 8-bit picture."""
    cell = height // 8
    grid = random.integers(0, classes, (8, width // cell))
    labels = grid.repeat(cell, 0).repeat(cell, 1)
    # Every second cell of an upper class is an object; the pixels around it carry the class alone.
    inside = np.zeros((cell, cell), bool)
    inside[cell // 8 + 1 : -(cell // 8) - 1, 1:-1] = True
    inside = np.tile(inside, grid.shape)
    numbers = np.arange(grid.size).reshape(grid.shape).repeat(cell, 0).repeat(cell, 1)
    objects = inside & (labels > classes // 2) & (numbers % 2 == 0)
    instances = np.where(objects, labels * 1000 + numbers, labels)
    base = random.integers(0, 256, (*grid.shape, 3)).repeat(cell, 0).repeat(cell, 1)
    image = np.clip(base + random.normal(0, 20, base.shape), 0, 255)
    return labels.astype("uint8"), instances.astype("int32"), image.astype("uint8")


def encoded(labels, instances, classes):
    """Returns one-hot channels and the edges of instances, (1, channels, height, width)."""
    labels, ids = torch.from_numpy(labels.astype("int64")), torch.from_numpy(instances)
    one_hot = F.one_hot(labels, classes).permute(2, 0, 1).float()
    edge = torch.zeros(ids.shape, dtype=torch.bool)
    across, along = ids[:, 1:] != ids[:, :-1], ids[1:] != ids[:-1]
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    edge[1:] |= along
    edge[:-1] |= along
    return torch.cat([one_hot, edge[None].float()])[None]


def pooled(features, instances):
    result = features.clone()
    for number in np.unique(instances).tolist():
        where = torch.from_numpy(instances == number)
        for channel in range(features.shape[1]):
            result[0, channel][where] = features[0, channel][where].mean()
    return result


@torch.no_grad()
def evaluate(name, settings, state, inputs):
    """Returns the arrays that a network makes of the layout."""
    network = build(settings)
    if settings["kind"] == "encoder":
        raw = network(state, inputs["image"])
        return {f"{name}_raw": raw, f"{name}_pooled": pooled(raw, inputs["instances"])}
    if settings["kind"] == "discriminator":
        outputs = network(state, torch.cat([inputs["condition"], inputs["image"]], 1))
        return {f"{name}_{i}{j}": y for i, s in enumerate(outputs) for j, y in enumerate(s)}
    condition = inputs["condition"]
    if settings["channels"] > condition.shape[1]:
        condition = torch.cat([condition, inputs["features"]], 1)
    return {name: network(state, condition)}


def write(folder, networks, height, width, classes, prefix="", seed=0):
    generator = torch.Generator().manual_seed(seed)
    labels, instances, image = layout(height, width, classes, np.random.default_rng(seed))
    arrays = {"labels": labels, "instances": instances, "image": image}
    inputs = {
        "condition": encoded(labels, instances, classes),
        "image": torch.from_numpy(image.astype("float32") / 255 * 2 - 1).permute(2, 0, 1)[None],
        "instances": instances,
    }
    # The encoder first: its features are an input of a generator.
    for name, settings in sorted(networks.items(), key=lambda item: item[0] != "E"):
        state = random_state(build(settings), generator)
        made = evaluate(name, settings, state, inputs)
        if name == "E":
            inputs["features"] = made["E_pooled"]
        arrays |= {key: value.numpy() for key, value in made.items()}
        saved = flat_names(state) if name.endswith("_flat") else state
        for container in CONTAINERS:
            if prefix and container != {"G": "zip", "D": "legacy", "E": "zip"}[name]:
                continue
            path = folder / (f"{prefix}{name}.pth" if prefix else f"{name}_{container}.pth")
            torch.save(saved, path, _use_new_zipfile_serialization=container == "zip")
        print(f"{name}: {sum(t.numel() for t in state.values()):,} parameters", flush=True)
    np.savez_compressed(folder / f"{prefix or 'torch_'}networks.npz", **arrays)


def check(folder):
    """Compares, bit by bit, what the package wrote with what PyTorch had written."""
    for path in sorted(folder.glob("*_back_*.pth")):
        name = path.stem.partition("_back_")[0]
        first = torch.load(folder / f"{name}_zip.pth", weights_only=True)
        second = torch.load(path, weights_only=True)
        if name.endswith("_flat"):
            first = dict(zip(second, first.values(), strict=True))
        same = list(first) == list(second) and all(
            first[key].dtype == second[key].dtype and torch.equal(first[key], second[key])
            for key in first
        )
        print(f"{path.name}: {len(second)} tensors, {'equal' if same else 'DIFFERENT'}")


if __name__ == "__main__":
    if sys.argv[1] == "golden":
        write(Path(__file__).parent, SMALL, 32, 48, 7, prefix="torch_")
    elif sys.argv[1] == "write":
        write(Path(sys.argv[2]), FULL, 256, 512, 35)
    else:
        check(Path(sys.argv[2]))
