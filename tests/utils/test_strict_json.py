import json
import math

import numpy as np
import pytest

from pix2pix_tf.utils.strict_json import strict_json


def refuse(constant):
    raise ValueError(constant)


def test_numbers_that_are_not_finite_are_null_at_any_depth():
    value = {
        "a": [math.nan, (1.5, -math.inf)],
        "b": {"c": np.float32(math.inf)},
        "d": True,
        "e": np.int64(3),
    }
    read = json.loads(strict_json(value), parse_constant=refuse)
    assert read == {"a": [None, [1.5, None]], "b": {"c": None}, "d": True, "e": 3}


def test_names_that_are_not_utf8_are_no_lone_surrogates():
    text = strict_json({"caf\udce9": ["\udcff"]}, indent=None)
    assert json.loads(text) == {"caf\\xe9": ["\\xff"]}
    text.encode("ascii")


def test_what_is_not_plain_is_refused_not_written():
    with pytest.raises(TypeError):
        strict_json({"a": object()})
