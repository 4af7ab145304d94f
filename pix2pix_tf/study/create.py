"""Creating a study's folder from folders of images."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pix2pix_tf.images.convert import resize_image
from pix2pix_tf.images.display import DisplaySetting
from pix2pix_tf.images.image_file import Axes
from pix2pix_tf.images.io import write_image
from pix2pix_tf.images.unreadable import report_all_unreadable
from pix2pix_tf.study.database import AnswerDatabase
from pix2pix_tf.study.display import Show, study_display
from pix2pix_tf.study.plan import min_images
from pix2pix_tf.study.settings import (
    NAME_PATTERN,
    PAPER_PROTOCOL,
    REAL,
    Protocol,
    Settings,
    Study,
)
from pix2pix_tf.study.sources import Sources, common_size, find_sources
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import atomic_directory, check_new_directory
from pix2pix_tf.utils.parallel import parallel_map

DEFAULT_DISPLAY = DisplaySetting()
MIN_CODE_LENGTH = 6
_CODE_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # without characters that look alike
_CODE_LENGTH = 8  # 31 to the 8th, nearly 10 to the 12th


@dataclass(frozen=True)
class Invitation:
    """Access to a study, which is open to everybody by default.

    Attributes:
        shared_code: An access code that all participants share, or None.
        one_time_codes: Number of codes to generate, each for one session; 0 for none.
    """

    shared_code: str | None = None
    one_time_codes: int = 0


EVERYBODY = Invitation()


def create_study(
    output: str | Path,
    name: str,
    real: str | Path,
    fakes: Mapping[str, str | Path],
    *,
    protocol: Protocol = PAPER_PROTOCOL,
    real_half: Literal["A", "B"] | None = None,
    axes: Axes | None = None,
    display: DisplaySetting = DEFAULT_DISPLAY,
    size: tuple[int, int] | None = None,
    about: str | None = None,
    invitation: Invitation = EVERYBODY,
    advance: Callable[[int], None] = lambda total: None,
) -> Study:
    """Creates a study that is ready to be served.

    Images are copied as they are shown, as 8-bit RGB PNG files of one size, without metadata and
    without their names, so that only their content distinguishes real from fake. A real image is
    matched with the fakes that have the same path without suffix. `output` is created atomically,
    when all is written.

    Args:
        output: A new folder.
        name: Name of the study.
        real: Folder of the real images, at any depth.
        fakes: Folder of each algorithm's images, by the algorithm's name.
        protocol: The protocol of a session.
        real_half: The real half, where `real` has side-by-side pairs.
        axes: The order of the axes of files that do not name them, see `images.axes`.
        display: What is shown of images, see `study_display`.
        size: Height and width to which all images are resized bicubically, in pixels; by default
            all images must have the same size.
        about: Text for participants on the first page, such as who asks.
        invitation: Who may take part.
        advance: Called after each image with the number of all images.

    Returns:
        The study in `output`.

    Raises:
        UserError: A folder is missing, has no images, or has other images than `real`; the sizes
            differ and `size` is not given, or the aspect ratios differ from that of `size`; there
            are too few images for a session; a name, code or number is invalid; `output` exists
            already.
    """
    output = Path(output)
    check_new_directory(output)
    _check_names(name, list(fakes))
    _check_invitation(invitation)
    folders = {algorithm: Path(folder) for algorithm, folder in fakes.items()}
    sources = find_sources(Path(real), folders, real_half, axes)
    _check_image_count(sources.names, protocol, Path(real))
    images = sources.all_images()
    by_path = {image.path: image for image in images}

    def all_unreadable() -> AbstractContextManager[None]:
        return report_all_unreadable(list(by_path), lambda path: by_path[path].read())

    with all_unreadable():
        size = common_size(images, size)
        show = study_display(sources, display)
    settings = Settings(
        name=name,
        id=secrets.token_hex(8),
        about=about,
        protocol=protocol,
        size=size,
        algorithms=tuple(fakes),
        images=sources.names,
    )
    with all_unreadable(), atomic_directory(output) as partial:
        study = _write_invitation(Study(partial, settings), invitation)
        study.save_settings()
        _write_images(study, sources, show, advance)
    return Study(output, study.settings)


def _check_names(study: str, algorithms: Sequence[str]) -> None:
    for option, name in (("--name", study), *(("--fake", name) for name in algorithms)):
        if not re.fullmatch(NAME_PATTERN, name):
            raise UserError(
                f"{option} {name}: a folder is called so, and its name begins with a letter or "
                "digit and has at most 64 of letters, digits, spaces and + . _ -"
            )
    if not algorithms:
        raise UserError("--fake: expected the images of one algorithm or more, as NAME=DIR")
    # Ignoring case: some file systems take L1 and l1 for the same folder.
    taken = {REAL}
    for name in algorithms:
        if name.casefold() in taken:
            raise UserError(f"--fake {name}: the name is taken, give another one")
        taken.add(name.casefold())


def _check_invitation(invitation: Invitation) -> None:
    if invitation.shared_code is None:
        return
    if invitation.one_time_codes:
        raise UserError("--invite and --invites: expected one of them")
    if len(invitation.shared_code.strip()) < MIN_CODE_LENGTH:
        raise UserError(
            f"--invite {invitation.shared_code}: expected {MIN_CODE_LENGTH} or more characters, so "
            "that nobody guesses it"
        )


def _check_image_count(names: Sequence[str], protocol: Protocol, real: Path) -> None:
    needed = min_images(protocol)
    if len(names) < needed:
        raise UserError(
            f"--real {real}: has {len(names)} images, and a session of {protocol.practice} "
            f"practice and {protocol.trials} other trials needs {needed}, as none is shown twice: "
            "add images, or give smaller --practice and --trials"
        )


def _write_invitation(study: Study, invitation: Invitation) -> Study:
    """Writes the answer database and the one-time codes; returns the study with its access."""
    settings = study.settings
    codes = [
        "".join(secrets.choice(_CODE_LETTERS) for _ in range(_CODE_LENGTH))
        for _ in range(invitation.one_time_codes)
    ]
    AnswerDatabase.create(study.answers_file, map(settings.digest, codes))
    if codes:
        study.invites_file.write_text("".join(f"{code}\n" for code in codes), encoding="utf-8")
        return Study(study.folder, settings.model_copy(update={"invite": "single"}))
    if invitation.shared_code is not None:
        digest = settings.digest(invitation.shared_code)
        update = {"invite": "shared", "invite_sha256": digest}
        return Study(study.folder, settings.model_copy(update=update))
    return study


def _write_images(
    study: Study, sources: Sources, show: Show, advance: Callable[[int], None]
) -> None:
    for side in sources.sides:
        study.image_file(side, 0).parent.mkdir(parents=True)

    def write(item: tuple[str, int]) -> None:
        side, index = item
        pixels = resize_image(show(sources.sides[side][index]), *study.settings.size)
        write_image(study.image_file(side, index), pixels)

    items = [(side, index) for side in sources.sides for index in range(len(sources.names))]
    parallel_map(write, items, advance)
