"""What should be suggested is known by thought."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.learning.suggestion import STRATEGIES, Situation, suggest

#: A heart from base to apex on slices 1 to 9 of 11: LV, myocardium, RV, cm².
HEART = np.zeros((11, 3))
HEART[1:10, 0] = [18, 18, 17, 16, 15, 13, 11, 8, 4]
HEART[1:10, 1] = [14, 14, 14, 13, 12, 11, 10, 8, 5]
HEART[1:10, 2] = [24, 22, 20, 18, 15, 12, 9, 6, 3]


def situation(frames=1, *, labelled=(), doubt=2.0, **more):
    known = np.zeros((frames, 11), bool)
    for index in labelled:
        known[index] = True
    areas = np.repeat(HEART[None], frames, axis=0)
    doubts = np.full((frames, 11), doubt)
    doubts[:, [0, 10]] = doubt / 4  # hardly anything there that could be wrong
    return Situation(known, ~known, areas, doubts, from_base=True, **more)


def test_before_anything_is_known_middle_base_apex_of_ed():
    nothing = np.zeros((4, 9), bool)
    empty = Situation(
        nothing, ~nothing, np.zeros((4, 9, 3)), np.full((4, 9), np.nan), ed=2, from_base=True
    )
    for strategy in ("suggest", "uncertainty", "uniform"):
        first, second, _ = suggest(empty, strategy=strategy, number=3)
        assert first.index == (2, 4)
        assert first.reason == "the heart is not confirmed yet: the middle first"
        assert second.index.z <= 2 or second.index.t != 2
    one_frame = replace(
        empty, labelled=nothing[:1], open=~nothing[:1], areas_cm2=np.zeros((1, 9, 3)), ed=0
    )
    assert [s.index.z for s in suggest(one_frame, number=3)] == [4, 1, 7]


def test_the_most_doubtful_comes_first():
    here = situation(labelled=[(0, 5)])
    here.doubt_cm2[0, 8] = 9.0
    for strategy in ("suggest", "uncertainty"):
        [best] = suggest(here, strategy=strategy)
        assert best.index == (0, 8)
        assert "the model is least sure here: 9.0 cm² in doubt" in best.reason


def test_a_jump_is_seen_and_said():
    here = situation(labelled=[(0, 2), (0, 5), (0, 8)])
    here.areas_cm2[0, 4, 2] = 10.0  # of 18, between 20 and 15
    [best] = suggest(here)
    assert best.index == (0, 4)
    # The nearer neighbour is named: so much it lies outside of what both span.
    assert "RV area jumps by 33 % against slice 5" in best.reason


def test_no_jump_against_a_slice_without_a_heart():
    """Beyond the heart's end, or with nothing on it yet, a slice is nothing to compare with."""
    here = situation(labelled=[(0, 2), (0, 5)])
    here.areas_cm2[0, 8] = 0.0  # not predicted yet, beside the largest change there is
    here.areas_cm2[0, 7, 1] = 30.0
    here.doubt_cm2[0, 7] = 9.0
    [best] = suggest(here)
    assert best.index == (0, 7)
    assert "in doubt" in best.reason
    assert "jumps" not in best.reason


def test_a_jump_in_time_is_seen_and_said():
    labelled = [(t, z) for t in (0, 3) for z in (2, 5, 8)]
    here = situation(8, labelled=labelled, ed=0, es=3)
    here.areas_cm2[6, 5, 0] = 3.0
    here.doubt_cm2[6, 5] = 3.0
    [best] = suggest(here)
    assert best.index == (6, 5)
    assert "LV area jumps by 80 % against frame 5" in best.reason


def test_what_is_not_covered_yet_comes_before_the_rest():
    labelled = [(0, z) for z in (2, 5, 8)] + [(3, 5), (3, 8)]
    here = situation(8, labelled=labelled, ed=0, es=3)
    [best] = suggest(here)
    assert best.index.t == 3
    assert best.index.z in {1, 2, 3}
    assert "base not covered yet in ES" in best.reason
    from_apex = replace(here, from_base=False)
    assert "apex not covered yet in ES" in suggest(from_apex)[0].reason
    unknown = replace(here, from_base=None)
    assert "the end at slice 0 not covered yet in ES" in suggest(unknown)[0].reason


def test_es_begins_in_the_middle_like_ed():
    """The first slices are typical ones, however doubtful the base is."""
    here = situation(2, labelled=[(0, 5)], ed=0, es=1)
    here.doubt_cm2[:, 1] = 9.0
    [best] = suggest(here)
    assert best.index.t == 1
    assert best.index.z in {4, 5, 6}
    wanted = "ES is not confirmed yet: the middle first; 2.0 cm²"
    assert best.reason.startswith(wanted)
    here.labelled[1, 5], here.open[1, 5] = True, False
    assert suggest(here)[0].index.z == 1


@pytest.mark.parametrize(("drawn", "said"), [(19, ""), (1, ""), (2, "ED is not confirmed yet")])
def test_ed_is_begun_by_a_slice_of_the_frame_beside_it(drawn, said):
    """ED as it is found lies beside the frame that was drawn on; a cine is a round."""
    here = situation(20, labelled=[(drawn, 5), (8, 5)], ed=0, es=8)
    [best] = suggest(here)
    assert ("is not confirmed yet" in best.reason) == bool(said)
    assert said in best.reason


def test_one_slice_like_many_comes_before_one_that_is_alone():
    here = situation(labelled=[(0, 5)])
    here.doubt_cm2[0] = 0.1
    here.doubt_cm2[0, [1, 2, 3]] = 4.0
    here.doubt_cm2[0, 9] = 5.0  # small, and like nothing else
    [best] = suggest(here)
    assert best.index == (0, 2)
    assert best.score == pytest.approx(7.5, abs=1.5)  # 4, and about half of what both sides have
    assert "4.0 cm² in doubt" in best.reason


def test_what_is_like_a_labelled_slice_has_less_to_gain_from_others():
    here = situation(labelled=[(0, 5)])
    alone = suggest(here)[0]
    beside = suggest(situation(labelled=[(0, 2), (0, 5), (0, 8)]))[0]
    assert beside.score < alone.score


def test_far_from_the_labelled_comes_before_near():
    here = situation(labelled=[(0, 2), (0, 5), (0, 9)])
    assert suggest(here)[0].index.z in {6, 7, 8}
    [best] = suggest(here, strategy="uniform")
    assert best.index.z == 7
    assert best.reason == "2 slices away from the nearest labelled one"


def test_a_slice_with_a_heart_comes_first_however_doubtful_the_end_is():
    """A model that has seen an empty slice alone is worse than before."""
    for labelled in ([], [(0, 0)]):
        here = situation(labelled=labelled)
        here.areas_cm2[0, 0] = here.areas_cm2[0, 10] = 0
        here.doubt_cm2[0, [0, 10]] = 20.0
        [best] = suggest(here)
        assert best.index == (0, 5)
        assert best.reason == "the heart is not confirmed yet: the middle first"
    here = situation(labelled=[(0, 5)], doubt=6.0)
    here.doubt_cm2[0, 10] = 7.0  # no heart there: a little more doubt is not worth it
    assert suggest(here)[0].index.z in {1, 2, 8, 9}


def test_a_batch_is_spread():
    here = situation(labelled=[(0, 5)])
    here.doubt_cm2[0, 7:10] = 2.4, 2.5, 2.4  # three in a row, all doubtful
    batch = [s.index.z for s in suggest(here, number=3)]
    assert batch[0] == 8
    assert len(set(batch)) == 3
    assert min(abs(a - b) for a, b in pairwise(batch)) > 1


def test_only_open_slices_and_no_more_than_there_are():
    here = situation(labelled=[(0, z) for z in range(9)])
    for strategy in STRATEGIES:
        assert {s.index.z for s in suggest(here, strategy=strategy, number=5)} == {9, 10}
        nothing = replace(here, open=np.zeros((1, 11), bool))
        assert suggest(nothing, strategy=strategy) == []


def test_unknown_doubt_does_not_matter():
    here = situation(labelled=[(0, 5)], doubt=np.nan)
    assert suggest(here)[0].index.z in {1, 2, 8, 9}
    here.doubt_cm2[0, 8] = 5.0
    here.doubt_cm2[0, 2] = 1.0
    assert suggest(here)[0].index.z >= 8


def test_chance_is_repeatable_and_fair():
    here = situation()
    draws = [suggest(here, strategy="random", seed=seed)[0].index.z for seed in range(200)]
    assert set(draws) == set(range(11))
    again = [suggest(here, strategy="random", seed=seed)[0].index.z for seed in range(200)]
    assert draws == again


def test_inputs_are_not_changed():
    here = situation(labelled=[(0, 5)])
    copies = here.labelled.copy(), here.open.copy(), here.doubt_cm2.copy()
    suggest(here, number=4)
    np.testing.assert_array_equal(here.labelled, copies[0])
    np.testing.assert_array_equal(here.open, copies[1])
    np.testing.assert_array_equal(here.doubt_cm2, copies[2])


def test_what_is_asked_for_must_exist():
    with pytest.raises(InputError, match="unknown strategy 'best'; known are suggest"):
        suggest(situation(), strategy="best")
    with pytest.raises(InputError, match="must be positive, got 0"):
        suggest(situation(), number=0)


def test_no_area_is_said_where_doubt_is_not_known():
    here = situation(labelled=[(0, 2), (0, 5), (0, 8)], frames=4)
    like_it = "cm² in doubt on slices like it"
    assert any(like_it in one.reason for one in suggest(here, number=8))
    here = replace(here, doubt_cm2=np.full_like(here.doubt_cm2, np.nan))
    for one in suggest(here, number=8):
        assert "cm²" not in one.reason


def test_a_single_plane_has_neither_apex_nor_base():
    plane = np.zeros((4, 1), bool)
    areas, doubt = np.full((4, 1, 3), 9.0), np.full((4, 1), np.nan)
    plane[2] = True
    for one in suggest(Situation(plane, ~plane, areas, doubt, ed=2, es=0), number=3):
        assert "apex" not in one.reason
        assert "end at" not in one.reason
