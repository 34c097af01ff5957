"""The size of a Deceptron's networks: chosen on the page, in the code that it gives away, and in `core`."""

import jax
import numpy as np
import pytest

from core import setups
from core.networks import HIDDEN
from core.toys import Sheared
from lessons import lessons
from lessons.learned import setting, train
from pages.ui import workshop

TRAIN = lessons()["train"]
KEY = jax.random.key(0)


def sizes(network):
    return [weight.shape for weight in network.weights]


@pytest.mark.parametrize("width", [2, 8])
def test_networks_have_the_width_that_is_asked_for(width):
    for architecture in ("physics", "surrogate"):
        model = setting.setup("sheared", architecture, width).build(KEY)
        assert sizes(model.g) == [(width, 2), (width, width), (2, width)]
    assert sizes(model.f) == sizes(model.g)
    assert sizes(setting.setup("sheared").build(KEY).g)[0] == (HIDDEN[0], 2)


def test_only_what_has_hidden_layers_has_a_width():
    assert setting.setup("sheared", "slabs", 8) is setting.setup("sheared", "slabs", 8)
    with pytest.raises(ValueError, match="no hidden layers"):
        setups.toy(Sheared(), "slabs").of_width(8)
    with pytest.raises(ValueError, match="0"):
        setups.toy(Sheared()).of_width(0)


def test_every_width_on_the_page_is_another_model_of_the_session_and_is_built():
    chosen = [TRAIN.complete({"problem": "sheared", "width": str(width)}) for width in train.WIDTHS]
    assert len({workshop.key_of(one) for one in chosen}) == len(train.WIDTHS)
    for one, width in zip(chosen, train.WIDTHS, strict=True):
        assert sizes(train.untrained(one).g)[0] == (width, 2)
        assert sizes(workshop.toy_job(one).setup.build(KEY).g)[0] == (width, 2)


@pytest.mark.parametrize("width", ["8", "32"])
def test_the_code_to_take_away_trains_a_network_of_that_width(width):
    settings = TRAIN.complete({"problem": "sheared", "width": width, "steps": 500.0})
    left = {}
    exec(TRAIN.takeaway.code(settings), left)
    assert sizes(left["setup"].build(KEY).g)[0] == (int(width), 2)
    np.testing.assert_allclose(left["before"], TRAIN.experiment(**settings)["box_rjcp"], rtol=1e-6)
