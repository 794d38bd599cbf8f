import numpy as np
import pytest

from dsjax import controller
from dsjax.envs.task import CONTACTS, SPEED
from dsjax.errors import RunError
from dsjax.observation import INPUTS
from dsjax.plotting.synapse_names import SENSES, Synapse, farthest, parse

LAYERS = dict(zip((1, 3, 4), controller.LAYERS, strict=True))


def test_places_are_those_of_the_controllers_layers():
    matrices = dict(zip(LAYERS, controller.layers(np.arange(controller.SYNAPSES)), strict=True))
    for layer, (rows, columns) in LAYERS.items():
        places = [[Synapse(layer, r, c).index for c in range(columns)] for r in range(rows)]
        np.testing.assert_array_equal(places, matrices[layer])


def test_senses_are_where_the_task_finds_them():
    assert [SENSES[place] for place in (SPEED, *CONTACTS)] == ["speed ahead", "contact 1", "contact 2"]


def test_every_synapse_has_a_name_of_its_own():
    names = [Synapse(layer, row, column).name for layer, shape in LAYERS.items() for row, column in np.ndindex(*shape)]
    assert len(set(names)) == controller.SYNAPSES
    # Hips are driven by w 0, as `controller` says, and damped by their own angle and speed.
    assert Synapse(4, 0, 2).name == "w 0 → hip 1 (4:0,2)"
    assert [Synapse(4, 0, c).name for c in (8, 9)] == ["hip 1 angle → hip 1 (4:0,8)", "hip 1 speed → hip 1 (4:0,9)"]
    assert [Synapse(4, 3, c).name for c in (15, 16)] == [
        "knee 2 angle → knee 2 (4:3,15)",
        "knee 2 speed → knee 2 (4:3,16)",
    ]
    assert Synapse(1, 7, INPUTS - 1).name == f"bias → neuron 7 (1:7,{INPUTS - 1})"
    assert Synapse(3, 1, 8).name == "bias → oscillator 1 (3:1,8)"


def test_a_place_reads_as_it_is_written():
    assert parse("4:0,2") == Synapse(4, 0, 2)
    assert parse(Synapse(1, 7, 42).place) == Synapse(1, 7, 42)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("4:0", "--synapses 4:0: must be layer:row,column, such as 4:0,2"),
        ("4:-1,2", "must be layer:row,column"),
        ("hip", "must be layer:row,column"),
        ("2:0,0", "--synapses 2:0,0: the layers with synapses are 1, 3, 4"),
        ("3:2,0", "--synapses 3:2,0: layer 3 has rows 0 to 1 and columns 0 to 8"),
        ("1:0,43", "layer 1 has rows 0 to 7 and columns 0 to 42"),
    ],
)
def test_no_such_synapse(text, message):
    with pytest.raises(RunError, match=message):
        parse(text)


def test_the_farthest_of_each_layer_leaves_out_dead_inputs():
    moved = np.zeros(controller.SYNAPSES)
    dead, alive, third, fourth = Synapse(1, 2, 20), Synapse(1, 5, 3), Synapse(3, 1, 4), Synapse(4, 3, 18)
    for synapse, distance in ((dead, 9.0), (alive, 2.0), (third, 0.1), (fourth, 0.3)):
        moved[synapse.index] = distance
    swings = np.ones(controller.SYNAPSES, bool)
    assert farthest(moved, False, swings) == [alive, third, fourth]
    assert farthest(moved, True, swings) == [dead, third, fourth]


def test_a_layer_that_does_not_swing_is_replaced_by_the_farthest_of_the_others():
    moved, swings = np.zeros(controller.SYNAPSES), np.arange(controller.SYNAPSES) >= 8 * 43
    first, third, fourth, other = Synapse(1, 5, 3), Synapse(3, 1, 4), Synapse(4, 3, 18), Synapse(4, 0, 2)
    for synapse, distance in ((first, 9.0), (third, 0.1), (fourth, 0.3), (other, 0.2)):
        moved[synapse.index] = distance
    assert farthest(moved, False, swings) == [third, fourth, other]
    assert farthest(moved, False, np.zeros_like(swings)) == [first, third, fourth]
