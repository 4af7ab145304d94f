"""A study's folder, made of folders of pictures."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from pix2pix_tf.data.layout.matching import match, same_name
from pix2pix_tf.images.convert import resize_image, to_channels
from pix2pix_tf.images.io import decode_image, image_dtype, image_size, write_image
from pix2pix_tf.images.unreadable import report_all_unreadable
from pix2pix_tf.study.database import AnswerDatabase
from pix2pix_tf.study.plan import min_images
from pix2pix_tf.study.settings import NAME_PATTERN, PAPER_PROTOCOL, REAL, Protocol, Settings, Study
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import atomic_directory, check_new_directory
from pix2pix_tf.utils.parallel import parallel_map

SHORTEST_CODE = 6
_CODE_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that is taken for another
_CODE_LENGTH = 8  # 31 to the 8th, nearly 10 to the 12th
_NAMED_AT_MOST = 10


@dataclass(frozen=True)
class Invitation:
    """Who may begin: everybody; with `code` who knows it; with `single` who has one of so many."""

    code: str | None = None
    single: int = 0


EVERYBODY = Invitation()


@dataclass(frozen=True)
class _Source:
    """A picture as the user has it: a file, or one half of a side-by-side pair."""

    path: Path
    half: Literal["A", "B"] | None = None

    def size(self) -> tuple[int, int]:
        """Height and width, from the file's header."""
        height, width = image_size(self.path)
        if image_dtype(self.path) == np.uint16:
            raise UserError(f"{self.path} has 16 bits, and screens show 8: convert it")
        if self.half is None:
            return height, width
        if width % 2:
            raise UserError(f"{self.path} is {width} pixels wide: a pair has an even width")
        return height, width // 2

    def pixels(self) -> np.ndarray:
        """uint8 [H, W, 3]: the same for all, so that neither grey nor alpha tells them apart."""
        pixels = to_channels(decode_image(self.path), 3)
        middle = pixels.shape[1] // 2
        if self.half == "A":
            return pixels[:, :middle]
        return pixels[:, middle:] if self.half == "B" else pixels


def create_study(
    output: str | Path,
    name: str,
    real: str | Path,
    fakes: Mapping[str, str | Path],
    *,
    protocol: Protocol = PAPER_PROTOCOL,
    real_half: Literal["A", "B"] | None = None,
    size: tuple[int, int] | None = None,
    about: str | None = None,
    invitation: Invitation = EVERYBODY,
    advance: Callable[[int], None] = lambda total: None,
) -> Study:
    """Writes a study that is ready to be served.

    Pictures are copied as 8-bit RGB PNG of one size, without metadata and without their names, so
    that nothing but what they show tells real from fake. A real picture goes with the fakes that
    have the same path without suffix. `output` appears when all is written.

    Args:
        output: A new folder.
        name: What the study is called.
        real: Real pictures, at any depth.
        fakes: Folders of each algorithm's pictures, by the algorithm's name.
        protocol: How a session goes.
        real_half: Which half is the real picture, where `real` has side-by-side pairs.
        size: Height and width that all are resized to, bicubically; by default they must be equal.
        about: What participants read on the first page, such as who asks.
        invitation: Who may begin.
        advance: Called after each picture with the number of all.

    Raises:
        UserError: Folders that are missing, have no pictures or other ones than `real`; other sizes
            and no `size`, or other shapes than `size`; too few pictures for a session; names,
            codes or numbers that cannot be; `output` already exists.
    """
    output = Path(output)
    check_new_directory(output)
    _refuse_names(name, list(fakes))
    _refuse_code(invitation)
    sources, names = _sources(Path(real), {n: Path(f) for n, f in fakes.items()}, real_half)
    _refuse_too_few(names, protocol, Path(real))
    every = [source for side in sources.values() for source in side]
    with report_all_unreadable([source.path for source in every]):
        size = _one_size(every, size)
    settings = Settings(
        name=name,
        id=secrets.token_hex(8),
        about=about,
        protocol=protocol,
        size=size,
        algorithms=tuple(fakes),
        pictures=names,
    )
    unreadable = report_all_unreadable([source.path for source in every])
    with unreadable, atomic_directory(output) as aside:
        study = _with_invitation(Study(aside, settings), invitation)
        study.save_settings()
        _write_pictures(study, sources, advance)
    return Study(output, study.settings)


def _refuse_names(study: str, algorithms: Sequence[str]) -> None:
    for option, name in (("--name", study), *(("--fake", name) for name in algorithms)):
        if not re.fullmatch(NAME_PATTERN, name):
            raise UserError(
                f"{option} {name}: a folder is called so, and its name begins with a letter or "
                "digit and has at most 64 of letters, digits, spaces and + . _ -"
            )
    if not algorithms:
        raise UserError("--fake: expected the pictures of one algorithm or more, as NAME=DIR")
    # Not even in another case: some file systems take L1 and l1 for one folder.
    taken = {REAL}
    for name in algorithms:
        if name.casefold() in taken:
            raise UserError(f"--fake {name}: the name is taken, give another one")
        taken.add(name.casefold())


def _sources(
    real: Path, fakes: Mapping[str, Path], half: Literal["A", "B"] | None
) -> tuple[dict[str, list[_Source]], tuple[str, ...]]:
    """Pictures of each side in the same order, and the names they share."""
    _refuse_missing(f"--real {real}", real)
    sources: dict[str, list[_Source]] = {}
    names: tuple[str, ...] = ()
    for algorithm, folder in fakes.items():
        option = f"--fake {algorithm}={folder}"
        _refuse_missing(option, folder)
        matched = match(real, folder)
        if not matched.pairs and not matched.only_a:
            raise UserError(f"--real {real}: there are no pictures in it")
        if not matched.pairs and not matched.only_b:
            raise UserError(f"{option}: there are no pictures in it")
        if matched.doubles:
            raise UserError("; ".join(same_name(*double) for double in matched.doubles[:5]))
        if matched.only_a or matched.only_b:
            raise UserError(
                f"{option} does not match --real {real}: "
                f"{_unmatched(matched.only_a, 'real')}{_unmatched(matched.only_b, algorithm)}"
                "pictures go together by their path without suffix, add what is missing or remove "
                "what is too much"
            )
        names = tuple(pair.name for pair in matched.pairs)
        sources[REAL] = [_Source(pair.a, half) for pair in matched.pairs]
        sources[algorithm] = [_Source(pair.b) for pair in matched.pairs if pair.b]
    return sources, names


def _refuse_missing(option: str, folder: Path) -> None:
    if not folder.is_dir():
        raise UserError(f"{option}: there is no such folder")


def _unmatched(paths: Sequence[Path], side: str) -> str:
    if not paths:
        return ""
    return f"{len(paths)} only of {side} ({_some([path.name for path in paths])}); "


def _refuse_too_few(names: Sequence[str], protocol: Protocol, real: Path) -> None:
    fewest = min_images(protocol)
    if len(names) < fewest:
        raise UserError(
            f"--real {real}: has {len(names)} pictures, and a session of {protocol.practice} "
            f"practice and {protocol.trials} other trials needs {fewest}, as none is shown twice: "
            "add pictures, or give smaller --practice and --trials"
        )


def _one_size(sources: Sequence[_Source], wanted: tuple[int, int] | None) -> tuple[int, int]:
    """The size that all get: their own where that is one, else the one wanted."""
    first: dict[tuple[int, int], Path] = {}
    for source, size in zip(sources, parallel_map(_Source.size, sources), strict=True):
        first.setdefault(size, source.path)
    if wanted is None:
        if len(first) == 1:
            return next(iter(first))
        found = ", ".join(f"{_shown(size)} ({path})" for size, path in list(first.items())[:3])
        raise UserError(
            f"pictures have {len(first)} sizes, width×height {found}"
            f"{', ...' if len(first) > 3 else ''}: give --size N or HEIGHTxWIDTH to resize all"
        )
    for (height, width), path in first.items():
        # Ratios by their cross products: in whole numbers exactly 2% is still accepted.
        smaller, larger = sorted((width * wanted[0], height * wanted[1]))
        if 100 * larger > 102 * smaller:
            raise UserError(
                f"{path} is {_shown((height, width))} (width×height), and --size "
                f"{_shown(wanted)} has another shape: crop the picture first, or give another size"
            )
    return wanted


def _shown(size: tuple[int, int]) -> str:
    return f"{size[1]}×{size[0]}"


def _refuse_code(invitation: Invitation) -> None:
    if invitation.code is None:
        return
    if invitation.single:
        raise UserError("--invite and --invites: expected one of them")
    if len(invitation.code.strip()) < SHORTEST_CODE:
        raise UserError(
            f"--invite {invitation.code}: expected {SHORTEST_CODE} or more characters, so that "
            "nobody guesses it"
        )


def _with_invitation(study: Study, invitation: Invitation) -> Study:
    """Writes the answers' file and the one-time codes; the study knows of a shared one."""
    settings = study.settings
    codes = [
        "".join(secrets.choice(_CODE_LETTERS) for _ in range(_CODE_LENGTH))
        for _ in range(invitation.single)
    ]
    AnswerDatabase.create(study.answers_file, map(settings.digest, codes))
    if codes:
        study.invites_file.write_text("".join(f"{code}\n" for code in codes), encoding="utf-8")
        return Study(study.folder, settings.model_copy(update={"invite": "single"}))
    if invitation.code is not None:
        update = {"invite": "shared", "invite_sha256": settings.digest(invitation.code)}
        return Study(study.folder, settings.model_copy(update=update))
    return study


def _write_pictures(
    study: Study, sources: Mapping[str, Sequence[_Source]], advance: Callable[[int], None]
) -> None:
    for side in sources:
        study.picture(side, 0).parent.mkdir(parents=True)

    def write(item: tuple[str, int]) -> None:
        side, number = item
        pixels = resize_image(sources[side][number].pixels(), *study.settings.size)
        write_image(study.picture(side, number), pixels)

    items = [(side, number) for side in sources for number in range(len(sources[side]))]
    parallel_map(write, items, advance)


def _some(things: Sequence[object]) -> str:
    more = len(things) - _NAMED_AT_MOST
    named = ", ".join(str(thing) for thing in things[:_NAMED_AT_MOST])
    return named + (f" and {more} more" if more > 0 else "")
