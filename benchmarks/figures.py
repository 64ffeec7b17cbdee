"""The published figures, and the commands that they are made by: `all.py` runs them.

What stands in docs/evidence.md is made by `commands`. `quick` is the same on few cases: it tells
whether a benchmark still runs, and its figures are not published.
"""

from dataclasses import dataclass

WEIGHTS = "napari_cardiac_ssl/learning/weights/default.safetensors"
_POSITIONS = (
    "cardiac-ssl pretrain {data}/acdc/unlabelled/* --landmarks {data}/acdc/landmarks.json "
    "--steps 600 -o {out}/positions.safetensors"
)
_ACDC = (
    "cardiac-ssl pretrain {data}/acdc/unlabelled/* --landmarks {data}/acdc/landmarks.json "
    "--synthetic 40 --from default --steps 600 -o {out}/acdc.safetensors"
)


@dataclass(frozen=True)
class Figure:
    """What one section of docs/evidence.md shows.

    Parameters
    ----------
    section
        Its heading there.
    commands
        In this order. ``{data}`` is where the open cases lie, ``{out}`` the folder of results.
    quick
        Those of `make benchmarks-quick`.
    results
        The file of `benchmarks/results` that published runs lie in; empty: the output is all.
    needs_data
        Whether it is run on the open cases.
    needs_screen
        Whether a window is shown.
    """

    section: str
    commands: tuple[str, ...]
    quick: tuple[str, ...]
    results: str = ""
    needs_data: bool = True
    needs_screen: bool = False


FIGURES = (
    Figure(
        "Before any label",
        ("no_label.py --patients decide", "no_label.py --patients report"),
        ("no_label.py --sets siemens --frames ED --patients report",),
    ),
    Figure(
        "Before and after",
        (
            "before_after.py --k 1 3 5",
            "before_after.py --k 3 --arms extent",
            "before_after.py --k 3 --seeds 1",
            'before_after.py --k 1 3 --patients decide --arms "no averaging" "border recalled"',
            'before_after.py --k 3 --patients decide --frames ES --arms "no recall" neither',
        ),
        ("before_after.py --k 3 --sets philips --frames ED --steps 5 --patients decide",),
        "before_after.csv",
    ),
    Figure(
        "A few slices of one stack",
        (
            f"few_slices.py --k 0 --from {WEIGHTS} --arms ours",
            f"few_slices.py --k 0 --from {WEIGHTS} --arms ours --frame ES",
            f"few_slices.py --steps 150 --from {WEIGHTS} --arms ours",
            "few_slices.py --steps 150 --from scratch --arms ours --k 3",
            "few_slices.py --arms interpolation forest",
        ),
        (
            f"few_slices.py --k 0 --from {WEIGHTS} --arms ours --patients 2",
            "few_slices.py --arms interpolation --k 3 --patients 2",
        ),
        "few_slices.csv",
    ),
    Figure(
        "A few subjects",
        (
            "few_subjects.py --arms scratch default:all --subjects 5 1",
            "few_subjects.py --arms scratch default:all --subjects 2 10 --seeds 1",
            "few_subjects.py --arms default:decoder default:multitask --subjects 5 1 --seeds 1",
            _POSITIONS,
            'few_subjects.py --arms "positions alone={out}/positions.safetensors:all" '
            "--subjects 5 1 --seeds 1",
            _ACDC,
            "few_subjects.py --arms acdc={out}/acdc.safetensors:all --subjects 5 1 --seeds 1",
            "few_subjects.py --arms scratch default:all acdc={out}/acdc.safetensors:all "
            "--subjects 5 --steps 1600 --seeds 1",
            "few_subjects.py --arms scratch --subjects 5 --steps 4800 --seeds 1",
            "few_subjects.py --arms --figure {out}/few_subjects.png",
        ),
        ("few_subjects.py --arms default:all --subjects 1 --draws 1 --seeds 1 --steps 5",),
        "few_subjects.csv",
    ),
    Figure(
        "What settles the defaults",
        ("ablations.py",),
        ("ablations.py --variants default --draws 1 --pretraining-steps 20 --steps 20",),
        "ablations.csv",
    ),
    Figure(
        "Positions on real views",
        (
            "cardiac-ssl positions {data}/multiview/dicom -o {out}/positions.nii.gz "
            "--png {out}/positions-sax.png",
            "cardiac-ssl positions {data}/multiview/dicom --view LAX_4CH "
            "-o {out}/positions_4ch.nii.gz --png {out}/positions-4ch.png",
        ),
        ("cardiac-ssl positions {data}/multiview/dicom -o {out}/positions.nii.gz",),
    ),
    Figure("Long-axis views", ("long_axis.py",), ("long_axis.py --steps 10",)),
    Figure(
        "The valve plane",
        ("valve_plane.py",),
        ("valve_plane.py --synthetic 1",),
    ),
    Figure("An animal", ("animal.py --k 1 3 5",), ("animal.py --k 3 --steps 5",)),
    Figure("Where the LV is", ("position_accuracy.py",), ("position_accuracy.py",)),
    Figure(
        "The heart's numbers",
        ("heart_numbers.py --k 0", "heart_numbers.py --k 3 --steps 150"),
        ("heart_numbers.py --k 0",),
        "heart_numbers.csv",
    ),
    Figure(
        "Which slice next",
        (
            "loop.py --sets siemens philips --frames ES --strategies suggest --rounds 6",
            "loop.py --frames ES --strategies suggest --rounds 6 --patients 1::2",
            "loop.py --steps 30 --rounds 8 --seeds 1 --strategies suggest random uniform",
            "loop.py --steps 30 --rounds 8 --seeds 1 --strategies suggest --start scratch "
            "--patients 1:20:2",
            "loop.py --rounds 8 --strategies --forest",
            "loop.py --strategies --figure {out}/loop.png",
        ),
        ("loop.py --steps 5 --rounds 2 --seeds 1 --strategies suggest --patients 0:1",),
        "loop.csv",
    ),
    Figure(
        "Speed",
        ("speed.py", "speed.py --rounds 20", "stalls.py", "editing_stalls.py", "latency.py"),
        (
            "speed.py --rounds 2",
            "stalls.py --frames 6 --slices 6 --size 128 --seconds 3 --turns 1",
            "editing_stalls.py --frames 6 --slices 6 --size 128 --seconds 2",
            "latency.py --frames 4 --slices 6 --size 128",
        ),
        "stalls.csv",
        needs_data=False,
        needs_screen=True,
    ),
    Figure(
        "A recorded case",
        (
            "recorded_case.py --out {out}/recorded-case",
            "recorded_case.py --tolerance 3 --out {out}/recorded-case-3mm",
        ),
        ("recorded_case.py --slices 1 --seconds 2 --out {out}/recorded-case",),
        needs_screen=True,
    ),
    Figure(
        "Cohorts",
        ("cohort.py --studies 500",),
        ("cohort.py --studies 12",),
        needs_data=False,
    ),
    Figure(
        "Nothing is lost",
        ("commits.py", "memory.py", "memory.py --real", "memory.py --window --rounds 120"),
        ("commits.py", "memory.py --rounds 10", "memory.py --rounds 6 --window"),
        needs_data=False,
        needs_screen=True,
    ),
    Figure(
        "What is read, and how",
        ("reading.py {data}/multiview/dicom",),
        ("reading.py {data}/multiview/dicom",),
    ),
)
