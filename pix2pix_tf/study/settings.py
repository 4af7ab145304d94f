"""What a study is: its folder and the settings in it, typed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from pix2pix_tf.config.yaml_text import read_yaml, to_yaml
from pix2pix_tf.utils.errors import UserError

NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9 +._-]{0,63}"  # of studies and algorithms: folders have them
REAL = "real"  # the folder of the real pictures, so no algorithm's name

Name = Annotated[str, Field(pattern=f"^{NAME_PATTERN}$")]
Positive = Annotated[int, Field(gt=0)]


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value  # YAML has no tuples


def _no_duplicates(names: tuple[str, ...]) -> tuple[str, ...]:
    # Not even in another case: some file systems take L1 and l1 for one folder.
    if len({name.casefold() for name in (*names, REAL)}) <= len(names):
        raise ValueError(f"names must differ from each other and from {REAL}")
    return names


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Protocol(_Section):
    """How a session goes; the defaults are the paper's (section 4.1).

    Attributes:
        inputs: Whether the real and the fake picture of a trial belong to the same input, as the
            paper had it for colourisation, or to different ones, as for map↔aerial photo.
        practice: Trials at the start that say whether the answer was right.
        trials: Trials of the main part, which do not.
        seconds: How long each picture is shown.
    """

    inputs: Literal["same", "different"] = "same"
    practice: Annotated[int, Field(ge=0, le=1000)] = 10
    trials: Annotated[int, Field(ge=1, le=1000)] = 40
    seconds: Annotated[float, Field(ge=0.05, le=60)] = 1.0

    @property
    def length(self) -> int:
        """Trials of a whole session."""
        return self.practice + self.trials


PAPER_PROTOCOL = Protocol()  # section 4.1


class Settings(_Section):
    """What study.yaml holds.

    Attributes:
        name: What the study is called.
        id: Random; in the name of the cookie, so that studies on one host keep apart.
        about: What participants read on the first page, such as who asks; or None.
        protocol: How a session goes.
        size: Height and width of every picture.
        algorithms: Their names, which participants never see.
        pictures: Names of the inputs; the files in images/ have their places in this list.
        invite: Whether a code is needed to begin: none, one that all share, one for each session.
        invite_sha256: Digest of the shared code, see `digest`; else None.
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
    pictures: Annotated[tuple[str, ...], BeforeValidator(_as_tuple), Field(min_length=1)]
    invite: Literal["none", "shared", "single"] = "none"
    invite_sha256: str | None = None

    def digest(self, code: str) -> str:
        """What is kept of an invite code; spaces around it and its case do not count."""
        return hashlib.sha256(f"{self.id} {code.strip().casefold()}".encode()).hexdigest()


@dataclass(frozen=True)
class Study:
    """A study's folder and what its study.yaml says."""

    folder: Path
    settings: Settings

    @property
    def answers_file(self) -> Path:
        """The SQLite file of sessions and answers."""
        return self.folder / "answers.sqlite"

    @property
    def invites_file(self) -> Path:
        """The one-time codes, one a line."""
        return self.folder / "invites.txt"

    def picture(self, side: str, number: int) -> Path:
        """The file of one picture; `side` is `REAL` or an algorithm, `number` that of the input."""
        return self.folder / "images" / side / f"{number:05d}.png"

    def save_settings(self) -> None:
        """Writes study.yaml into the folder."""
        text = to_yaml(self.settings.model_dump(mode="json"))
        (self.folder / "study.yaml").write_text(text, encoding="utf-8")


def load_study(folder: str | Path) -> Study:
    """Reads a study's settings.

    Raises:
        UserError: The folder is not there, holds no study, or its study.yaml cannot be meant.
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
