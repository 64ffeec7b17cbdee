"""The page about a study: what is on it, and that it needs nothing else."""

import base64
import io
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from skimage.io import imread

from napari_cardiac_ssl.anatomy import SAX_STRUCTURES, UKBB, Structure, View
from napari_cardiac_ssl.errors import InputError
from napari_cardiac_ssl.review import Review
from napari_cardiac_ssl.study import Stack
from napari_cardiac_ssl.synthetic import make_study
from napari_cardiac_ssl.writers.report import Report, Source, report_of, write_report
from napari_cardiac_ssl.writers.report.charts import bullseye, colour_of, curve
from napari_cardiac_ssl.writers.report.page import page
from napari_cardiac_ssl.writers.report.slices import Gallery, png

SVG = re.compile(r"<svg.*?</svg>", re.DOTALL)


@pytest.fixture(scope="module")
def cine() -> tuple[Stack, np.ndarray]:
    made = make_study(2, pathology="normal", frames=4, slices=6, size=96, lax=False)
    return made.study.stack(View.SAX), made.masks[View.SAX]


def make(stack: Stack, labels: np.ndarray, name: str = "p1", **more: object) -> Report:
    sources = [Source("mask", "p1_seg.nii.gz", "abc123")]
    return report_of(name, stack, labels, scheme=UKBB, sources=sources, **more)


def test_the_page_needs_nothing_else(cine: tuple[Stack, np.ndarray], tmp_path: Path) -> None:
    file = write_report(tmp_path / "new" / "p1.html", make(*cine))
    html = file.read_text(encoding="utf-8")
    assert html.startswith("<!DOCTYPE html>")
    assert not re.search(r"<script|<link|https?://|url\(|src=", html)
    assert set(re.findall(r'href="([^"]{0,21})', html)) == {"data:image/png;base64"}
    assert html.count("Not a medical device") == 1
    assert "abc123" in html
    assert "p1_seg.nii.gz" in html
    for picture in SVG.findall(html):
        ET.fromstring(picture)  # well-formed


def test_numbers_are_those_of_the_measures(cine: tuple[Stack, np.ndarray]) -> None:
    report = make(*cine)
    html = page(report)
    heart = report.measures
    for value in (heart.lv_edv_ml, heart.lv_ef_percent, heart.lv_mass_g, heart.rv_esv_ml):
        assert f"<td class=number>{value:.1f}</td>" in html
    assert f"frame 0: {heart.ed}" in html
    assert "Volumes over time" in html
    assert html.count('<figure><svg viewBox="-122') == 3
    assert "body surface" not in html


def test_pictures_are_the_image_s_pixels() -> None:
    grey = np.arange(35, dtype=np.uint8).reshape(5, 7) * 7
    np.testing.assert_array_equal(imread(io.BytesIO(png(grey))), grey)


def test_slices_show_image_and_contours(cine: tuple[Stack, np.ndarray]) -> None:
    stack, labels = cine
    svg = ET.fromstring(Gallery(stack, labels, [0]).picture(0, 3))
    _, _, width, height = map(float, svg.get("viewBox").split())
    assert width == pytest.approx(height, abs=2 * max(stack.spacing_mm[1:]))
    data = svg.find("image").get("href").partition(",")[2]
    picture = imread(io.BytesIO(base64.b64decode(data)))
    assert picture.shape[1] * stack.spacing_mm[2] == pytest.approx(width, abs=0.01)
    assert picture.max() > 200
    paths = {p.get("stroke"): p.get("d") for p in svg.find("g")}
    assert set(paths) == {structure.colour for structure in SAX_STRUCTURES}
    # The area within the LV's contour is that of its pixels, but for the corners cut off.
    points = np.array(
        [
            tuple(map(float, p.split()))
            for p in paths[Structure.LV_CAVITY.colour].strip("MZ").split("Z")[0].split("L")
        ]
    )
    x, y = points.T
    area = abs((x * np.roll(y, 1) - y * np.roll(x, 1)).sum()) / 2
    pixels = (labels[0, 3] == UKBB.code(Structure.LV_CAVITY)).sum()
    assert area == pytest.approx(pixels * np.prod(stack.spacing_mm[1:]), rel=0.05)


def test_contours_lie_where_the_pixels_are(cine: tuple[Stack, np.ndarray]) -> None:
    """Whichever way up a stack is looked at: bright where labelled, contour around it."""
    stack, labels = cine
    bright = replace(stack, image=(labels == UKBB.code(Structure.LV_CAVITY)).astype(np.int16))
    for order in ((0, 1, 2, 3), (0, 1, 3, 2)):
        affine = stack.affine[:, [1, 0, 2, 3]] if order[2] == 3 else stack.affine
        turned = replace(bright, image=bright.image.transpose(order), affine=affine)
        svg = ET.fromstring(Gallery(turned, labels.transpose(order), [0]).picture(0, 3))
        width, height = map(float, svg.get("viewBox").split()[2:])
        data = svg.find("image").get("href").partition(",")[2]
        y, x = np.nonzero(imread(io.BytesIO(base64.b64decode(data))) > 128)
        cavity = Structure.LV_CAVITY.colour
        [path] = [p.get("d") for p in svg.find("g") if p.get("stroke") == cavity]
        around = np.array([tuple(map(float, p.split())) for p in re.split("[MLZ]+", path) if p])
        shape = imread(io.BytesIO(base64.b64decode(data))).shape
        low = np.array([x.min() / shape[1] * width, y.min() / shape[0] * height])
        high = np.array([(x.max() + 1) / shape[1] * width, (y.max() + 1) / shape[0] * height])
        np.testing.assert_allclose(around.min(axis=0), low, atol=0.02)
        np.testing.assert_allclose(around.max(axis=0), high, atol=0.02)


def test_ed_alone_is_reported_too(cine: tuple[Stack, np.ndarray]) -> None:
    stack, labels = cine
    report = make(replace(stack, image=stack.image[:1]), labels[:1])
    html = page(report)
    assert "<h3>ED" in html
    assert "<h3>ES" not in html
    assert "Volumes over time" not in html
    assert "ejection" not in html
    assert ">nan" not in html
    assert html.count('<figure><svg viewBox="-122') == 1


def test_no_rv_no_segments(cine: tuple[Stack, np.ndarray]) -> None:
    stack, labels = cine
    html = page(make(stack, np.where(labels == 3, 0, labels)))
    assert "segments cannot be told" in html
    html = page(make(stack, np.where(labels == 2, 0, labels)))
    assert "Wall thickness" not in html


def test_doubts_stand_above_and_at_their_slice(cine: tuple[Stack, np.ndarray]) -> None:
    stack, labels = cine
    broken = labels.copy()
    broken[0, 3] = 0
    broken[2, 2] = 0
    report = make(stack, broken, notes=["1 file left aside"], phases=(0, 1))
    html = page(report)
    assert "frame 0, slice 3: no LV cavity on slice 3, but on 2 and 4" in html
    assert "more in other frames" in html
    assert "frame 2, slice 2" not in html
    marked = {(w.t, w.z) for w in report.warnings if w.t in (0, 1) and w.z is not None}
    assert html.count("<em title") == len(marked)
    assert "1 remark on how the study was read: cardiac-ssl info." in html
    assert "left aside" not in html
    assert "pass every check" not in html
    assert "pass every check" in page(make(stack, labels))


def test_names_are_text(cine: tuple[Stack, np.ndarray]) -> None:
    html = page(make(*cine, name="<b>&\"'"))
    assert "<b>&" not in html.partition('class="tiles"')[0]
    assert "&lt;b&gt;&amp;" in html


def test_the_curve_leaves_gaps_where_nothing_is_known() -> None:
    volumes = {Structure.LV_CAVITY: np.array([100, 80, np.nan, 60, 70, np.nan, 90.0])}
    svg = ET.fromstring(curve(volumes, ed=0, es=3, frame_interval_s=0.04))
    assert [len(line.get("points").split()) for line in svg.findall("polyline")] == [2, 2]
    assert len(svg.findall("circle")) == 5
    nothing = {**volumes, Structure.RV_CAVITY: np.full(7, np.nan)}
    assert len(ET.fromstring(curve(nothing, ed=None, es=None, frame_interval_s=None))) > 5


def test_bullseye_has_anterior_up_and_septum_left() -> None:
    svg = ET.fromstring(
        bullseye({s: float(s) for s in range(1, 17)}, low=0, high=20, title="t", decimals=0)
    ).find("svg")
    places = {
        text.text: (float(text.get("x")), float(text.get("y")))
        for text in svg.iter("text")
        if text.get("class") == "middle value"
    }
    assert len(places) == 16
    for top in ("1", "7", "13"):
        assert abs(places[top][0]) < 1
        assert places[top][1] < 0
    assert places["2"][0] < 0  # anteroseptal: left, above the middle
    assert places["2"][1] < 0
    assert places["3"][0] < 0
    assert places["3"][1] > 0
    assert places["14"][0] < -10
    assert places["16"][0] > 10
    assert places["5"][0] > 0
    assert places["5"][1] > 0


def test_states_are_said_where_a_session_knows_them(cine: tuple[Stack, np.ndarray]) -> None:
    stack, labels = cine
    html = page(make(stack, labels, review=Review(("pccccc",) * stack.frames, "a model")))
    assert "frame 0: 5 confirmed, 1 predicted" in html
    assert "does not say" not in html


def test_nothing_to_report(cine: tuple[Stack, np.ndarray]) -> None:
    stack, labels = cine
    with pytest.raises(InputError, match="neither an LV nor an RV"):
        make(stack, np.zeros_like(labels))
    html = page(make(stack, np.where(labels == 3, 3, 0)))
    assert "RV EDV" in html
    assert "LV EF" not in html


def test_the_ramp_of_the_bullseye_is_read_without_colour() -> None:
    """Colour-blind eyes and paper have lightness alone: it falls, and numbers are legible."""

    def luminance(colour: str) -> float:
        if not colour.startswith("rgb"):
            return {"white": 1.0, "black": 0.0}[colour]
        shares = np.array([int(part) for part in colour[4:-1].split(",")]) / 255
        linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    colours = [colour_of(value, 0, 100) for value in range(101)]
    light = [luminance(fill) for fill, _ in colours]
    assert np.all(np.diff(light) < 0)
    for fill, ink in colours:
        low, high = sorted([luminance(fill), luminance(ink)])
        assert (high + 0.05) / (low + 0.05) > 4.5  # WCAG 2, AA
    assert colour_of(-20, 0, 100) == colours[0]
    assert colour_of(float("nan"), 0, 100) == ("white", "black")
