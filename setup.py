"""Where the packages lie; everything else about the distribution stands in pyproject.toml.

Two top-level folders of the repository are sub-packages once installed, so that
`import pix2pix_tf.exporters` is their one name in a checkout and in a wheel.
"""

from pathlib import Path

from setuptools import find_packages, setup

version = next(
    line.split('"')[1]
    for line in Path(__file__).with_name("pix2pix_tf").joinpath("version.py").open()
    if line.startswith("__version__")
)

setup(
    version=version,
    packages=[
        *find_packages(include=["pix2pix_tf", "pix2pix_tf.*"]),
        "pix2pix_tf.configs",
        "pix2pix_tf.exporters",
    ],
    package_dir={
        "pix2pix_tf": "pix2pix_tf",
        "pix2pix_tf.configs": "configs",
        "pix2pix_tf.exporters": "exporters",
    },
    include_package_data=False,  # nothing but what is named
    package_data={
        "pix2pix_tf": ["py.typed"],
        "pix2pix_tf.configs": ["*.yaml", "segmenters/*.yaml"],
        "pix2pix_tf.demo": ["page/*"],
        "pix2pix_tf.evaluation.report": ["page/*"],
        "pix2pix_tf.study": ["page/*"],
        "pix2pix_tf.exporters": ["page/*", "litert/*", "litert/wasm/*"],
    },
)
