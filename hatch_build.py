"""What the package index is told that the files here do not say: where the project lives.

`REPOSITORY`, a web address, is named when a release is built. Links of README.md, which are
relative here, then go there, and so do the project's URLs. Without it pictures are left out, as
they would be broken on the index, and links become words.
"""

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


class ProjectMetadata(MetadataHookInterface):
    """Adds the README and the project's URLs."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Fill in what `pyproject.toml` calls dynamic."""
        repository = os.environ.get("REPOSITORY", "").rstrip("/")
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": with_links(text, repository),
        }
        metadata["urls"] = urls_of(repository) if repository else {}


def urls_of(repository: str) -> dict[str, str]:
    """Return the URLs that napari's plugin hub and the package index show."""
    return {
        "Homepage": repository,
        "Repository": repository,
        "Documentation": f"{repository}/blob/main/docs/index.md",
        "Changelog": f"{repository}/blob/main/CHANGELOG.md",
        "Bug Tracker": f"{repository}/issues",
    }


def with_links(text: str, repository: str) -> str:
    """Return a README whose relative links lead somewhere from anywhere."""
    relative = r"(?!https?:|#|mailto:)([^)\s]+)"
    if repository:
        text = re.sub(rf"(!\[[^]]*\])\({relative}\)", rf"\1({repository}/raw/main/\2)", text)
        return re.sub(rf"(?<!!)(\[[^]]+\])\({relative}\)", rf"\1({repository}/blob/main/\2)", text)
    # A table of pictures goes as a whole.
    text = re.sub(r"(?:^\|.*\n)*^\|.*!\[.*\n", "", text, flags=re.MULTILINE)
    text = re.sub(rf"^!\[[^]]*\]\({relative}\)\n+", "", text, flags=re.MULTILINE)
    return re.sub(rf"\[([^]]+)\]\({relative}\)", r"\1", text)
