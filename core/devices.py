"""Work on many members at once, training seeds or instances, shared out among all devices that JAX has.

The members lie along the leading axis of their arrays. That axis is cut into as many equal shares as there are devices,
every device works on its own share, and the results are put together again: no device needs anything of another. With
one device the share is everything, and nothing else differs.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as Axes
from jaxtyping import PyTree

Members = TypeVar("Members")


def padded(members: Members) -> Members:
    """The members with copies of the last one behind them, so that every device gets as many."""
    missing = -_count(members) % jax.device_count()
    return jax.tree.map(lambda leaf: jnp.concatenate([leaf, *[leaf[-1:]] * missing]), members) if missing else members


def shared_out(function: Callable[..., PyTree], members: PyTree, *common: Any) -> PyTree:
    """function(members, *common), where every device is given its share of the members and all that is common.

    function: takes and returns arrays with the members along the leading axis, and treats each for itself.
    """
    count = _count(members)
    done = _shared_out(function, padded(members), common)
    return done if _count(done) == count else jax.tree.map(lambda leaf: leaf[:count], done)


@eqx.filter_jit
def _shared_out(function, members, common):
    numbers, names = eqx.partition(common, eqx.is_array)
    mesh = jax.make_mesh((jax.device_count(),), ("devices",), axis_types=(AxisType.Auto,))
    # The outputs are all cut along the same axis, so there is nothing to check about copies that ought to agree.
    work = jax.shard_map(
        lambda share, numbers: function(share, *eqx.combine(numbers, names)),
        mesh=mesh,
        in_specs=(Axes("devices"), Axes()),
        out_specs=Axes("devices"),
        check_vma=False,
    )
    return work(members, numbers)


def _count(members: PyTree) -> int:
    return len(jax.tree.leaves(members)[0])
