"""The command synth."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from napari_cardiac_ssl.cli.console import progress, say
from napari_cardiac_ssl.cli.options import COUNT, SEED, Command, option
from napari_cardiac_ssl.files import check_writable, replacing


@dataclass(frozen=True, kw_only=True)
class Options:
    """What may be said to synth."""

    dir: Annotated[Path, option(metavar="DIR", help="where a folder per subject goes")]
    subjects: Annotated[
        int, option("--subjects", parse=COUNT, metavar="N", help="how many (1)")
    ] = 1
    seed: Annotated[
        int,
        option("--seed", parse=SEED, metavar="S", help="of the first subject (1), then S + 1, …"),
    ] = 1


def synth(options: Options) -> int:
    """Write synthetic studies with their truth."""
    from napari_cardiac_ssl.synthetic import make_study
    from napari_cardiac_ssl.writers.masks import write_map, write_mask

    check_writable(options.dir / f"synthetic-{options.seed:04}" / "truth.json")
    with progress("making studies") as report:
        for number in range(options.subjects):
            subject = make_study(options.seed + number)
            name = subject.study.name
            for stack in subject.study.stacks:
                stem = options.dir / name / f"{name}_{stack.view.file_name}"
                write_map(
                    stem.with_name(stem.name + ".nii.gz"),
                    stack.image,
                    like=stack,
                    description="synthetic cine",
                )
                write_mask(
                    stem.with_name(stem.name + "_gt.nii.gz"), subject.masks[stack.view], like=stack
                )
            truth = {
                "pathology": subject.pathology,
                "seed": subject.seed,
                "scheme": "ukbb",
                "ed_frame": 0,
                "es_frame": subject.es_frame,
                "lv_ef_percent": subject.lv_ef_percent,
                "lv_volume_ml": subject.lv_volume_ml.tolist(),
                "myocardium_ml": subject.myocardium_ml,
                "landmarks": {key: point.tolist() for key, point in subject.landmarks.items()},
            }
            with replacing(options.dir / name / "truth.json") as beside:
                beside.write_text(json.dumps(truth, indent=1) + "\n")
            report((number + 1) / options.subjects, f"{name} ({subject.pathology})")
            say(str(options.dir / name))
    return 0


COMMAND = Command(
    "synth",
    "Write synthetic studies with their truth.",
    "cardiac-ssl synth studies --subjects 3",
    Options,
    synth,
)
