"""Trains on the drawn streets in JAX: a loop of one's own around our parts.

    KERAS_BACKEND=jax python benchmarks/jax_game.py streets_256 -o streets_256.keras

Networks and losses are plain Keras, so this file is all that training takes on a GPU that has JAX
and no TensorFlow. It reads the same configs as `tfsynth train` (of one phase: pix2pixHD's game
without a feature network, and cascaded refinement), makes the same steps, and writes the same kind
of model, to which `tfsynth styles` adds looks to draw from. Beside the model it writes the losses
(.json) and the first test layouts (.png).
"""

import argparse
import functools
import json
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import jax
import jax.numpy as jnp
import keras
import numpy as np
from tqdm import tqdm

from tfsynth import registry, streets
from tfsynth.config import load_config
from tfsynth.labels import LabelSet
from tfsynth.sheets import sheet, write_sheet
from tfsynth.synthesizer import Synthesizer

LOG_EVERY, ROWS = 100, 6


def main():
    parser = argparse.ArgumentParser(description="Trains on drawn streets in JAX.")
    parser.add_argument("config", help="name or file of a config")
    parser.add_argument("--minutes", type=float, help="wall time of the steps (the config's)")
    parser.add_argument("--precision", default="mixed_bfloat16")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="changes")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.keras")
    arguments = parser.parse_args()
    config = load_config(arguments.config, arguments.changes)
    keras.utils.set_random_seed(config.seed)
    examples = draw(config.data.dataset, "train")
    keras.config.set_dtype_policy(arguments.precision)
    game = game_of(config)
    log = train(game, examples, config, arguments.minutes or config.train.minutes)
    synthesizer = ship(game, config, log, arguments.precision)
    synthesizer.save(arguments.output)
    arguments.output.with_suffix(".json").write_text(json.dumps(log, indent=1) + "\n")
    tests = draw({**config.data.dataset, "test": ROWS}, "test")
    write_sheet(arguments.output.with_suffix(".png"), pictures(synthesizer, tests))


def draw(dataset, split):
    """Returns all streets of a split as arrays: labels, instances numbered from 0, image."""
    node = {"seed": 0, **dataset}
    jobs = [(node["height"], node["width"], node["seed"], split, i) for i in range(node[split])]
    with ProcessPoolExecutor() as pool:
        drawn = pool.map(_draw_one, jobs, chunksize=16)
        drawn = [*tqdm(drawn, f"drawing {split} streets", len(jobs))]
    return {name: np.stack([street[name] for street in drawn]) for name in drawn[0]}


def _draw_one(job):
    street = streets.draw_street(*job)
    numbers = np.unique(street.instances, return_inverse=True)[1].reshape(street.labels.shape)
    return {
        "labels": street.labels.astype("uint8"),
        "instances": numbers.astype("int32"),
        "image": street.image,
    }


class Game:
    """`AdversarialTrainer`'s step as a function of weights.

    Args:
        conditioning: A `Conditioning`.
        networks: Dict of the `generator`, the `discriminator` and perhaps an `encoder`.
        losses: Dict of `adversarial` and what else the generator minimises:
            `feature_matching`, `perceptual`, `reconstruction`.
        optimizers: Dict of player -> Keras optimizer.
        ema_decay: Of the averages of what ships; `None` for none.
    """

    def __init__(self, conditioning, networks, losses, optimizers, ema_decay=None):
        self.conditioning = conditioning
        self.networks = networks
        self.losses = {name: loss for name, loss in losses.items() if loss is not None}
        self.optimizers = optimizers
        self.ema_decay = ema_decay
        self.rates = {p: float(optimizer.learning_rate) for p, optimizer in optimizers.items()}
        for player, optimizer in optimizers.items():
            optimizer.build([w for n in self.played_by(player) for w in networks[n].variables])

    def played_by(self, player):
        """Returns the names of the networks of a player, in the order of JAX's trees."""
        names = ("discriminator",) if player == "discriminator" else ("encoder", "generator")
        return [name for name in names if name in self.networks]

    def initial_state(self):
        """Returns all that a step changes, as arrays."""
        weights = {n: [w.value for w in net.variables] for n, net in self.networks.items()}
        averages = {n: weights[n] for n in self.played_by("generator")} if self.ema_decay else {}
        return {
            "weights": weights,
            "averages": jax.tree.map(jnp.copy, averages),
            "optimizers": {p: [v.value for v in o.variables] for p, o in self.optimizers.items()},
            "steps": jnp.zeros((), "int32"),
        }

    def step(self, state, batch, factor=1.0):
        """Returns the state after a step, and its losses. `factor` is of the learning rates."""
        gradients, logs = self.gradients(state["weights"], batch)
        updated, optimizers = {}, {}
        for player, optimizer in self.optimizers.items():
            own = {n: state["weights"][n] for n in self.played_by(player)}
            slots = [
                self.rates[player] * factor if v is optimizer.learning_rate else value
                for v, value in zip(optimizer.variables, state["optimizers"][player], strict=True)
            ]
            values, optimizers[player] = optimizer.stateless_apply(
                slots, jax.tree.leaves(gradients[player]), jax.tree.leaves(own)
            )
            updated |= jax.tree.unflatten(jax.tree.structure(own), values)
        steps = state["steps"] + 1
        # As the trainer's: the first weights leave the averages soon.
        share = 1.0 - jnp.minimum(self.ema_decay or 0.0, steps / (steps + 9.0))
        averages = jax.tree.map(
            lambda average, weight: average + share * (weight - average),
            state["averages"],
            {n: updated[n] for n in state["averages"]},
        )
        state = {"weights": updated, "averages": averages, "optimizers": optimizers, "steps": steps}
        return state, logs

    def gradients(self, weights, batch):
        """Returns each player's gradients, and the losses."""
        own = {n: weights[n] for n in self.played_by("generator")}
        other = {"discriminator": weights["discriminator"]}
        of_generator, logs = jax.grad(self._generator_loss, has_aux=True)(own, other, batch)
        fake = jax.lax.stop_gradient(logs.pop("fake"))
        loss, of_discriminator = jax.value_and_grad(self._discriminator_loss)(other, fake, batch)
        gradients = {"generator": of_generator, "discriminator": of_discriminator}
        return gradients, {"discriminator_loss": loss, **logs}

    def _generator_loss(self, own, other, batch):
        condition, real = self._seen(batch)
        features = condition
        if "encoder" in own:
            features = _join(condition, self._run("encoder", own, [real, batch["instances"]]))
        fake = self._run("generator", own, features)
        on_real = self._run("discriminator", other, _join(condition, real))
        on_fake = self._run("discriminator", other, _join(condition, fake))
        terms = {}
        for name, loss in self.losses.items():
            if name == "adversarial":
                terms[name] = loss.generator([scale[-1] for scale in on_fake])
            elif name == "feature_matching":
                pair = [[scale[:-1] for scale in found] for found in (on_real, on_fake)]
                terms[name] = loss(*pair)
            else:
                terms[name] = loss(real, fake)
        total = sum(self.losses[name].weight * term for name, term in terms.items())
        return total, {"fake": fake, "generator_loss": total, **terms}

    def _discriminator_loss(self, own, fake, batch):
        condition, real = self._seen(batch)
        logits = [
            [scale[-1] for scale in self._run("discriminator", own, _join(condition, picture))]
            for picture in (real, fake)
        ]
        return self.losses["adversarial"].discriminator(*logits)

    def _seen(self, batch):
        condition = self.conditioning(batch["labels"], batch["instances"])
        return condition, batch["image"].astype("float32") / 127.5 - 1.0

    def _run(self, name, weights, inputs):
        # All weights of these networks train; there is no other state.
        return self.networks[name].stateless_call(weights[name], [], inputs, training=True)[0]


class Regression(Game):
    """`RegressionTrainer`'s step, of a perceptual loss or a diversity loss."""

    def gradients(self, weights, batch):
        own = {"generator": weights["generator"]}
        gradients, logs = jax.grad(self._loss, has_aux=True)(own, batch)
        return {"generator": gradients}, logs

    def _loss(self, own, batch):
        condition, real = self._seen(batch)
        fake = self._run("generator", own, condition).astype("float32")
        masks = jax.nn.one_hot(batch["labels"], self.conditioning.num_classes)
        loss = self.losses["perceptual"]
        terms = loss.terms(real, fake, masks)
        total = loss.weight * jnp.sum(terms)
        return total, {"generator_loss": total, "perceptual": jnp.sum(terms)}


def game_of(config):
    """Builds the game that a config describes."""
    nodes = config.trainer
    parts = [n for n in ("generator", "discriminator", "encoder") if nodes.get(n)]
    if "discriminator" in parts:
        kind, losses = Game, ("adversarial", "feature_matching", "reconstruction")
    else:
        kind, losses = Regression, ("perceptual",)
    return kind(
        registry.build(nodes["conditioning"]),
        {name: registry.build(nodes[name]) for name in parts},
        {name: registry.build(nodes.get(f"{name}_loss")) for name in losses},
        {player: registry.build(node) for player, node in config.optimizers.items()},
        nodes.get("ema_decay"),
    )


def _join(condition, channels):
    return jnp.concatenate([condition, channels.astype(condition.dtype)], axis=-1)


def train(game, examples, config, minutes):
    """Trains for a time, the rates falling in its course as the config's schedule says.

    The clock starts after the first step, which compiles. The game holds the averages afterwards
    if the config asks for them, else the weights.

    Returns:
        Dict of the device, the steps, the seconds and the losses of every `LOG_EVERY`th step.
    """
    examples = jax.device_put(examples)
    epochs = [config.schedule[name] for name in ("constant_epochs", "decay_epochs")]
    decays_from = epochs[0] / sum(epochs)
    count, size = len(examples["image"]), config.train.batch_size

    @functools.partial(jax.jit, donate_argnums=0)
    def advance(state, examples, key, factor):
        which, mirrored = jax.random.split(jax.random.fold_in(key, state["steps"]))
        indices = jax.random.randint(which, (size,), 0, count)
        flip = jax.random.bernoulli(mirrored, 0.5, (size,))
        batch = {name: _mirrored(array[indices], flip) for name, array in examples.items()}
        return game.step(state, batch, factor)

    state, key = game.initial_state(), jax.random.key(config.seed)
    state, logs = jax.block_until_ready(advance(state, examples, key, 1.0))
    start, elapsed, seconds, losses, steps = time.monotonic(), 0.0, 60.0 * minutes, [], 1
    with tqdm(total=round(seconds), unit="s") as bar:
        while elapsed < seconds:
            factor = min(1.0, (1.0 - elapsed / seconds) / (1.0 - decays_from))
            state, logs = advance(state, examples, key, factor)
            steps += 1
            if steps % LOG_EVERY == 0:
                losses.append({"step": steps, **{n: float(value) for n, value in logs.items()}})
                bar.set_postfix(steps=steps, loss=losses[-1]["generator_loss"])
                bar.update(round(time.monotonic() - start) - bar.n)
            elapsed = time.monotonic() - start
    chosen = {**state["weights"], **state["averages"]}
    for name, network in game.networks.items():
        for weight, value in zip(network.variables, chosen[name], strict=True):
            weight.assign(value)
    device = jax.devices()[0].device_kind
    return {"device": device, "steps": steps, "seconds": round(elapsed), "losses": losses}


def _mirrored(array, flip):
    return jnp.where(flip.reshape((-1,) + (1,) * (array.ndim - 1)), array[:, :, ::-1], array)


def ship(game, config, log, precision):
    """Returns the synthesizer of a trained game, which computes in float32."""
    keras.config.set_dtype_policy("float32")
    shipped = {}
    for name in game.played_by("generator"):
        shipped[name] = registry.build(config.trainer[name])
        shipped[name].set_weights(game.networks[name].get_weights())
    names = streets.CLASS_NAMES, streets.CLASS_COLOURS, streets.VOID_IDS
    provenance = {
        "config": config.to_dict(),
        "program": "benchmarks/jax_game.py",
        "device": log["device"],
        "steps": log["steps"],
        "minutes": round(log["seconds"] / 60, 1),
        "precision": precision,
    }
    return Synthesizer(
        shipped["generator"],
        registry.build(config.trainer["conditioning"]),
        LabelSet(*names),
        provenance,
        encoder=shipped.get("encoder"),
    )


def pictures(synthesizer, tests):
    """Draws layouts, what was made of them in the looks of the real pictures, and those."""
    rows = []
    for street in range(ROWS):
        labels, instances, image = (tests[n][street] for n in ("labels", "instances", "image"))
        looks = synthesizer.encode(image, instances) if synthesizer.encoder else None
        rows.append([labels, synthesizer.synthesize(labels, instances, looks), image])
    return sheet(rows, synthesizer.label_set, ("labels", "synthesised", "real"))


if __name__ == "__main__":
    main()
