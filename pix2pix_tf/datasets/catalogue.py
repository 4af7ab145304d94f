"""Catalogue of the datasets that were published with pix2pix.

Numbers of pairs are as published, sizes as published or measured; unknown values are None. The
authors state no licence for the archives.
"""

from __future__ import annotations

from dataclasses import dataclass

from pix2pix_tf.utils.errors import UserError

# The address in the authors' own download script, without TLS.
BASE_URL = "http://efrosgans.eecs.berkeley.edu/pix2pix/datasets/"
NOT_STATED = "not stated"

_HED = 'edges by HED: Xie and Tu, "Holistically-Nested Edge Detection", ICCV 2015'


@dataclass(frozen=True)
class Dataset:
    """One published dataset of side-by-side pairs.

    Attributes:
        name: The name of its folder below `datasets` and of its archive, NAME.tar.gz.
        what: The content and the source of the images.
        a: The content of the left half of each file.
        b: The content of the right half of each file.
        pairs: The number of training pairs, rounded if it begins with ~.
        citation: The publication that its publishers ask to cite.
        licence: The licence as published.
        bytes: The size of the archive in bytes; None if unknown.
        exact: Whether `bytes` is the exact size; if not, it is rounded.
        sha256: The checksum of the archive, in hexadecimal; None if unknown.
        base_url: The address of the folder of the archive.
    """

    name: str
    what: str
    a: str
    b: str
    pairs: str
    citation: str
    licence: str = NOT_STATED
    bytes: int | None = None
    exact: bool = False
    sha256: str | None = None
    base_url: str = BASE_URL


CATALOGUE: dict[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        Dataset(
            name="facades",
            what="façades of the CMP Facades dataset",
            a="photo",
            b="labels",
            pairs="400",
            citation='Tyleček and Šára, "Spatial Pattern Templates for Recognition of Objects with '
            'Regular Structure", GCPR 2013',
            bytes=30_168_306,
            exact=True,
        ),
        Dataset(
            name="maps",
            what="images of Google Maps",
            a="aerial photo",
            b="street map",
            pairs="1,096",
            citation='Isola et al., "Image-to-Image Translation with Conditional Adversarial '
            'Networks", CVPR 2017',
            bytes=250_242_400,
            exact=True,
        ),
        Dataset(
            name="cityscapes",
            what="street scenes of the Cityscapes training set",
            a="photo",
            b="labels",
            pairs="2,975",
            citation='Cordts et al., "The Cityscapes Dataset for Semantic Urban Scene '
            'Understanding", CVPR 2016',
            licence="not stated; the authors' later program offers it no more for reasons of "
            "licence and sends to cityscapes-dataset.com",
            bytes=99 * 2**20,
        ),
        Dataset(
            name="edges2shoes",
            what="shoes of UT Zappos50K",
            a="edges",
            b="photo",
            pairs="~50,000",
            citation='Yu and Grauman, "Fine-Grained Visual Comparisons with Local Learning", '
            f"CVPR 2014; {_HED}",
            bytes=2 * 2**30,
        ),
        Dataset(
            name="edges2handbags",
            what="Amazon handbags of the iGAN project",
            a="edges",
            b="photo",
            pairs="~137,000",
            citation='Zhu et al., "Generative Visual Manipulation on the Natural Image Manifold", '
            f"ECCV 2016; {_HED}",
            bytes=8 * 2**30,
        ),
        Dataset(
            name="night2day",
            what="outdoor scenes of the Transient Attributes dataset",
            a="night",
            b="day",
            pairs="17,823",
            citation='Laffont et al., "Transient Attributes for High-Level Understanding and '
            'Editing of Outdoor Scenes", SIGGRAPH 2014',
            bytes=int(1.9 * 2**30),
        ),
    )
}


def archive_url(base_or_file: str, name: str) -> str:
    """Returns the address of an archive.

    Args:
        base_or_file: The address of the archive, or of the folder of NAME.tar.gz.
        name: The name of the dataset.

    Raises:
        UserError: The address is not an http or https address.
    """
    from urllib.parse import urlsplit

    parts = urlsplit(base_or_file)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UserError(f"{base_or_file}: expected an address that begins http:// or https://")
    if archive_suffix(base_or_file) is not None:
        return base_or_file
    return parts._replace(path=f"{parts.path.rstrip('/')}/{name}.tar.gz").geturl()


def archive_suffix(url: str) -> str | None:
    """Returns `.tar.gz` or `.zip` by the path of an address; None if it is not an archive."""
    from urllib.parse import urlsplit

    path = urlsplit(url).path.lower()
    if path.endswith((".tar.gz", ".tgz")):
        return ".tar.gz"
    return ".zip" if path.endswith(".zip") else None
