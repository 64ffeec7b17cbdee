from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_cardiac_ssl.anatomy import Structure, View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.learning.checkpoint import Card, Model, TrainedOn, new_network
from napari_cardiac_ssl.learning.compute import Compute
from napari_cardiac_ssl.learning.examples import ExpertSlices
from napari_cardiac_ssl.learning.finetuning import finetune
from napari_cardiac_ssl.learning.network import Architecture
from napari_cardiac_ssl.learning.prediction import doubt, locate_heart, predict, predict_stack
from napari_cardiac_ssl.learning.training import Budget, run
from napari_cardiac_ssl.metrics import score
from napari_cardiac_ssl.study import SliceIndex, Stack

SMALL = Architecture(heads=(("structures", 4),), base_filters=8, levels=4)
CPU = Compute(torch.device("cpu"), low_precision=False)


@pytest.fixture(scope="module")
def example(sax, truth):
    return ExpertSlices(sax, truth, (SliceIndex(0, 1), SliceIndex(0, 2), SliceIndex(0, 3)))


@pytest.fixture(scope="module")
def model(example):
    """A small network that has seen three slices of the frame at end-diastole."""
    start = Model(new_network(SMALL).eval(), Card(SMALL, size=64, spacing_mm=3.5))
    steps = finetune([example], start=start, budget=Budget(steps=150), compute=CPU, batch_size=4)
    return run(steps, lambda step: None)


def test_it_finds_the_heart_that_it_learned(model, sax, truth, example):
    labels, confidence = predict_stack(model, sax, compute=CPU)
    scores = score(
        labels[1:],
        truth[1:],  # the other frame
        spacing_mm=sax.spacing_mm,
        structures=[Structure.LV_CAVITY],
        slices=[1, 2, 3],
    )
    assert scores[0].dice > 0.6
    assert confidence.min() >= 0.25 - 1e-6  # four classes: the best has at least a quarter
    assert confidence.max() <= 1 + 1e-6


def test_the_heart_is_located(model, sax, truth, example):
    found = np.array(locate_heart(model, sax, compute=CPU))
    true = np.array(example.centre_yx())
    assert np.hypot(*((found - true) * sax.spacing_mm[1:])) < 30


def test_frames_come_when_they_are_complete_with_slices_in_the_order_asked_for(model, sax):
    wanted = [SliceIndex(1, 3), SliceIndex(0, 0), SliceIndex(1, 1)]
    parts = list(predict(model, sax, wanted, centre_yx=(32, 32), compute=CPU))
    assert [index for part in parts for index in part.slices] == [wanted[1], wanted[0], wanted[2]]
    whole, sure = predict_stack(model, sax, centre_yx=(32, 32), compute=CPU)
    for part in parts:
        for index, labels, confidence in zip(
            part.slices, part.labels, part.confidence, strict=True
        ):
            assert np.mean(labels != whole[index]) < 0.001
            np.testing.assert_allclose(confidence, sure[index], atol=1e-3)


def test_progress_reaches_one(model, sax):
    seen = []
    predict_stack(model, sax, compute=CPU, report=seen.append)
    assert seen[-1] == 1
    assert seen == sorted(seen)


def test_what_does_not_fit_is_refused(model, sax):
    long_axis = Stack(sax.image, sax.affine, view=View.LAX_4CH, name="4ch")
    with pytest.raises(InputError, match="4ch is LAX_4CH, the model knows SAX"):
        list(predict(model, long_axis))
    headless = Architecture(heads=(("positions", 10),), base_filters=2, levels=2)
    with pytest.raises(InputError, match="no structures yet"):
        list(predict(Model(new_network(headless), Card(headless)), sax))


def test_doubt_is_an_area_and_grows_where_the_model_errs(model, sax, truth):
    wanted = [SliceIndex(1, z) for z in (3, 0, 2)]
    [(slices, areas)] = doubt(model, sax, wanted, centre_yx=(32, 32), compute=CPU)
    assert list(slices) == wanted
    assert (areas > 0).all()
    assert (areas < 0.75 * (64 * 0.35) ** 2).all()  # four classes: the best has at least a quarter
    fresh = Model(new_network(SMALL).eval(), Card(SMALL, size=64, spacing_mm=3.5))
    [(_, at_first)] = doubt(fresh, sax, wanted, centre_yx=(32, 32), compute=CPU)
    assert (at_first > areas).all()


def test_slices_that_an_expert_found_empty_are_predicted_empty(model, sax):
    told = replace(model.card, trained_on=(TrainedOn(sax.digest, 1, ((0, 2),)),))
    labels, confidence = predict_stack(Model(model.network, told), sax, compute=CPU)
    assert not labels[0, 2].any()
    assert (confidence[0, 2] == 1).all()
    plain, _ = predict_stack(model, sax, compute=CPU)
    assert plain[0, 2].any()
    assert (np.delete(labels.reshape(10, -1), 2, 0) == np.delete(plain.reshape(10, -1), 2, 0)).all()
    (part,) = predict(
        Model(model.network, told), sax, [SliceIndex(0, 2)], compute=CPU, heed_empty=False
    )
    assert part.labels.any()
