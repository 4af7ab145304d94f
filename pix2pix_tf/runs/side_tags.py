"""What the files of a side say beside values, as far as all of them say the same.

It is recorded with the pairs of a run, so that its translations say it too.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pix2pix_tf.images.carried_tags import CarriedTags
from pix2pix_tf.images.image_file import Reading
from pix2pix_tf.images.io import image_tags
from pix2pix_tf.utils.errors import UserError

_FILES_AT_MOST = 100  # evenly spaced files of a side whose headers are read


def common_tags(paths: Sequence[Path]) -> CarriedTags:
    """Returns the tags that all files of a side have in common, of those that `to_json` keeps.

    Of more than 100 files, 100 evenly spaced ones are read; those that cannot be read are left out.

    Args:
        paths: The files.
    """
    found = []
    for path in paths[:: max(1, -(-len(paths) // _FILES_AT_MOST))]:
        try:
            found.append(to_json(image_tags(path, Reading(axes="CYX"))))  # whatever their order
        except UserError:  # it is reported when all images are opened
            continue
    first = found[0] if found else {}
    return from_json(
        {key: first[key] for key in first if all(_has(one, key, first) for one in found)}
    )


def _has(tags: Mapping[str, Any], key: str, others: Mapping[str, Any]) -> bool:
    return key in tags and tags[key] == others[key]


def to_json(tags: CarriedTags) -> dict[str, Any]:
    """Returns tags that do not depend on the single image as JSON values."""
    tree: dict[str, Any] = {}
    if tags.nodata is not None:
        tree["nodata"] = "nan" if math.isnan(tags.nodata) else tags.nodata
    if tags.profile is not None:
        tree["profile"] = base64.b64encode(tags.profile).decode()
    if tags.names:
        tree["names"] = list(tags.names)
    if tags.is_ome:
        tree["is_ome"] = True
    return tree


def from_json(tree: Mapping[str, Any]) -> CarriedTags:
    """Returns tags from JSON values, the inverse of `to_json`."""
    nodata, profile = tree.get("nodata"), tree.get("profile")
    return CarriedTags(
        nodata=float("nan") if nodata == "nan" else nodata,
        profile=None if profile is None else base64.b64decode(profile),
        names=tuple(tree.get("names", ())),
        is_ome=bool(tree.get("is_ome")),
    )
