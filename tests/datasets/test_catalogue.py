import dataclasses
import subprocess
import sys

import pytest

from pix2pix_tf.datasets.catalogue import BASE_URL, CATALOGUE, archive_suffix, archive_url
from pix2pix_tf.utils.errors import UserError


def test_every_dataset_says_what_it_is():
    assert list(CATALOGUE) == [
        "facades",
        "maps",
        "cityscapes",
        "edges2shoes",
        "edges2handbags",
        "night2day",
    ]
    for name, dataset in CATALOGUE.items():
        assert dataset.name == name
        assert all((dataset.what, dataset.a, dataset.b, dataset.pairs, dataset.citation))
        assert dataset.licence.startswith("not stated")
        assert dataset.sha256 is None or len(dataset.sha256) == 64
    with pytest.raises(dataclasses.FrozenInstanceError):
        CATALOGUE["maps"].name = "charts"


@pytest.mark.parametrize(
    ("given", "address", "suffix"),
    [
        (BASE_URL, f"{BASE_URL}maps.tar.gz", ".tar.gz"),
        ("https://host/sets", "https://host/sets/maps.tar.gz", ".tar.gz"),
        ("https://host/other.tgz", "https://host/other.tgz", ".tar.gz"),
        ("https://host/Maps.ZIP?dl=1", "https://host/Maps.ZIP?dl=1", ".zip"),
        ("https://host/get?key=1", "https://host/get/maps.tar.gz?key=1", ".tar.gz"),
    ],
)
def test_an_address_is_of_the_archive_or_of_its_folder(given, address, suffix):
    assert archive_url(given, "maps") == address
    assert archive_suffix(address) == suffix


@pytest.mark.parametrize("given", ["host/maps.tar.gz", "file:///etc/maps.zip", "http://", ""])
def test_only_http_addresses(given):
    with pytest.raises(UserError, match="begins http:// or https://"):
        archive_url(given, "maps")


def test_catalogue_needs_nothing_heavy():
    code = "import sys, pix2pix_tf.datasets.catalogue; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
