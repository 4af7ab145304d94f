"""A study's folder and the typed settings in it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from pix2pix_tf.config.yaml_text import read_yaml, to_yaml
from pix2pix_tf.utils.errors import UserError

NAME_PATTERN = (
    r"[A-Za-z0-9][A-Za-z0-9 +._-]{0,63}"  # of studies and algorithms, which are folder names
)
REAL = "real"  # folder of the real images, hence not the name of an algorithm

Name = Annotated[str, Field(pattern=f"^{NAME_PATTERN}$")]
Positive = Annotated[int, Field(gt=0)]


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value  # YAML has no tuples


def _no_duplicates(names: tuple[str, ...]) -> tuple[str, ...]:
    # Ignoring case: some file systems take L1 and l1 for the same folder.
    if len({name.casefold() for name in (*names, REAL)}) <= len(names):
        raise ValueError(f"names must differ from each other and from {REAL}")
    return names


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Protocol(_Section):
    """The protocol of a session; the defaults are the paper's (section 4.1).

    Attributes:
        inputs: Whether the real and the fake image of a trial belong to the same input, as in the
            paper's colorization study, or to different ones, as in map↔aerial photo.
        practice: Number of practice trials, at the start and with feedback.
        trials: Number of main trials, without feedback.
        seconds: How long each image is shown.
    """

    inputs: Literal["same", "different"] = "same"
    practice: Annotated[int, Field(ge=0, le=1000)] = 10
    trials: Annotated[int, Field(ge=1, le=1000)] = 40
    seconds: Annotated[float, Field(ge=0.05, le=60)] = 1.0

    @property
    def total_trials(self) -> int:
        """Number of practice and main trials together."""
        return self.practice + self.trials


PAPER_PROTOCOL = Protocol()


class Settings(_Section):
    """The content of study.yaml.

    Attributes:
        name: Name of the study.
        id: Random identifier in the cookie's name, which keeps studies on one host apart.
        about: Text for participants on the first page, such as who asks; or None.
        protocol: The protocol of a session.
        size: Height and width of every image, in pixels.
        algorithms: Names of the algorithms, which participants never see.
        images: Names of the inputs; files in images/ are numbered by their index in this list.
        invite: Access codes: none, one shared by all, or a single-use code per session.
        invite_sha256: Digest of the shared code, see `digest`; None without one.
    """

    name: Name
    id: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    about: str | None = None
    protocol: Protocol = PAPER_PROTOCOL
    size: Annotated[tuple[Positive, Positive], BeforeValidator(_as_tuple)]
    algorithms: Annotated[
        tuple[Name, ...],
        BeforeValidator(_as_tuple),
        Field(min_length=1),
        AfterValidator(_no_duplicates),
    ]
    images: Annotated[tuple[str, ...], BeforeValidator(_as_tuple), Field(min_length=1)]
    invite: Literal["none", "shared", "single"] = "none"
    invite_sha256: str | None = None

    def digest(self, code: str) -> str:
        """Returns the digest of an invite code; surrounding spaces and case are ignored."""
        return hashlib.sha256(f"{self.id} {code.strip().casefold()}".encode()).hexdigest()


@dataclass(frozen=True)
class Study:
    """A study: its folder and its settings.

    Attributes:
        folder: The study's folder.
        settings: The content of its study.yaml.
    """

    folder: Path
    settings: Settings

    @property
    def answers_file(self) -> Path:
        """The SQLite database of sessions and answers."""
        return self.folder / "answers.sqlite"

    @property
    def invites_file(self) -> Path:
        """The text file of one-time codes, one per line."""
        return self.folder / "invites.txt"

    def image_file(self, side: str, index: int) -> Path:
        """Returns the file of one image.

        Args:
            side: `REAL`, or the name of an algorithm.
            index: Index of the input in `Settings.images`.
        """
        return self.folder / "images" / side / f"{index:05d}.png"

    def save_settings(self) -> None:
        """Writes study.yaml into the folder."""
        text = to_yaml(self.settings.model_dump(mode="json"))
        (self.folder / "study.yaml").write_text(text, encoding="utf-8")


def load_study(folder: str | Path) -> Study:
    """Reads a study's settings.

    Raises:
        UserError: The folder is missing or holds no study, or its study.yaml is invalid.
    """
    folder = Path(folder)
    file = folder / "study.yaml"
    if not file.is_file():
        lack = "holds no study.yaml" if folder.is_dir() else "there is no such folder"
        raise UserError(f"study {folder}: {lack}; `pix2pix-tf study new` makes a study")
    tree = read_yaml(file, Settings)
    try:
        return Study(folder, Settings.model_validate(tree))
    except ValidationError as error:
        raise UserError("\n".join(f"{file}: {line}" for line in _sentences(error))) from None


def _sentences(error: ValidationError) -> list[str]:
    return [
        f"{'.'.join(map(str, problem['loc'])) or 'the whole'}: {problem['msg']}"
        for problem in error.errors(include_url=False)
    ]
