"""Trained models on disk: a line of JSON that says what it is, then the arrays in NumPy's own format, never a pickle.

Loading a file runs no code from it. A file that is not one of ours, that belongs to another experiment or that is cut
short is refused with a `NotThisFit` that names what is wrong.
"""

import json
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp

from core.deceptron import Deceptron
from core.setup import Setup

FORMAT = "inversion-course model 1"
LONGEST = 100_000  # bytes of the first line; ours take a few hundred


class NotThisFit(ValueError):
    """The file holds no model of this experiment."""


def save(path: Path | str, model: Deceptron, name: str, **remarks: object) -> None:
    """Write a model. name: of its experiment.  remarks: whatever JSON can hold, such as seed and steps."""
    path = Path(path)
    header = {"format": FORMAT, "experiment": name, "shapes": _shapes(model), **remarks}
    # Written whole or not at all: a run that is interrupted leaves no half a model behind.
    partial = path.with_name(path.name + ".part")
    with partial.open("wb") as file:
        file.write((json.dumps(header) + "\n").encode())
        eqx.tree_serialise_leaves(file, model)
    partial.replace(path)


def read_header(path: Path | str) -> dict[str, object]:
    """What a file says of itself. Raises NotThisFit for a file that is not one of ours."""
    with Path(path).open("rb") as file:
        return _header(path, file.readline(LONGEST))


def load(path: Path | str, setup: Setup, name: str) -> Deceptron:
    """Read the model of this setup back. Raises NotThisFit for any other file."""
    like = setup.build(jax.random.key(0))  # for its shapes alone
    with Path(path).open("rb") as file:
        header = _header(path, file.readline(LONGEST))
        if header.get("experiment") != name:
            raise NotThisFit(f"{path} was trained for {header.get('experiment')!r}, not for {name!r}")
        if header.get("shapes") != _shapes(like):
            raise NotThisFit(f"{path} holds a model of other shapes than {name!r} has now; train it again")
        try:
            model = eqx.tree_deserialise_leaves(file, like)
        except (EOFError, ValueError, RuntimeError, OSError) as error:
            raise NotThisFit(f"{path} is cut short or damaged ({error}); train it again") from None
    if not all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in jax.tree.leaves(eqx.filter(model, eqx.is_inexact_array))):
        raise NotThisFit(f"{path} holds numbers that are not finite; train it again")
    return model


def _header(path: Path | str, line: bytes) -> dict[str, object]:
    try:
        header = json.loads(line)
    except ValueError:  # also what is no UTF-8
        header = None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise NotThisFit(f"{path} is no model saved by this course (or by another version of it)")
    return header


def _shapes(model: Deceptron) -> list[str]:
    """Shape and type of every array, in order."""
    arrays = jax.tree.leaves(eqx.filter(model, eqx.is_array))
    return [f"{leaf.dtype}{list(leaf.shape)}" for leaf in arrays]
