import numpy as np
import pytest

from pix2pix_tf.segmentation.shipped import load_palette
from pix2pix_tf.utils.errors import UserError

TWO = """
- {name: meadow, colour: [0, 200, 0]}
- {name: lake, colour: [0, 0, 200]}
- {void: true, colour: [0, 0, 0]}
"""


@pytest.fixture
def two(tmp_path):
    (tmp_path / "two.yaml").write_text(TWO)
    return load_palette(tmp_path / "two.yaml")


def row(*colours):
    return np.array([colours], np.uint8)


def refusal(call, *arguments):
    with pytest.raises(UserError) as caught:
        call(*arguments)
    message = str(caught.value)
    assert "\n" not in message
    return message
